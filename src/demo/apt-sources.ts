import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** A Debian mirror this machine already uses, with what apt needs to trust it. */
export type DebianMirror = { readonly uri: string; readonly options: readonly string[] };

type Entry = {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly signedBy: string | null;
  readonly trusted: 'yes' | 'no';
};

/** Debian's archive has these suites beside the one that is installed; other repositories seldom have them. */
const DEBIAN_SUITES = new Set([
  'bullseye',
  'bookworm',
  'trixie',
  'forky',
  'sid',
  'oldstable',
  'stable',
  'testing',
  'unstable',
]);

/**
 * The mirrors of Debian proper in the machine's apt sources, likeliest first; security archives and other people's
 * repositories are left out. `aptDir` is /etc/apt.
 */
export async function findDebianMirrors(aptDir: string): Promise<DebianMirror[]> {
  const entries: Entry[] = [];
  for (const file of await sourceFiles(aptDir)) {
    const text = await readFile(file, 'utf8').catch(() => '');
    entries.push(...(file.endsWith('.sources') ? parseDeb822(text) : parseOneLine(text)));
  }
  const mirrors = entries
    .filter((entry) => entry.components.includes('main') && entry.suites.some((suite) => DEBIAN_SUITES.has(suite)))
    .flatMap((entry) => entry.uris.map((uri) => ({ uri, entry })))
    .filter(({ uri }) => !/security|cdrom:/.test(uri));
  // A source signed by Debian's own keyring is Debian's for certain.
  const rank = (entry: Entry): number => (entry.signedBy?.includes('debian-archive') === true ? 0 : 1);
  mirrors.sort((a, b) => rank(a.entry) - rank(b.entry));
  const seen = new Set<string>();
  return mirrors
    .filter(({ uri }) => !seen.has(uri) && seen.add(uri))
    .map(({ uri, entry }) => ({
      uri,
      options: [
        ...(entry.signedBy === null ? [] : [`signed-by=${entry.signedBy}`]),
        ...(entry.trusted === 'yes' ? ['trusted=yes'] : []),
      ],
    }));
}

async function sourceFiles(aptDir: string): Promise<string[]> {
  const parts = path.join(aptDir, 'sources.list.d');
  const names = await readdir(parts).catch(() => []);
  return [
    path.join(aptDir, 'sources.list'),
    ...names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => path.join(parts, name)),
  ];
}

/** `deb [signed-by=/a/b] http://host/debian bookworm main contrib`, sources.list(5). */
function parseOneLine(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    if (match === null) continue;
    const [, options = '', uri = '', suite = '', components = ''] = match;
    entries.push({
      uris: [uri],
      suites: [suite],
      components: words(components),
      signedBy: /signed-by=(\S+)/.exec(options)?.[1] ?? null,
      trusted: /trusted=yes/.test(options) ? 'yes' : 'no',
    });
  }
  return entries;
}

/** Paragraphs of `Key: value`; a line that begins with a blank continues the value, one with # is a comment. */
function parseDeb822(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const paragraph of text.replace(/^#.*\n?/gm, '').split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    for (const match of paragraph.matchAll(/^([A-Za-z-]+):([^\n]*(?:\n[ \t][^\n]*)*)/gm)) {
      fields.set((match[1] ?? '').toLowerCase(), (match[2] ?? '').trim());
    }
    if (!words(fields.get('types')).includes('deb') || fields.get('enabled') === 'no') continue;
    const signedBy = fields.get('signed-by') ?? '';
    entries.push({
      uris: words(fields.get('uris')),
      suites: words(fields.get('suites')),
      components: words(fields.get('components')),
      // A key pasted into the file is left to apt's own trusted keys, which hold Debian's.
      signedBy: signedBy.startsWith('/') ? signedBy : null,
      trusted: fields.get('trusted') === 'yes' ? 'yes' : 'no',
    });
  }
  return entries;
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}
