import { findFreePort } from '../src/demo/ports.js';
import { startAsterisk } from '../test/support/asterisk.js';
import { startLinecardProcess } from '../test/support/linecard.js';
import { Phone } from '../test/support/phone/phone.js';
import type { PhoneCall } from '../test/support/phone/phone-call.js';
import type { CodecName } from '../test/support/phone/sdp.js';
import { gaps, rms } from '../test/support/phone/recording.js';
import { tone } from '../test/support/phone/sources.js';
import { printResult, round, sleep } from './support/media-bench.js';

const LINES = [
  ['7001', 'PCMU'],
  ['7009', 'PCMU'],
  ['7009', 'OPUS'],
] as const;
const CALLS = Number(process.env['LINECARD_BENCH_PHONE_CALLS'] ?? '20');
/** How long they are listened to after it; who is not heard by then counts as not heard at all. */
const LISTEN_MS = 8000;
const BEFORE_MS = 2000;
/** What comes back is a tone of several thousand, or nothing. */
const HEARD_RMS = 300;
/** A new source's sequence begins anywhere; these are from far behind to far ahead, so that a run is like the next. */
const SEQUENCE_STEPS = Array.from({ length: CALLS }, (_, i) => Math.round(((i + 0.5) / CALLS - 0.5) * 65_536));

/**
 * Callers whose RTP source changes in mid-call, all of them at once, as when a carrier moves the media: over ARI (7009), where Linecard mends what Debian's Asterisk
 * makes of it, and by the dialplan's AudioSocket (7001), where nobody can. The agent is an echo, and every caller plays a tone.
 */
const asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
try {
  const linecard = await startLinecardProcess({ asterisk });
  try {
    // The first calls of a process are late, as its code is compiled.
    await changed('7009', 'PCMU', [0]);
    for (const [extension, codec] of LINES) {
      linecard.takeComplaints();
      const heard = figures(await changed(extension, codec, SEQUENCE_STEPS));
      const missingMs = linecard.takeComplaints().flatMap((line) => Number(/"missingMs":(\d+)/.exec(line)?.[1] ?? []));
      printResult({
        name: `source-change, callers with ${codec} on ${extension} not heard any more`,
        unit: 'calls',
        ...heard,
        told: missingMs.length,
        missingMsMost: Math.max(0, ...missingMs),
      });
    }
  } finally {
    await linecard.close();
  }
} finally {
  await asterisk.stop();
}

type Heard = { readonly call: PhoneCall; readonly changedAtMs: number };

async function changed(extension: string, codec: CodecName, steps: readonly number[]): Promise<Heard[]> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  const phone = await Phone.open({ server, user: '6001', password: 'secret6001', codecs: [codec] });
  try {
    const calls: PhoneCall[] = [];
    for (let i = 0; i < steps.length; i++) {
      const call = await phone.dial(extension);
      await call.answered();
      call.play(tone(1000));
      calls.push(call);
    }
    await sleep(BEFORE_MS);
    const changedAtMs = performance.now();
    steps.forEach((sequenceStep, i) => calls[i]?.rtp.changeSource({ sequenceStep }));
    await sleep(LISTEN_MS);
    return calls.map((call) => ({ call, changedAtMs }));
  } finally {
    await phone.close();
  }
}

function figures(calls: readonly Heard[]): Record<string, number> & { readonly value: number } {
  const endsDeaf = ({ call, changedAtMs }: Heard): boolean =>
    rms(call.recording.samples(changedAtMs + LISTEN_MS - 1000)) < HEARD_RMS;
  const unheardMs = calls
    .filter((heard) => !endsDeaf(heard))
    .map(({ call, changedAtMs }) => {
      const silent = call.recording.between(changedAtMs).filter(({ samples }) => rms(samples) < HEARD_RMS);
      return silent.length * 20;
    })
    .filter((ms) => ms > 0)
    .sort((a, b) => a - b);
  const gapsMs = calls.flatMap(({ call, changedAtMs }) => gaps(call.recording, changedAtMs));
  return {
    value: calls.filter(endsDeaf).length,
    calls: calls.length,
    interrupted: unheardMs.length,
    unheardMsP50: unheardMs[Math.floor(unheardMs.length / 2)] ?? 0,
    unheardMsMost: unheardMs.at(-1) ?? 0,
    downlinkGapMsMost: round(Math.max(...gapsMs), 1),
    downlinkGapsOver60Ms: gapsMs.filter((ms) => ms > 60).length,
    downlinkPacketsLost: calls.reduce((sum, { call, changedAtMs }) => sum + lostOf(call, changedAtMs), 0),
  };
}

/** Sequence numbers that a phone never saw. */
function lostOf(call: PhoneCall, fromMs: number): number {
  const packets = call.recording.between(fromMs);
  const steps = packets.slice(1).map(({ sequence }, i) => (sequence - (packets[i]?.sequence ?? 0)) & 0xffff);
  return steps.reduce((sum, step) => sum + Math.max(0, step - 1), 0);
}
