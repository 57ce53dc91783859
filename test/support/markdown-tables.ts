import type { KeyTable } from './config-keys.js';

/** Where a table of the page begins and ends; the name is that of a `KeyTable`. */
const TABLE = /<!-- keys: ([^>]+) -->\n([\s\S]*?)<!-- \/keys -->/g;
const ROW = /^\| `([^`]+)` \| (.*?) \| (?:.*?) \| (?:.*?) \|$/;

/** The tables that a page has, in its order. */
export function tableNames(page: string): string[] {
  return [...page.matchAll(TABLE)].map(([, name = '']) => name);
}

/** The page with what its tables say of types and defaults made anew; what each key means is the page's own. */
export function withTables(page: string, tables: readonly KeyTable[]): string {
  return page.replace(TABLE, (_, name: string, body: string) => {
    const table = tables.find((candidate) => candidate.name === name);
    if (table === undefined) return `<!-- keys: ${name} -->\nThe schema has no such block.\n<!-- /keys -->`;
    const meanings = meaningsOf(body);
    const rows = table.keys.map(({ path, takes, default: value }) => {
      const shown = value === null ? '**required**' : value === '' ? 'none' : `\`${value}\``;
      return `| \`${path}\` | ${meanings.get(path) ?? ''} | ${cell(takes)} | ${shown} |`;
    });
    const head = ['| key | what it is for | takes | default |', '| --- | --- | --- | --- |'];
    return [`<!-- keys: ${name} -->`, ...head, ...rows, '<!-- /keys -->'].join('\n');
  });
}

/** Keys that no words are spent on. */
export function withoutMeaning(page: string): string[] {
  return [...page.matchAll(TABLE)].flatMap(([, name = '', body = '']) =>
    [...meaningsOf(body)].filter(([, meaning]) => meaning.length < 3).map(([path]) => `${name}: ${path}`),
  );
}

function meaningsOf(body: string): Map<string, string> {
  const rows = body.split('\n').flatMap((line) => {
    const [, path, meaning] = ROW.exec(line) ?? [];
    return path === undefined ? [] : [[path, meaning ?? ''] as const];
  });
  return new Map(rows);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/<(?=\w)/g, '&lt;');
}
