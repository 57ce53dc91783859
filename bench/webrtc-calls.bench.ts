import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startLinecard } from '../src/compose.js';
import { readConfigObject } from '../src/config/index.js';
import { systemClock, wait } from '../src/core/clock.js';
import { createLog } from '../src/observe/log.js';

/** Browsers' calls with real SRTP, the other ends in a process of their own: what one costs. The echo agent speaks all the time, the dearest case. */
const CALLS = Number(process.env['LINECARD_BENCH_BROWSER_CALLS'] ?? '15');
const SECONDS = Number(process.env['LINECARD_BENCH_SECONDS'] ?? '20');
const TOKEN = 'token-of-the-bench';

const cwd = await mkdtemp(path.join(os.tmpdir(), 'linecard-bench-'));
const reading = readConfigObject(
  {
    http: { port: 0, token: TOKEN },
    audiosocket: { port: 0 },
    media: { threads: 0 },
    agents: { loop: { provider: 'echo' } },
    webrtc: { enabled: true, maxCalls: 1000, maxCallsPerAddress: 1000 },
  },
  { env: {}, cwd },
);
if (!reading.ok) throw new Error(JSON.stringify(reading.mistakes));
const log = createLog({ level: 'error', pii: 'redacted', format: 'json', clock: systemClock, write: () => undefined });
const linecard = await startLinecard({ config: reading.config, clock: systemClock, log });
const visitors = fork(
  new URL('./support/webrtc-visitors.ts', import.meta.url).pathname,
  [`${linecard.http.url}/v1/webrtc/loop`, TOKEN, String(CALLS)],
  { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
);
try {
  await new Promise<void>((resolve, reject) => {
    visitors.once('message', () => resolve());
    visitors.once('exit', (code) => reject(new Error(`the visitors ended with ${code}`)));
  });
  const before = process.cpuUsage();
  const startedAtMs = performance.now();
  await wait(systemClock, SECONDS * 1000);
  const { user, system } = process.cpuUsage(before);
  const wallMs = performance.now() - startedAtMs;
  const percent = ((user + system) / 1000 / wallMs / CALLS) * 100;
  const value = Number(percent.toFixed(2));
  console.log(JSON.stringify({ name: `webrtc ${CALLS} calls`, value, unit: '% of a core a call', goal: 0.9 }));
} finally {
  visitors.kill('SIGKILL');
  await linecard.stop(0);
  await rm(cwd, { recursive: true, force: true });
}
