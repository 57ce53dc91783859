// Days of simulated time through the elastic FIFO, a network and a clock an hour: `npx tsx test/soak/playout.ts 24`
// (simulated hours). A line of JSON an hour; exit code 1 when one was heard.
import { runPlayout } from '../support/playout-run.js';
import { babble, seeded } from '../support/signals.js';

const HOURS = Number(process.argv[2] ?? '24');
const SPEECH = babble(120, 3);
const FRAMES_AN_HOUR = 180_000;
/** Of the frames that no stall took: one in two thousand. */
const MOST_MADE_UP = 0.0005;
/** The bound of the FIFO, and a chunk. */
const MOST_DEPTH_MS = 300;

for (let hour = 1; hour <= HOURS; hour++) {
  const random = seeded(hour * 7919);
  const ppm = Math.round(1000 * random() - 500);
  const jitterMs = Math.round(40 * random());
  const turnLateMs = Math.round(8 * random());
  const chunkSamples = [160, 320, 480, 960][Math.floor(4 * random())] as number;
  const stallEvery = 2000 + Math.floor(30_000 * random());
  const stallMs = Math.round(400 * random());
  const { frames, counters, depthsMs, skewPpm } = runPlayout({
    seconds: 3600,
    ppm,
    chunkSamples,
    signal: SPEECH,
    lateMs: (n) => jitterMs * random() + (n % stallEvery === 0 ? stallMs : 0),
    turnLateMs: () => turnLateMs * random(),
  });
  const stalls = Math.floor(3_600_000 / (stallEvery * (chunkSamples / 16)));
  // A stall may cost its own length, and the time in which the playout learns.
  const excused = stalls * (Math.ceil(stallMs / 20) + 3) + 10;
  const madeUp = Math.max(0, frames.concealed + frames.silent - excused) / FRAMES_AN_HOUR;
  const depthMaxMs = depthsMs.reduce((most, depth) => Math.max(most, depth), 0);
  const findings = [
    ...(madeUp > MOST_MADE_UP ? [`${(madeUp * 100).toFixed(2)} % made up`] : []),
    ...(depthMaxMs > MOST_DEPTH_MS ? [`${depthMaxMs} ms deep`] : []),
    ...(Math.abs(skewPpm - ppm) > 100 ? [`clock taken for ${Math.round(skewPpm)} ppm`] : []),
  ];
  const network = { ppm, jitterMs, turnLateMs, chunkMs: chunkSamples / 16, stallMs, stalls };
  const { stretched, shrunk, overruns } = counters;
  process.stdout.write(`${JSON.stringify({ hour, ...network, ...frames, stretched, shrunk, overruns, findings })}\n`);
  if (findings.length > 0) process.exitCode = 1;
}
