import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FolderRules, PackageExceptions, SourceFile } from './support/import-rules.js';
import { directionMistakes, importsOf, packageMistakes } from './support/import-rules.js';

/** The directions of src/README.md. A folder sees itself; files right under `src/` see all and are seen by none. */
const FOLDERS: FolderRules = {
  core: [],
  config: ['core'],
  media: ['core'],
  transports: ['core', 'media'],
  pbx: ['core', 'ports'],
  speech: ['core'],
  agent: ['core', 'media', 'speech'],
  engine: ['core', 'media', 'agent', 'ports'],
  journal: ['core'],
  call: ['core', 'ports'],
  demo: ['core'],
  observe: ['core', 'ports'],
  api: ['core', 'call', 'observe', 'ports'],
  // The commands are programs of their own: `doctor` asks each adapter whether its PBX would serve, and whether there are ears.
  cli: ['core', 'config', 'observe', 'demo', 'pbx', 'speech', 'ports'],
};

/** Packages that live in more than one folder. */
const PACKAGES: PackageExceptions = {
  // A tool says with it what input it takes.
  zod: ['config', 'agent'],
  // Both ends of it: agents that are elsewhere, and clients.
  ws: ['agent', 'api'],
};

const SOURCE_ROOT = join(import.meta.dirname, '../src');

describe('the house', () => {
  const files = readSources();

  it('is imported only in the directions that src/README.md states', () => {
    expect(files.length).toBeGreaterThan(10);
    expect(directionMistakes(files, FOLDERS)).toEqual([]);
  });

  it('has each third-party package in one folder', () => {
    expect(packageMistakes(files, PACKAGES)).toEqual([]);
  });
});

describe('the rules', () => {
  const file = (path: string, text: string): SourceFile => ({ path, text });

  it('see every way to import', () => {
    const text = `
      import a from 'one';
      import type { B } from './two.js';
      export * from 'three';
      const four = await import('four');
      const five = require('five');
      type Six = import('six').Six;
      import seven = require('seven');
      const text = "import x from 'no'";`;
    expect(importsOf(file('core/a.ts', text))).toEqual(['one', './two.js', 'three', 'four', 'five', 'six', 'seven']);
  });

  it('refuse an import against the direction', () => {
    const upwards = file('core/clock.ts', `import { route } from '../api/routes.js';`);
    expect(directionMistakes([upwards], FOLDERS)).toEqual(['core/clock.ts imports api/routes.ts']);
  });

  it('let a folder see the port of another, and not what is behind it', () => {
    const files = [
      file('call/session.ts', `import type { Pbx } from '../pbx/port.js';`),
      file('call/bad.ts', `import { Ari } from '../pbx/asterisk/ari.js';`),
    ];
    expect(directionMistakes(files, FOLDERS)).toEqual(['call/bad.ts imports pbx/asterisk/ari.ts']);
  });

  it('let nobody see the composition, which sees all', () => {
    const files = [
      file('compose.ts', `import { Ari } from './pbx/asterisk/ari.js';`),
      file('cli/start.ts', `import { compose } from '../compose.js';`),
    ];
    expect(directionMistakes(files, FOLDERS)).toEqual(['cli/start.ts imports compose.ts']);
  });

  it('want a rule for a new folder', () => {
    expect(directionMistakes([file('attic/box.ts', '')], FOLDERS)).toEqual([
      'attic/box.ts: the folder attic/ has no rule',
    ]);
  });

  it('refuse a package that is used in two folders, or outside its exceptions', () => {
    const files = [
      file('observe/log.ts', `import pino from 'pino';`),
      file('api/app.ts', `import pino from 'pino'; import { z } from 'zod/mini'; import 'node:fs';`),
      file('pbx/a.ts', `import '@scope/x/sub';`),
      file('agent/b.ts', `import '@scope/x';`),
    ];
    expect(packageMistakes(files, PACKAGES)).toEqual([
      'pino is imported from api and observe',
      'zod is imported from api',
      '@scope/x is imported from agent and pbx',
    ]);
  });
});

function readSources(): SourceFile[] {
  return readdirSync(SOURCE_ROOT, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path: path.replaceAll('\\', '/'), text: readFileSync(join(SOURCE_ROOT, path), 'utf8') }));
}
