import { FRAME_MS, FRAME_SAMPLES } from '../src/core/units.js';
import { EchoGuard } from '../src/media/echo-guard.js';
import { ElasticFifo } from '../src/media/elastic-fifo.js';
import { G711Decoder } from '../src/media/g711-decoder.js';
import { pcmu } from '../src/media/g711.js';
import { HoldMusic } from '../src/media/hold-music.js';
import { JitterBuffer } from '../src/media/jitter-buffer.js';
import { newLegCounters } from '../src/media/leg.js';
import { LevelMeter } from '../src/media/level-meter.js';
import { Resampler } from '../src/media/resample.js';
import { arrivals } from '../test/support/rtp-network.js';
import { babble } from '../test/support/signals.js';
import { allocatedBy } from './support/heap-profile.js';
import { compileLoad, printResult, round, sleep, startLoad, startServer } from './support/media-bench.js';

const CALLS = 100;
const SECONDS = 10;
const FRAMES = CALLS * SECONDS * 50;
/** Once a second for each thread, and a report for each call every five: not what a frame costs, but it is sampled with it. */
const NOT_PER_FRAME = /^dist\/(engine\/(media-host|pool|media-thread-handle|thread-link)|core\/clock)/;

/** Of each stage by itself, after as many that warm it up. */
const STAGE_FRAMES = 20_000;

await printStages();

/** What the way of a frame allocates: ours should be nothing, Node's own is the buffers that it reads into and the requests to write. */
const binary = await compileLoad('media-load');
const server = await startServer('linecard', { threads: 0 });
try {
  const loading = startLoad({
    binary,
    server,
    callers: 'announced',
    calls: CALLS,
    warmUpSeconds: 0,
    seconds: SECONDS + 12,
  });
  // Code that is not compiled yet puts every fraction on the heap.
  await sleep(10_000);
  const bytes = await server.profile(SECONDS);
  await loading;
  const ours = [...bytes].filter(([where]) => where.startsWith('dist/') && !NOT_PER_FRAME.test(where));
  const sum = (list: readonly (readonly [string, number])[]): number =>
    list.reduce((total, [, size]) => total + size, 0);
  const largest = ours.sort(([, a], [, b]) => b - a).slice(0, 8);
  printResult({
    name: 'heap: allocated by our code on the way of a frame',
    value: round(sum(ours) / FRAMES, 2),
    unit: 'bytes a frame',
    ...{
      all: round(sum([...bytes]) / FRAMES, 1),
      largest: Object.fromEntries(largest.map(([where, size]) => [where, round(size / FRAMES, 2)])),
    },
  });
} finally {
  await server.stop();
}

/** Each stage that a frame may go through, in a bad network, without anything around it. */
async function printStages(): Promise<void> {
  const signal = babble(20, 5);
  const frames = Array.from({ length: signal.length / FRAME_SAMPLES }, (_, n) =>
    signal.slice(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES),
  );
  const spoken = (n: number): Int16Array => frames[n % frames.length] as Int16Array;
  const frame = new Int16Array(FRAME_SAMPLES);
  const wide = new Int16Array(3 * FRAME_SAMPLES + 1);
  const trace = arrivals(2 * STAGE_FRAMES, { lossPercent: 5, jitterMs: 60, skewPpm: 500 });
  const packets = frames.map((each) => {
    const packet = new Uint8Array(FRAME_SAMPLES / 2);
    pcmu.encode(each.subarray(0, FRAME_SAMPLES / 2), packet);
    return packet;
  });
  const [fifo, music, guard, meter] = [
    new ElasticFifo(newLegCounters()),
    new HoldMusic(),
    new EchoGuard(),
    new LevelMeter(),
  ];
  const resampler = new Resampler(16_000, 48_000);
  const jitterBuffer = new JitterBuffer({
    decoder: new G711Decoder(pcmu),
    clockRateHz: 8000,
    counters: newLegCounters(),
  });
  const headers = trace.map(({ index }) => ({ ssrc: 1, sequenceNumber: index & 0xffff, timestamp: index * 160 }));
  let arrived = 0;
  const stages: Readonly<Record<string, (n: number) => void>> = {
    'jitter buffer': (n) => {
      for (; (trace[arrived]?.arrivalMs ?? Infinity) <= n * FRAME_MS; arrived++) {
        const { index, arrivalMs } = trace[arrived] as (typeof trace)[number];
        jitterBuffer.insert(
          headers[arrived] as (typeof headers)[number],
          packets[index % packets.length] as Uint8Array,
          arrivalMs,
        );
      }
      jitterBuffer.pull(frame, n * FRAME_MS);
    },
    'elastic FIFO': (n) => {
      // A frame that is lost every second, and a clock that is off: all of its ways.
      if (n % 50 > 0) fifo.push(spoken(n), FRAME_SAMPLES, n * FRAME_MS * 1.0005 + (n % 7));
      fifo.pull(frame, n * FRAME_MS);
    },
    'hold music': () => music.pull(frame),
    'echo guard': (n) => {
      guard.heard(spoken(n));
      guard.played(spoken(n + 9));
      guard.isEcho();
    },
    'level meter': (n) => void meter.feed(spoken(n)),
    'resampler 16 to 48 kHz': (n) => void resampler.process(spoken(n), wide),
  };
  for (const [name, work] of Object.entries(stages)) {
    for (let n = 0; n < STAGE_FRAMES; n++) work(n);
    const bytes = await allocatedBy(() => {
      for (let n = STAGE_FRAMES; n < 2 * STAGE_FRAMES; n++) work(n);
    });
    const ours = [...bytes].filter(([where]) => where.startsWith('src/')).sort(([, a], [, b]) => b - a);
    printResult({
      name: `heap: allocated by the ${name}`,
      value: round(ours.reduce((total, [, size]) => total + size, 0) / STAGE_FRAMES, 2),
      unit: 'bytes a frame',
      largest: Object.fromEntries(ours.slice(0, 5).map(([where, size]) => [where, round(size / STAGE_FRAMES, 2)])),
    });
  }
}
