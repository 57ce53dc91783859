import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Supervisor, type SupervisorEvent } from '../../src/cli/supervisor.js';
import { foregroundClock } from '../../src/core/clock.js';

const SUPPORT = path.join(import.meta.dirname, '../support');
const STUB = path.join(SUPPORT, 'serving-stub.mjs');

let dataDir: string;
let events: SupervisorEvent[];
let running: Supervisor | null = null;
beforeEach(async () => {
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-supervisor-'));
  events = [];
});
afterEach(async () => {
  running?.stop();
  running?.stop();
  running = null;
  await rm(dataDir, { recursive: true, force: true });
});

function supervise(mode: string): Promise<number> {
  running = new Supervisor({ script: STUB, args: [mode], dataDir, onEvent: (event) => events.push(event) });
  return running.run();
}

const pidInFile = async (): Promise<number> => Number(await readFile(path.join(dataDir, 'linecard.pid'), 'utf8'));
const readyPids = (): number[] => events.flatMap((event) => (event.kind === 'ready' ? [event.pid] : []));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('the id of the serving process is in linecard.pid while it serves, and only then', async () => {
  const ended = supervise('serve');
  await expect.poll(readyPids).toHaveLength(1);
  const pid = await pidInFile();
  expect(readyPids()).toEqual([pid]);
  expect(isAlive(pid)).toBe(true);
  running!.stop();
  expect(await ended).toBe(0);
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(path.join(dataDir, 'linecard.pid'))).toBe(false);
});

test('a process that is killed is followed by another within a second', async () => {
  const ended = supervise('serve');
  await expect.poll(readyPids).toHaveLength(1);
  const first = await pidInFile();
  const killedAtMs = performance.now();
  process.kill(first, 'SIGKILL');
  await expect.poll(readyPids, { interval: 5 }).toHaveLength(2);
  expect(performance.now() - killedAtMs).toBeLessThan(1000);
  expect(await pidInFile()).toBe(readyPids()[1]);
  expect(events).toContainEqual({ kind: 'died', pid: first, how: 'SIGKILL', restartInMs: 0 });
  running!.stop();
  expect(await ended).toBe(0);
});

// A full disk once ended the supervisor with the process that it should have started again.
test('on a disk that takes nothing more it serves, and the id of another process is not left there', async () => {
  const ended = supervise('serve');
  await expect.poll(readyPids).toHaveLength(1);
  await mkdir(path.join(dataDir, 'linecard.pid.new'));
  process.kill(await pidInFile(), 'SIGKILL');
  await expect.poll(readyPids).toHaveLength(2);
  await expect.poll(() => events).toContainEqual(expect.objectContaining({ kind: 'unwritten', pid: readyPids()[1] }));
  expect(existsSync(path.join(dataDir, 'linecard.pid'))).toBe(false);
  running!.stop();
  expect(await ended).toBe(0);
});

test('a process that is stopped is killed, and followed by another', async () => {
  // Ten times as fast.
  const clock = {
    ...foregroundClock,
    setAlarm: (delayMs: number, ring: () => void) => foregroundClock.setAlarm(delayMs / 10, ring),
  };
  running = new Supervisor({ script: STUB, args: ['beating'], dataDir, clock, onEvent: (event) => events.push(event) });
  const ended = running.run();
  await expect.poll(readyPids).toHaveLength(1);
  const first = await pidInFile();
  process.kill(first, 'SIGSTOP');
  await expect.poll(readyPids).toHaveLength(2);
  expect(events).toContainEqual({ kind: 'frozen', pid: first });
  expect(events).toContainEqual({ kind: 'died', pid: first, how: 'SIGKILL', restartInMs: 0 });
  expect(isAlive(first)).toBe(false);
  running.stop();
  expect(await ended).toBe(0);
});

test('a process that dies at every start is started less and less often, but within a second', async () => {
  // The waits are run through at once: only what was asked for counts.
  const asked: number[] = [];
  const clock = {
    ...foregroundClock,
    setAlarm: (delayMs: number, ring: () => void) => {
      asked.push(delayMs);
      return foregroundClock.setAlarm(0, ring);
    },
  };
  running = new Supervisor({ script: STUB, args: ['crash'], dataDir, clock, onEvent: (event) => events.push(event) });
  const ended = running.run();
  await expect.poll(() => asked.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(7);
  running.stop();
  expect(await ended).toBe(0);
  expect(asked.slice(0, 7)).toEqual([0, 100, 250, 500, 800, 800, 800]);
});

test('a wrong configuration is not tried again', async () => {
  expect(await supervise('config')).toBe(78);
  expect(events.filter((event) => event.kind === 'started')).toHaveLength(1);
});

test('a process that does not listen is killed by the second stop', async () => {
  const ended = supervise('deaf');
  await expect.poll(readyPids).toHaveLength(1);
  running!.stop();
  running!.stop();
  expect(await ended).toBe(0);
  expect(isAlive(readyPids()[0]!)).toBe(false);
});

test('a supervisor that is killed takes the serving process with it', async () => {
  const owner = spawn(process.execPath, ['--import', 'tsx', path.join(SUPPORT, 'supervisor-owner.ts'), STUB, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(owner.stdout, 'data');
  const pid = await pidInFile();
  expect(isAlive(pid)).toBe(true);
  owner.kill('SIGKILL');
  await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  expect((await stat(dataDir)).isDirectory()).toBe(true);
});
