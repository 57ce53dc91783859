import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { ServiceWatch } from '../../src/cli/service-watch.js';
import { FakeClock, settle } from '../support/fake-clock.js';

const SYSTEMD = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) };

describe('signs of life for systemd', () => {
  it('are three in the time that it has patience, from the start to the end', () => {
    const { clock, signs, watch } = watchIn(SYSTEMD);
    watch.start();
    clock.advance(30_000);
    expect(signs.map(({ atMs }) => atMs)).toEqual([0, 10_000, 20_000, 30_000]);
    expect(signs[0]?.words).toEqual(['WATCHDOG=1']);
    watch.stop();
    clock.advance(30_000);
    expect(signs).toHaveLength(4);
    expect(clock.pendingAlarms).toBe(0);
  });

  it.each([
    ['without systemd', {}],
    ['where the unit has no WatchdogSec', { NOTIFY_SOCKET: '/run/systemd/notify' }],
    ['where another process is asked', { ...SYSTEMD, WATCHDOG_PID: '1' }],
    ['where the time makes no sense', { ...SYSTEMD, WATCHDOG_USEC: 'often' }],
  ])('are not given %s', (_, env) => {
    const { clock, signs, watch } = watchIn(env);
    watch.start();
    clock.advance(60_000);
    expect(signs).toEqual([]);
    expect(clock.pendingAlarms).toBe(0);
  });

  it('go on when one could not be given, which is said once', async () => {
    const { clock, signs, printed, watch } = watchIn(SYSTEMD, new Error('spawn systemd-notify ENOENT'));
    watch.start();
    for (let sign = 0; sign < 3; sign += 1) {
      await settle();
      clock.advance(10_000);
    }
    expect(signs).toHaveLength(4);
    expect(printed).toEqual([expect.stringContaining('ENOENT')]);
    watch.stop();
  });
});

test('a sign is given by the program systemd-notify', async () => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'linecard-notify-'));
  const program = path.join(directory, 'systemd-notify');
  const told = path.join(directory, 'told');
  await writeFile(program, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" > ${told}\n`);
  await chmod(program, 0o755);
  const env = { ...SYSTEMD, PATH: `${directory}:${process.env['PATH'] ?? ''}` };
  const clock = new FakeClock();
  const watch = new ServiceWatch({ env, clock, print: (line) => expect.unreachable(line) });
  watch.start();
  await expect.poll(() => readFile(told, 'utf8').catch(() => '')).toBe('/run/systemd/notify WATCHDOG=1\n');
  watch.stop();
  await rm(directory, { recursive: true, force: true });
});

function watchIn(
  env: NodeJS.ProcessEnv,
  failure: Error | null = null,
): {
  clock: FakeClock;
  signs: { atMs: number; words: readonly string[] }[];
  printed: string[];
  watch: ServiceWatch;
} {
  const clock = new FakeClock();
  const signs: { atMs: number; words: readonly string[] }[] = [];
  const printed: string[] = [];
  const notify = (words: readonly string[]): Promise<void> => {
    signs.push({ atMs: clock.nowMs(), words });
    return failure === null ? Promise.resolve() : Promise.reject(failure);
  };
  return {
    clock,
    signs,
    printed,
    watch: new ServiceWatch({ env, clock, print: (line) => printed.push(line), notify }),
  };
}
