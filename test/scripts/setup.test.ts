import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const SETUP = path.join(import.meta.dirname, '../../scripts/setup.mjs');

/** Programs that stand in front of the machine's own. */
let bin: string;
beforeEach(async () => {
  bin = await mkdtemp(path.join(os.tmpdir(), 'linecard-bin-'));
});
afterEach(() => rm(bin, { recursive: true }));

async function program(name: string, script: string): Promise<void> {
  await writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(path.join(bin, name), 0o755);
}

function setUp(args: readonly string[], env: Record<string, string>): { status: number | null; printed: string } {
  const { status, stderr } = spawnSync(process.execPath, [SETUP, '--only-packages', ...args], {
    encoding: 'utf8',
    env: { ...process.env, CI: '', ...env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
  });
  return { status, printed: stderr };
}

/** An apt that logs what it is asked for and, where `works`, installs it; `sudo` that needs no password. */
async function machine(works: 'works' | 'offline'): Promise<void> {
  const log = path.join(bin, 'log');
  await writeFile(log, '');
  await program('dpkg-query', `grep -q installed ${log} && printf installed`);
  await program('sudo', `shift; exec "$@"`);
  await program('apt-get', `echo "$@" >> ${log}; ${works === 'works' ? `echo installed >> ${log}` : 'exit 100'}`);
}

test('what is missing is installed by apt-get', async () => {
  await machine('works');
  const { status, printed } = setUp([], {});
  expect(status).toBe(0);
  expect(printed).toContain('installing Debian packages: pocketsphinx, pocketsphinx-en-us');
  expect(await readFile(path.join(bin, 'log'), 'utf8')).toMatch(/install -y .*pocketsphinx pocketsphinx-en-us/);
});

test('what is there already costs nothing and prints nothing', async () => {
  await machine('works');
  await writeFile(path.join(bin, 'log'), 'installed\n');
  expect(setUp(['--test'], { CI: 'true' })).toEqual({ status: 0, printed: '' });
});

test('a recognizer that cannot be installed is loud, but no reason not to start', async () => {
  await machine('offline');
  const { status, printed } = setUp([], { CI: 'true' });
  expect(status).toBe(0);
  expect(printed).toMatch(/NOT INSTALLED: pocketsphinx[^]*callers use the keys[^]*sudo apt-get install/);
});

test('tests with a part missing go on by hand and fail under CI', async () => {
  await machine('offline');
  expect(setUp(['--test'], {})).toMatchObject({ status: 0, printed: expect.stringMatching(/will not run/) as string });
  expect(setUp(['--test'], { CI: 'true' })).toMatchObject({
    status: 1,
    printed: expect.stringMatching(/missing Debian packages: .*baresip/) as string,
  });
});
