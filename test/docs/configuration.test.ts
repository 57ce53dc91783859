import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfigText } from '../../src/config/index.js';
import { configSchema } from '../../src/config/schema.js';
import { keyTables } from '../support/config-keys.js';
import { tableNames, withoutMeaning, withTables } from '../support/markdown-tables.js';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = join(ROOT, 'docs/configuration.md');

describe('docs/configuration.md', () => {
  const page = readFileSync(PAGE, 'utf8');
  const tables = keyTables(configSchema);

  it('has a table for each block of the schema, and no other', () => {
    expect(tableNames(page).sort()).toEqual(tables.map(({ name }) => name).sort());
  });

  // After a change of the schema: `npx vitest run --project unit test/docs -u`, then say what the new key is for.
  it('says of every key what it takes and what stands for it', async () => {
    await expect(withTables(page, tables)).toMatchFileSnapshot(PAGE);
  });

  it('says what every key is for', () => {
    expect(withoutMeaning(page)).toEqual([]);
  });

  it('knows each environment variable that the program reads, and no other', () => {
    const told = [...page.matchAll(/^\| `(LINECARD_[A-Z_]+)` \|/gm)].map(([, name]) => name);
    const read = sources('src').flatMap((text) =>
      [...text.matchAll(/env(?:ironment)?\[?.*'(LINECARD_[A-Z_]+)'/g)].map(([, name]) => name),
    );
    const overrides = readFileSync(join(ROOT, 'src/config/overrides.ts'), 'utf8').matchAll(/'(LINECARD_[A-Z_]+)'/g);
    expect(told.sort()).toEqual([...new Set([...read, ...[...overrides].map(([, name]) => name)])].sort());
  });
});

describe('the documentation', () => {
  const examples = documents().flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ''], index) => ({
      name: `${file}, example ${index + 1}`,
      text,
    })),
  );

  it.each(examples)('shows a configuration that is read: $name', ({ text }) => {
    const names = [...text.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name = '']) => [name, 'secret'] as const);
    const reading = readConfigText(text, { env: Object.fromEntries(names), cwd: '/home/linecard' });
    expect(reading.ok ? [] : reading.mistakes).toEqual([]);
  });
});

function documents(): string[] {
  const pages = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  return ['README.md', ...pages.filter((path) => path.endsWith('.md')).map((path) => join('docs', path))];
}

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(join(ROOT, folder, path), 'utf8'));
}
