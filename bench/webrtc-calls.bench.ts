import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startLinecard } from '../src/compose.js';
import { readConfigObject } from '../src/config/index.js';
import { systemClock, wait } from '../src/core/clock.js';
import { createLog } from '../src/observe/log.js';
import { printResult, round } from './support/media-bench.js';

/**
 * Browsers' calls on one media thread with real SRTP, the other ends in a process of their own: what one costs, and whether the thread keeps its
 * time. The echo agent speaks all the time, the dearest case.
 */
const CALLS = process.env['LINECARD_BENCH_BROWSER_CALLS']?.split(',').map(Number) ?? [15, 60];
const SECONDS = Number(process.env['LINECARD_BENCH_SECONDS'] ?? '20');
const TOKEN = 'token-of-the-bench';
const SETTLE_MS = 3000;
/** The compilers of JavaScript and of WASM work on a process that is young: 15 calls three times in one process were 1.39, 1.14 and 0.97 %. */
const WARM_UP_MS = 20_000;

for (const [round, calls] of CALLS.entries()) await measure(calls, round === 0 ? WARM_UP_MS : SETTLE_MS);

async function measure(calls: number, settleMs: number): Promise<void> {
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
    await wait(systemClock, settleMs);
    const before = process.cpuUsage();
    const startedAtMs = performance.now();
    const late: number[] = [];
    for (let i = 0; i < SECONDS; i++) {
      await wait(systemClock, 1000);
      late.push(await latenessP99Ms(linecard.http.url));
    }
    const { user, system } = process.cpuUsage(before);
    const wallMs = performance.now() - startedAtMs;
    late.sort((a, b) => a - b);
    printResult({
      name: `webrtc ${calls} calls`,
      value: round(((user + system) / 1000 / wallMs / calls) * 100, 2),
      unit: '% of a core a call',
      goal: 0.9,
      // Of every second the latest tick but one in a hundred: in the middle second, and in the worst.
      tickLatenessP99Ms: round(late[Math.floor(late.length / 2)] ?? 0, 1),
      worstTickLatenessP99Ms: round(late.at(-1) ?? 0, 1),
      machineLoad: round(os.loadavg()[0] ?? 0, 1),
    });
  } finally {
    visitors.kill('SIGKILL');
    await linecard.stop(0);
    await rm(cwd, { recursive: true, force: true });
  }
}

async function latenessP99Ms(url: string): Promise<number> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const figure = /^linecard_tick_lateness_seconds\{thread="0",quantile="0.99"\} (\S+)$/m.exec(await answer.text());
  return Number(figure?.[1]) * 1000;
}
