import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const HEALTH = path.join(import.meta.dirname, '../../scripts/health.mjs');
/** Answers as `/healthz` does, and prints its port. */
const SERVING = `const s = require('http').createServer((q, r) => r.end('{}')); s.listen(0, '127.0.0.1', () => console.log(s.address().port))`;
const IDLE = 'setInterval(() => undefined, 60000); console.log(0)';

let directory: string;
let children: ChildProcess[];
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'linecard-health-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

/** Resolves with its first word. */
async function start(program: string, pidFile: string): Promise<string> {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [printed] = (await once(child.stdout, 'data')) as [Buffer];
  await writeFile(path.join(directory, pidFile), `${child.pid}\n`);
  return printed.toString().trim();
}

function check(port: string): Promise<number> {
  const env = { ...process.env, TMPDIR: directory, LINECARD_DATA_DIR: directory, LINECARD_HTTP_PORT: port };
  return new Promise((resolve) => {
    execFile(process.execPath, [HEALTH], { env }, (error) => resolve(error === null ? 0 : Number(error.code)));
  });
}

const failures = (): Promise<string> => readFile(path.join(directory, 'linecard-health'), 'utf8');

// Docker marks a container whose processes are stopped as unhealthy, and does nothing about it.
test('supervisor and serving process stopped: the third check without an answer kills both, so that the container ends', async () => {
  await start(IDLE, 'supervisor.pid');
  const port = await start(SERVING, 'linecard.pid');
  expect(await check(port)).toBe(0);
  for (const child of children) child.kill('SIGSTOP');
  await writeFile(path.join(directory, 'linecard-health'), '2\n');
  const ended = Promise.all(children.map((child) => once(child, 'exit')));
  expect(await check(port)).toBe(1);
  expect(await ended).toEqual([
    [null, 'SIGKILL'],
    [null, 'SIGKILL'],
  ]);
});

test('one check without an answer kills nobody, and one with an answer makes it forgotten', async () => {
  const port = await start(SERVING, 'linecard.pid');
  expect(await check(port)).toBe(0);
  expect(await check('1')).toBe(1);
  expect(await failures()).toBe('1\n');
  expect(await check(port)).toBe(0);
  expect(await failures()).toBe('0\n');
});

test('a start that takes its time is left alone', async () => {
  await start(IDLE, 'supervisor.pid');
  for (let time = 0; time < 4; time += 1) expect(await check('1')).toBe(1);
  expect(children[0]!.exitCode).toBeNull();
  await expect(failures()).rejects.toThrow();
});
