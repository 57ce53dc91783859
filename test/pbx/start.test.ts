import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findOrInstallAsterisk, PROJECT_DIR } from '../../src/demo/asterisk-install.js';
import { findFreePort } from '../../src/demo/ports.js';

const OWNER = path.join(PROJECT_DIR, 'test/support/start-owner.ts');
const TSX = path.join(PROJECT_DIR, 'node_modules/tsx/dist/esm/index.mjs');

/** `linecard start` in a directory of its own, on ports of its own. */
class Start {
  readonly process: ChildProcess;
  printed = '';
  readonly exitCode: Promise<number | null>;

  constructor(cwd: string, env: NodeJS.ProcessEnv) {
    this.process = spawn(process.execPath, ['--import', TSX, OWNER], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.process.stderr!.on('data', (chunk) => (this.printed += String(chunk)));
    this.exitCode = new Promise((resolve) => this.process.once('exit', (code) => resolve(code)));
  }

  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    await expect.poll(() => this.printed, { timeout: 30_000, interval: 20 }).toMatch(pattern);
    return pattern.exec(this.printed)!;
  }
}

let cwd: string;
let env: NodeJS.ProcessEnv;
let started: Start[];
beforeAll(async () => {
  await findOrInstallAsterisk();
});
beforeEach(async () => {
  cwd = await mkdtemp(path.join(os.tmpdir(), 'linecard-start-'));
  started = [];
  env = { ...process.env };
  for (const name of ['SIP', 'ARI', 'HTTP', 'AUDIOSOCKET']) env[`LINECARD_${name}_PORT`] = String(await findFreePort());
  delete env['LINECARD_DATA_DIR'];
  delete env['LINECARD_CONFIG'];
});
afterEach(async () => {
  for (const { process: child, exitCode } of started) {
    child.kill('SIGTERM');
    await exitCode;
  }
  await rm(cwd, { recursive: true, force: true });
});

function start(): Start {
  const run = new Start(cwd, env);
  started.push(run);
  return run;
}

const READY = /ready after [\d.]+ s, on a private Asterisk (\d+)/;
const pidIn = async (file: string): Promise<number> => Number(await readFile(path.join(cwd, 'data', file), 'utf8'));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('without a configuration it is the demo; Ctrl-C ends all of it; passwords stay the same', async () => {
  const first = start();
  await first.prints(READY);
  await first.prints(new RegExp(`127\\.0\\.0\\.1 +port ${env['LINECARD_SIP_PORT']}`));
  const [, password] = await first.prints(/user 6001 +password (\w{12})/);
  const pids = [await pidIn('linecard.pid'), await pidIn('demo-pbx/asterisk.pid')];
  expect(pids.map(isAlive)).toEqual([true, true]);
  for (const file of ['demo.yaml', 'demo-secrets.json'])
    expect((await stat(path.join(cwd, 'data', file))).mode & 0o777).toBe(0o600);
  first.process.kill('SIGINT');
  expect(await first.exitCode).toBe(0);
  expect(pids.map(isAlive)).toEqual([false, false]);
  expect(existsSync(path.join(cwd, 'data/linecard.pid'))).toBe(false);

  const second = start();
  expect((await second.prints(/user 6001 +password (\w{12})/))[1]).toBe(password);
});

test('a second start on the same data directory is refused and leaves the first alone', async () => {
  const first = start();
  await first.prints(READY);
  const pid = await pidIn('demo-pbx/asterisk.pid');
  for (const name of ['SIP', 'ARI', 'HTTP', 'AUDIOSOCKET']) env[`LINECARD_${name}_PORT`] = String(await findFreePort());
  const second = start();
  expect(await second.exitCode).toBe(78);
  expect(second.printed).toMatch(/already runs Linecard/);
  expect(isAlive(pid)).toBe(true);
  expect(await pidIn('demo-pbx/asterisk.pid')).toBe(pid);
});

test('the demo PBX that dies is started again', async () => {
  const run = start();
  await run.prints(READY);
  const pid = await pidIn('demo-pbx/asterisk.pid');
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => pidIn('demo-pbx/asterisk.pid'), { timeout: 10_000 }).not.toBe(pid);
  expect(isAlive(await pidIn('demo-pbx/asterisk.pid'))).toBe(true);
});

test('killed with SIGKILL it leaves nothing behind', async () => {
  const run = start();
  await run.prints(READY);
  const pids = [await pidIn('linecard.pid'), await pidIn('demo-pbx/asterisk.pid')];
  run.process.kill('SIGKILL');
  await expect.poll(() => pids.map(isAlive), { timeout: 10_000 }).toEqual([false, false]);
  // And the next start is not in its own way.
  await start().prints(READY);
});

test('stopped while the PBX boots it ends at once', async () => {
  const run = start();
  await expect
    .poll(() => existsSync(path.join(cwd, 'data/demo-pbx/asterisk.pid')), { interval: 5, timeout: 20_000 })
    .toBe(true);
  run.process.kill('SIGTERM');
  expect(await run.exitCode).toBe(0);
  expect(run.printed).not.toMatch(/did not start/);
});

test.each(['SIP', 'ARI', 'HTTP', 'AUDIOSOCKET'])(
  'a taken %s port is named with its variable, exit code 78',
  async (name) => {
    const variable = `LINECARD_${name}_PORT`;
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(Number(env[variable]), '127.0.0.1', resolve));
    try {
      const run = start();
      expect(await run.exitCode).toBe(78);
      expect(run.printed).toMatch(new RegExp(`port ${env[variable]} .*in use.*${variable}`));
    } finally {
      squatter.close();
    }
  },
);

test('with a configuration file no PBX is started', async () => {
  await writeFile(path.join(cwd, 'linecard.yaml'), 'dataDir: ./calls\nagents: { loop: { provider: echo } }\n');
  const run = start();
  await run.prints(/ready after [\d.]+ s\. Ctrl-C/);
  expect(existsSync(path.join(cwd, 'calls/linecard.pid'))).toBe(true);
  expect(existsSync(path.join(cwd, 'data'))).toBe(false);
  run.process.kill('SIGTERM');
  expect(await run.exitCode).toBe(0);
});

test('a wrong configuration file ends it with 78 and says what is wrong', async () => {
  await writeFile(path.join(cwd, 'linecard.yaml'), 'datadir: ./calls\n');
  const run = start();
  expect(await run.exitCode).toBe(78);
  expect(run.printed).toMatch(/datadir/);
});
