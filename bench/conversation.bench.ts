import { foregroundClock } from '../src/core/clock.js';
import { silentLogger } from '../src/core/logger.js';
import { findFreePort } from '../src/demo/ports.js';
import { Synthesizer } from '../src/speech/synthesizer.js';
import { startAsterisk } from '../test/support/asterisk.js';
import { startLinecardProcess } from '../test/support/linecard.js';
import { Phone } from '../test/support/phone/phone.js';
import type { PhoneCall } from '../test/support/phone/phone-call.js';
import { rms, SAMPLE_RATE_HZ } from '../test/support/phone/recording.js';
import { once } from '../test/support/phone/sources.js';
import { printResult, round, sleep } from './support/media-bench.js';

const CALLS = Number(process.env['LINECARD_BENCH_CONVERSATIONS'] ?? '50');
const AT_ONCE = 5;
const SPEECH_RMS = 200;
const QUIET_MS = 300;
const SAMPLE_ONSET = 500;

/** In the middle of the greeting's second sentence, at another place in each call. */
const talkAfterMs = (call: number): number => 2000 + (call % 10) * 137;

/** What a caller waits for: the answer, the greeting, silence when interrupting it, the reply. */
type Waits = { readonly answer: number; readonly greeting: number; readonly bargeIn: number; readonly reply: number };

const asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
const synthesizer = new Synthesizer({ clock: foregroundClock, log: silentLogger });
try {
  const linecard = await startLinecardProcess({
    asterisk,
    config: {
      agents: {
        receptionist: { provider: 'embedded', greeting: 'Thank you for calling Acme.' },
        loop: { provider: 'echo' },
      },
      extensions: { '7000': { agent: 'receptionist', fallback: '6002' } },
      destinations: { sales: { dial: '6002', label: 'Sales' } },
    },
  });
  try {
    const { pcm } = await synthesizer.speak('connect me with sales please', 'rms');
    const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
    const phone = await Phone.open({ server, user: '6001', password: 'secret6001' });
    await phone.register();
    const waits: Waits[] = [];
    for (let first = 0; first < CALLS; first += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, CALLS - first) }, (_, i) => converse(phone, pcm, first + i));
      waits.push(...(await Promise.all(batch)));
    }
    await phone.close();
    for (const name of ['answer', 'greeting', 'bargeIn', 'reply'] as const)
      print(
        name,
        waits.map((wait) => wait[name]),
      );
  } finally {
    for (const complaint of linecard.takeComplaints()) process.stderr.write(`${complaint}\n`);
    await linecard.close();
  }
} finally {
  await Promise.all([asterisk.stop(), synthesizer.close()]);
}

async function converse(phone: Phone, speech: Int16Array, number: number): Promise<Waits> {
  await sleep((number % AT_ONCE) * 333);
  const call = await phone.dial('7000');
  await call.answered();
  const answeredAtMs = call.answeredAtMs ?? NaN;
  await sleep(talkAfterMs(number));
  const lead = speech.findIndex((sample) => Math.abs(sample) > SAMPLE_ONSET);
  const trail = [...speech].reverse().findIndex((sample) => Math.abs(sample) > SAMPLE_ONSET);
  const startedAtMs = performance.now();
  await new Promise<void>((resolve) => call.play(once(speech, resolve)));
  const onsetAtMs = startedAtMs + (1000 * lead) / SAMPLE_RATE_HZ;
  const endAtMs = startedAtMs + (1000 * (speech.length - trail)) / SAMPLE_RATE_HZ;
  await sleep(3000);
  await call.hangUp();
  return {
    answer: answeredAtMs - call.invitedAtMs,
    greeting: loudAfter(call, answeredAtMs) - answeredAtMs,
    bargeIn: lastLoudBeforeQuiet(call, onsetAtMs) - onsetAtMs,
    reply: loudAfter(call, lastLoudBeforeQuiet(call, onsetAtMs) + QUIET_MS) - endAtMs,
  };
}

function loudAfter(call: PhoneCall, fromMs: number): number {
  return call.recording.between(fromMs).find((packet) => rms(packet.samples) > SPEECH_RMS)?.atMs ?? NaN;
}

/** When the last packet with sound came before it was quiet; `fromMs` where it was quiet already. */
function lastLoudBeforeQuiet(call: PhoneCall, fromMs: number): number {
  let lastLoudAtMs = fromMs;
  for (const { atMs, samples } of call.recording.between(fromMs)) {
    if (atMs - lastLoudAtMs > QUIET_MS) break;
    if (rms(samples) > SPEECH_RMS) lastLoudAtMs = atMs;
  }
  return lastLoudAtMs;
}

function print(name: keyof Waits, ms: readonly number[]): void {
  const sorted = ms.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const at = (part: number): number => round(sorted[Math.floor(part * (sorted.length - 1))] ?? NaN, 0);
  const missing = ms.length - sorted.length;
  const result = { name: `conversation ${name}, p95`, unit: 'ms', value: at(0.95) };
  printResult(Object.assign(result, { p50: at(0.5), max: at(1), calls: sorted.length, missing }));
}
