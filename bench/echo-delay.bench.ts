import { findFreePort } from '../src/demo/ports.js';
import { startAsterisk } from '../test/support/asterisk.js';
import { startLinecardProcess } from '../test/support/linecard.js';
import { Phone } from '../test/support/phone/phone.js';
import type { CodecName } from '../test/support/phone/sdp.js';
import { Bursts } from './support/bursts.js';
import { printResult, round, sleep } from './support/media-bench.js';

/** Each call has its own phase against Linecard's ticker, so that the figures need many. */
const CALLS = Number(process.env['LINECARD_BENCH_PHONE_CALLS'] ?? '10');
const SECONDS = Number(process.env['LINECARD_BENCH_PHONE_SECONDS'] ?? '10');

/** Mouth to ear and back at a real phone: 7009 of Linecard, and Asterisk's own echo on 7007 for what is not ours. */
const asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
try {
  const linecard = await startLinecardProcess({ asterisk });
  try {
    // The first calls of a process are late, as its code is compiled.
    await delaysOf('7009', 'PCMU');
    for (const codec of ['PCMU', 'G722'] as const) {
      const own = figures(await delaysOf('7007', codec));
      const ours = figures(await delaysOf('7009', codec));
      const asteriskOwn = { asteriskP50: own.p50, asteriskP95: own.p95 };
      const added = { addedP50: round(ours.p50 - own.p50, 1), value: round(ours.p95 - own.p50, 1) };
      printResult({
        name: `echo-delay ${codec}, p95 added by Linecard`,
        unit: 'ms',
        ...added,
        ...ours,
        ...asteriskOwn,
      });
    }
  } finally {
    await linecard.close();
  }
} finally {
  await asterisk.stop();
}

async function delaysOf(extension: string, codec: CodecName): Promise<number[]> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  const phone = await Phone.open({ server, user: '6001', password: 'secret6001', codecs: [codec] });
  try {
    const calls = [];
    for (let i = 0; i < CALLS; i++) {
      const call = await phone.dial(extension);
      await call.answered();
      const bursts = new Bursts();
      call.play(bursts.source);
      calls.push({ call, bursts });
    }
    await sleep(SECONDS * 1000);
    return calls.flatMap(({ call, bursts }) => bursts.delaysMs(call.recording));
  } finally {
    await phone.close();
  }
}

type Figures = { readonly bursts: number; readonly p50: number; readonly p95: number; readonly max: number };

function figures(delaysMs: number[]): Figures {
  const sorted = delaysMs.sort((a, b) => a - b);
  const at = (part: number): number => round(sorted[Math.floor(part * (sorted.length - 1))] ?? NaN, 1);
  return { bursts: sorted.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}
