import { readFile } from 'node:fs/promises';
import { findFreePort } from '../src/demo/ports.js';
import { startAsterisk } from '../test/support/asterisk.js';
import { startLinecardProcess } from '../test/support/linecard.js';
import { Phone } from '../test/support/phone/phone.js';
import type { PhoneCall } from '../test/support/phone/phone-call.js';
import type { Recording } from '../test/support/phone/recording.js';
import { tone } from '../test/support/phone/sources.js';
import { printResult, round, sleep } from './support/media-bench.js';
import { slopeOf } from '../test/support/slope.js';

const CALLS = Number(process.env['LINECARD_BENCH_PHONE_CALLS'] ?? '50');
/** Five minutes, as the goal is; `LINECARD_BENCH_PHONE_SECONDS` for less. */
const SECONDS = Number(process.env['LINECARD_BENCH_PHONE_SECONDS'] ?? '300');
/** The first seconds of a call are its ringing and the compiling of code. */
const WARM_UP_SECONDS = 10;
const LONG_GAP_MS = 60;

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
  try {
    const calls: PhoneCall[] = [];
    for (let i = 0; i < CALLS; i++) {
      const call = await phone.dial(extension);
      await call.answered();
      call.play(tone(300 + 20 * i));
      calls.push(call);
    }
    await sleep(WARM_UP_SECONDS * 1000);
    const gapsMs: number[] = [];
    for (const { recording } of calls) takeGaps(recording);
    const memory: { x: number; y: number }[] = [];
    let frames = 0;
    for (let second = 0; second < seconds; second++) {
      await sleep(1000);
      for (const { recording } of calls) gapsMs.push(...takeGaps(recording));
      memory.push({ x: second / 60, y: await rssMb(pid) });
    }
    frames = gapsMs.length;
    gapsMs.sort((a, b) => a - b);
    const at = (part: number): number => round(gapsMs[Math.floor(part * (gapsMs.length - 1))] ?? NaN, 1);
    const ended = calls.filter((call) => call.state === 'ended').length;
    return {
      gapP50Ms: at(0.5),
      gapP99Ms: at(0.99),
      gapMaxMs: at(1),
      gapsOver60Ms: gapsMs.filter((gapMs) => gapMs > LONG_GAP_MS).length,
      framesPerSecond: round(frames / CALLS / seconds, 2),
      seconds,
      ended,
      firstMb: round(memory[0]?.y ?? 0, 1),
      lastMb: round(memory.at(-1)?.y ?? 0, 1),
      growthMbPerMinute: round(slopeOf(memory.slice(Math.floor(memory.length / 3))), 2),
    };
  } finally {
    await phone.close();
  }
}

/** The gaps since the last call of this; what was recorded is forgotten but for the last packet. */
function takeGaps(recording: Recording): number[] {
  const { packets } = recording;
  const gapsMs = packets.slice(1).map((packet, i) => packet.atMs - (packets[i]?.atMs ?? packet.atMs));
  packets.splice(0, Math.max(0, packets.length - 1));
  return gapsMs;
}

/** What the process has in memory. */
async function rssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? '0') / 1024;
}
