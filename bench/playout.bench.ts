import { FRAME_MS } from '../src/core/units.js';
import { EchoGuard } from '../src/media/echo-guard.js';
import { runPlayout } from '../test/support/playout-run.js';
import { seeded, vowel } from '../test/support/signals.js';
import { speech } from '../test/support/speech.js';

const SECONDS = Number(process.env['LINECARD_BENCH_PLAYOUT_SECONDS'] ?? '3600');
const FRAMES = (SECONDS * 1000) / FRAME_MS;

const talk = speech([
  'Thank you for calling Acme, my name is Clara.',
  'I can put you through to sales or to support, or take a message.',
  'Our offices are open from nine to five, Monday to Friday.',
  'What may I do for you today?',
]);
const endless = vowel(125, 16_000);
const random = seeded(11);

for (const ppm of [500, -500]) {
  for (const [what, signal] of [
    ['speech', talk],
    ['a vowel without a pause', endless],
  ] as const) {
    print(`playout ${ppm} ppm, ${what}`, { ppm, signal });
  }
}
print('playout, same clock, 30 ms of jitter', { signal: talk, lateMs: () => 30 * random() });
print('playout, same clock, turns up to 15 ms late', { signal: talk, turnLateMs: () => 15 * random() });
echoGuard();

/** An hour of simulated time: frames made up or missing are what is heard of it. */
function print(name: string, run: Omit<Parameters<typeof runPlayout>[0], 'seconds'>): void {
  const startedAt = process.cpuUsage();
  const { frames, counters, depthsMs, skewPpm } = runPlayout({ seconds: SECONDS, ...run });
  const { user } = process.cpuUsage(startedAt);
  const sorted = Float64Array.from(depthsMs).sort();
  const quantile = (part: number): number => round(sorted[Math.floor(part * (sorted.length - 1))] as number);
  const figures = {
    name,
    value: frames.concealed + frames.silent,
    unit: 'frames not played, of an hour',
    frames: FRAMES,
    ...frames,
    underruns: counters.underruns,
    overruns: counters.overruns,
    stretched: counters.stretched,
    shrunk: counters.shrunk,
    depthP50Ms: quantile(0.5),
    depthP99Ms: quantile(0.99),
    depthMaxMs: quantile(1),
    skewPpm: round(skewPpm),
    microsPerFrame: round(user / FRAMES),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

function echoGuard(): void {
  const guard = new EchoGuard();
  let at = 0;
  const startedAt = process.cpuUsage();
  for (let n = 0; n < 50_000; n++) {
    const frame = talk.subarray(at, at + 320);
    at = at + 640 > talk.length ? 0 : at + 320;
    guard.heard(frame);
    guard.isEcho();
    guard.played(frame);
  }
  const micros = round(process.cpuUsage(startedAt).user / 50_000);
  process.stdout.write(`${JSON.stringify({ name: 'echo guard', value: micros, unit: 'µs a frame' })}\n`);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
