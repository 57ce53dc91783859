import { readFile } from 'node:fs/promises';
import { findFreePort } from '../src/demo/ports.js';
import { startAsterisk } from '../test/support/asterisk.js';
import { startLinecardProcess } from '../test/support/linecard.js';
import { Phone } from '../test/support/phone/phone.js';
import type { PhoneCall } from '../test/support/phone/phone-call.js';
import { printResult, round, sleep } from './support/media-bench.js';
import { measurePhones } from './support/phone-media.js';
import { slopeOf } from '../test/support/slope.js';

const CALLS = Number(process.env['LINECARD_BENCH_PHONE_CALLS'] ?? '50');
/** Five minutes, as the goal is; `LINECARD_BENCH_PHONE_SECONDS` for less. */
const SECONDS = Number(process.env['LINECARD_BENCH_PHONE_SECONDS'] ?? '300');
/** The first seconds of a call are its ringing and the compiling of code. */
const WARM_UP_SECONDS = 10;

type Place = { readonly name: string; readonly extension: string };

/** Real phones at once on 7009, over ARI at 16 kHz; and on Asterisk's own echo, for what is not ours. */
const PLACES: readonly Place[] = [
  { name: "Asterisk's own echo, for scale", extension: '7007' },
  { name: 'Linecard', extension: '7009' },
];

const asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
try {
  const linecard = await startLinecardProcess({ asterisk });
  try {
    for (const place of PLACES) {
      const ours = place.extension === '7009';
      const figures = await talk(place, ours ? SECONDS : Math.min(SECONDS, 30), linecard.pid);
      printResult({
        name: `${CALLS} calls at once on a real Asterisk: ${place.name}`,
        value: figures.gapMaxMs,
        unit: 'ms, longest gap at a phone',
        ...figures,
      });
    }
  } finally {
    await linecard.close();
  }
} finally {
  await asterisk.stop();
}

async function talk({ extension }: Place, seconds: number, pid: number) {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  const phone = await Phone.open({ server, user: '6001', password: 'secret6001', codecs: ['PCMU'] });
  const memory: { x: number; y: number }[] = [];
  const startedAtMs = performance.now();
  let measuring = true;
  const remembering = remember(() => measuring, memory, pid, startedAtMs);
  try {
    const calls: PhoneCall[] = [];
    for (let i = 0; i < CALLS; i++) {
      const call = await phone.dial(extension);
      await call.answered();
      calls.push(call);
    }
    const figures = await measurePhones(calls, { warmUpSeconds: WARM_UP_SECONDS, seconds });
    measuring = false;
    await remembering;
    return {
      ...figures,
      ended: calls.filter((call) => call.state === 'ended').length,
      firstMb: round(memory[0]?.y ?? 0, 1),
      lastMb: round(memory.at(-1)?.y ?? 0, 1),
      growthMbPerMinute: round(slopeOf(memory.slice(Math.floor(memory.length / 3))), 2),
    };
  } finally {
    measuring = false;
    await phone.close();
  }
}

async function remember(
  measuring: () => boolean,
  memory: { x: number; y: number }[],
  pid: number,
  startedAtMs: number,
): Promise<void> {
  while (measuring()) {
    await sleep(1000);
    memory.push({ x: (performance.now() - startedAtMs) / 60_000, y: await rssMb(pid) });
  }
}

/** What the process has in memory. */
async function rssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? '0') / 1024;
}
