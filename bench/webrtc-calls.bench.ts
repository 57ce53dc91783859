import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startLinecard } from '../src/compose.js';
import { readConfigObject } from '../src/config/index.js';
import { systemClock, wait } from '../src/core/clock.js';
import { createLog } from '../src/observe/log.js';
import type { Disturbances } from './support/disturbances.js';
import { DisturbanceWatch } from './support/disturbances.js';
import { printResult, round } from './support/media-bench.js';

/**
 * Browsers' calls on one media thread with real SRTP, the other ends in a process of their own: what one costs, and whether the thread keeps its
 * time. The echo agent speaks all the time, the dearest case.
 */
const CALLS = process.env['LINECARD_BENCH_BROWSER_CALLS']?.split(',').map(Number) ?? [15, 60];
const SECONDS = Number(process.env['LINECARD_BENCH_SECONDS'] ?? '20');
const TOKEN = 'token-of-the-bench';
/** How late ticks were in one second, and what else happened in it. */
type Second = { readonly p99Ms: number; readonly latestMs: number } & Disturbances;
/**
 * The compilers of JavaScript and of WASM work on a process that is young, for a minute where there are few calls. It is warm when twice in a row it
 * costs no less than it did at its best.
 */
const WARM_UP_STEP_MS = 5000;
const WARM_UP_LIMIT_MS = 120_000;
const NO_LESS = 0.97;

for (const calls of CALLS) await measure(calls);

async function measure(calls: number): Promise<void> {
  const cwd = await mkdtemp(path.join(os.tmpdir(), 'linecard-bench-'));
  const reading = readConfigObject(
    {
      // Each visitor has an address of its own, or a limit of offers would make them wait for minutes.
      http: { port: 0, token: TOKEN, proxies: ['127.0.0.1'] },
      audiosocket: { port: 0 },
      media: { threads: 0, callsPerThread: 1000, admission: 'calls' },
      agents: { loop: { provider: 'echo' } },
      webrtc: { enabled: true, maxCalls: 1000, maxCallsPerAddress: 1000 },
    },
    { env: {}, cwd },
  );
  if (!reading.ok) throw new Error(JSON.stringify(reading.mistakes));
  const log = createLog({
    level: 'error',
    pii: 'redacted',
    format: 'json',
    clock: systemClock,
    write: () => undefined,
  });
  const linecard = await startLinecard({ config: reading.config, clock: systemClock, log });
  const visitors = fork(
    new URL('./support/webrtc-visitors.ts', import.meta.url).pathname,
    [`${linecard.http.url}/v1/webrtc/loop`, TOKEN, String(calls)],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  try {
    await new Promise<void>((resolve, reject) => {
      visitors.once('message', () => resolve());
      visitors.once('exit', (code) => reject(new Error(`the visitors ended with ${code}`)));
    });
    const warmUpMs = await warmUp();
    const watch = new DisturbanceWatch();
    const cost = startCost();
    const seconds: Second[] = [];
    for (let i = 0; i < SECONDS; i++) {
      await wait(systemClock, 1000);
      const lateness = await latenessMs(linecard.http.url);
      seconds.push({ ...lateness, ...watch.look() });
    }
    const percent = cost();
    watch.close();
    seconds.sort((a, b) => a.p99Ms - b.p99Ms);
    printResult({
      name: `webrtc ${calls} calls`,
      value: round(percent / calls, 2),
      unit: '% of a core a call',
      goal: 0.9,
      warmUpSeconds: round(warmUpMs / 1000, 0),
      // Of every second the latest tick but one in a hundred: in the middle second, and in the worst with what happened in it.
      tickLatenessP99Ms: round(seconds[Math.floor(seconds.length / 2)]?.p99Ms ?? 0, 1),
      worstTickLatenessP99Ms: round(seconds.at(-1)?.p99Ms ?? 0, 1),
      worstSecond: seconds.at(-1),
      middleSecond: seconds[Math.floor(seconds.length / 2)],
      machineLoad: round(os.loadavg()[0] ?? 0, 1),
    });
  } finally {
    visitors.kill('SIGKILL');
    await linecard.stop(0);
    await rm(cwd, { recursive: true, force: true });
  }
}

/** Resolves when a call costs what it will go on costing; with how long that took. */
async function warmUp(): Promise<number> {
  const startedAtMs = performance.now();
  let best = Infinity;
  for (let noLess = 0; noLess < 2 && performance.now() - startedAtMs < WARM_UP_LIMIT_MS;) {
    const cost = startCost();
    await wait(systemClock, WARM_UP_STEP_MS);
    const percent = cost();
    noLess = percent > best * NO_LESS ? noLess + 1 : 0;
    best = Math.min(best, percent);
  }
  return performance.now() - startedAtMs;
}

/** Returns how to read what this process cost since, in percent of a core. */
function startCost(): () => number {
  const before = process.cpuUsage();
  const startedAtMs = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return ((user + system) / 1000 / (performance.now() - startedAtMs)) * 100;
  };
}

async function latenessMs(url: string): Promise<{ readonly p99Ms: number; readonly latestMs: number }> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const text = await answer.text();
  const figure = (quantile: string): number =>
    round(
      Number(new RegExp(`^linecard_tick_lateness_seconds.*quantile="${quantile}"} (\\S+)$`, 'm').exec(text)?.[1]) *
        1000,
      1,
    );
  return { p99Ms: figure('0.99'), latestMs: figure('1') };
}
