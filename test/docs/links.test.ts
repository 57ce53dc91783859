import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** A place that a page sends its reader to: `file` from the root, `anchor` empty for the top. */
type Link = { readonly from: string; readonly file: string; readonly anchor: string };

describe('links of the documentation', () => {
  const pages = readPages();
  const links = [...pages].flatMap(([from, text]) => linksOf(from, text));

  it('lead to files that are there', () => {
    expect(links.length).toBeGreaterThan(20);
    const lost = links.filter(({ file }) => !existsSync(join(ROOT, file)));
    expect(lost.map(({ from, file }) => `${from} -> ${file}`)).toEqual([]);
  });

  it('lead to headings that are there', () => {
    const lost = links.filter(({ file, anchor }) => {
      const text = pages.get(file);
      return anchor !== '' && text !== undefined && !anchorsOf(text).includes(anchor);
    });
    expect(lost.map(({ from, file, anchor }) => `${from} -> ${file}#${anchor}`)).toEqual([]);
  });

  it('reach every page for users from the README', () => {
    const unreached = [...pages.keys()].filter((page) => /^docs\/[^/]+$/.test(page) && !reachable(links).has(page));
    expect(unreached).toEqual([]);
  });
});

function readPages(): Map<string, string> {
  const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file));
  return new Map(
    ['README.md', 'src/README.md', ...inDocs].map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]),
  );
}

function linksOf(from: string, text: string): Link[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor = ''] = target.split('#');
      const path = file === '' ? from : relative(ROOT, join(ROOT, dirname(from), file));
      return { from, file: path, anchor };
    });
}

/** As GitHub makes them: lower case, punctuation gone, spaces to dashes. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function reachable(links: readonly Link[]): Set<string> {
  const seen = new Set(['README.md']);
  // A set grows while it is walked: each page is visited once.
  for (const page of seen) for (const { from, file } of links) if (from === page) seen.add(file);
  return seen;
}
