import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import os from 'node:os';
import { systemClock, wait } from '../src/core/clock.js';
import { newLegId } from '../src/core/ids.js';
import { silentLogger } from '../src/core/logger.js';
import { FRAME_SAMPLES } from '../src/core/units.js';
import { JitterBuffer } from '../src/media/jitter-buffer.js';
import type { MediaLeg } from '../src/media/leg.js';
import { OpusDecoder } from '../src/media/opus/decoder.js';
import { OpusEncoder } from '../src/media/opus/encoder.js';
import { OPUS_CLOCK_RATE_HZ } from '../src/media/opus/packet.js';
import { warmUpOpus } from '../src/media/opus/warm-up.js';
import { Ticker } from '../src/media/ticker.js';
import { WebRtcDoor } from '../src/transports/webrtc/door.js';
import { preparePeers, WeriftPeer } from '../src/transports/webrtc/peer.js';
import { hasBeep } from './support/beep.js';
import type { FromVisitors, ToVisitors } from './support/impaired-visitors.js';
import { preferLoad, printResult, round } from './support/media-bench.js';

/**
 * Browsers behind a bad network (the relay of the tests: real ICE, DTLS and SRTP, the visitors in a process of their own): from the microphone to the
 * agent, what is made up, and what it costs, with redundancy in the packets and without.
 */
const CALLS = Number(process.env['LINECARD_BENCH_BROWSER_CALLS'] ?? '8');
const SECONDS = Number(process.env['LINECARD_BENCH_SECONDS'] ?? '15');
const JITTER_MS = 30;
/** The jitter buffer has seen the new network by then, and its own side has adapted to what it reports. */
const SETTLE_MS = 5000;
/** Between two beeps, and not within one that a loss has cut in two. */
const BEEP_GAP_MS = 250;
/** A beep that is heard later than this was not heard. */
const MAX_DELAY_MS = 400;

/** The agent's place: hears each frame, listens for beeps, and says everything back. */
class Listener {
  readonly #leg: MediaLeg;
  readonly #jitter: JitterBuffer;
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  #lastBeepAtMs = 0;
  beeps: number[] = [];
  #before = { ticks: 0, concealed: 0, lost: 0, recovered: 0, packets: 0 };
  #ticks = 0;

  constructor(leg: MediaLeg, jitter: JitterBuffer) {
    this.#leg = leg;
    this.#jitter = jitter;
  }

  tick(nowMs: number): void {
    this.#ticks += 1;
    this.#leg.pull(this.#frame, nowMs);
    this.#leg.push(this.#frame);
    const beeps = hasBeep(this.#frame);
    const atMs = performance.timeOrigin + performance.now();
    if (beeps && atMs - this.#lastBeepAtMs > BEEP_GAP_MS) this.beeps.push(atMs);
    if (beeps) this.#lastBeepAtMs = atMs;
  }

  /** What was counted since the last time. */
  take(): { ticks: number; concealed: number; lost: number; recovered: number; packets: number; beeps: number[] } {
    const { concealed, lost } = this.#leg.counters;
    const { recovered, packetsIn } = this.#jitter.packets;
    const now = { ticks: this.#ticks, concealed, lost, recovered, packets: packetsIn };
    const before = this.#before;
    this.#before = now;
    const { beeps } = this;
    this.beeps = [];
    return {
      beeps,
      ticks: now.ticks - before.ticks,
      concealed: now.concealed - before.concealed,
      lost: now.lost - before.lost,
      recovered: now.recovered - before.recovered,
      packets: now.packets - before.packets,
    };
  }
}

// Media threads ask for it too.
preferLoad(process.pid);
await Promise.all([warmUpOpus(), preparePeers()]);
const listeners: Listener[] = [];
const jitters: JitterBuffer[] = [];
let redundancy: 'on' | 'off' = 'on';
const ticker = new Ticker({
  clock: systemClock,
  onError: (_member, error) => {
    throw error;
  },
});
const door = new WebRtcDoor({
  openPeer: (options) =>
    new WeriftPeer({
      ...options,
      ice: { policy: 'all', servers: [], ports: null, announce: null },
      clock: systemClock,
    }),
  openUplink: async (counters) => {
    const jitter = new JitterBuffer({ decoder: await OpusDecoder.open(), clockRateHz: OPUS_CLOCK_RATE_HZ, counters });
    jitters.push(jitter);
    return jitter;
  },
  openEncoder: () => {
    const encoder = new OpusEncoder({ discontinuous: 'yes' });
    return {
      encode: (frame) => encoder.encode(frame),
      setExpectedLossPercent: (percent) => encoder.setExpectedLossPercent(redundancy === 'on' ? percent : 0),
      close: () => encoder.close(),
    };
  },
  prepare: () => Promise.resolve(),
  maxLegs: CALLS,
  clock: systemClock,
  log: silentLogger,
  onLeg: (leg) => {
    const listener = new Listener(leg, jitters.at(-1)!);
    listeners.push(listener);
    ticker.add(listener);
  },
});
const spoken: number[] = [];
const visitors = await startVisitors();
try {
  for (const lossPercent of [0, 5, 10]) {
    for (const fec of ['on', 'off'] as const) await measure(lossPercent, fec);
  }
} finally {
  visitors.kill('SIGKILL');
  await door.stop();
  process.exit(process.exitCode ?? 0);
}

async function measure(lossPercent: number, fec: 'on' | 'off'): Promise<void> {
  redundancy = fec;
  // A browser's encoder adapts to what we report; here it is told.
  tell({ kind: 'impair', lossPercent, jitterMs: JITTER_MS, redundancyPercent: fec === 'on' ? lossPercent : 0 });
  await wait(systemClock, SETTLE_MS);
  for (const listener of listeners) listener.take();
  spoken.length = 0;
  const before = process.cpuUsage();
  const startedAtMs = performance.now();
  await wait(systemClock, SECONDS * 1000);
  const { user, system } = process.cpuUsage(before);
  const wallMs = performance.now() - startedAtMs;
  await wait(systemClock, MAX_DELAY_MS);
  const taken = listeners.map((listener) => listener.take());
  const delays = taken.flatMap(({ beeps }) => beeps.map(delayOf)).filter((delay) => delay < MAX_DELAY_MS);
  delays.sort((a, b) => a - b);
  const sum = (key: 'ticks' | 'concealed' | 'lost' | 'recovered' | 'packets'): number =>
    taken.reduce((total, each) => total + each[key], 0);
  printResult({
    name: `webrtc ${lossPercent} % loss, ${JITTER_MS} ms jitter, FEC ${fec}`,
    value: round(delays[Math.floor(delays.length * 0.95)] ?? NaN, 1),
    unit: 'ms from microphone to agent, p95',
    goal: 100,
    p50Ms: round(delays[Math.floor(delays.length / 2)] ?? NaN, 1),
    unheardPercent: round(100 * (1 - delays.length / (spoken.length * listeners.length)), 1),
    concealedPercent: round((100 * sum('concealed')) / sum('ticks'), 2),
    lostPercent: round((100 * sum('lost')) / (sum('lost') + sum('packets')), 2),
    recoveredPercent: round((100 * sum('recovered')) / (sum('lost') + sum('packets')), 2),
    cpuPercentPerCall: round(((user + system) / 1000 / wallMs / listeners.length) * 100, 2),
    machineLoad: round(os.loadavg()[0] ?? 0, 1),
  });
}

function delayOf(heardAtMs: number): number {
  const said = spoken.filter((atMs) => atMs < heardAtMs).at(-1);
  return said === undefined ? Infinity : heardAtMs - said;
}

function startVisitors(): Promise<ChildProcess> {
  const child = fork(new URL('./support/impaired-visitors.ts', import.meta.url).pathname, [String(CALLS)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the visitors ended with ${code}`)));
    child.on('message', (message: FromVisitors) => {
      if (message.kind === 'beep') spoken.push(message.atMs);
      if (message.kind === 'ready') resolve(child);
      if (message.kind !== 'offer') return;
      const legId = newLegId();
      door.expect(legId, { timeLimitMs: 15_000, onTimeout: () => reject(new Error('a visitor was not connected')) });
      door
        .offer(legId, message.sdp, '127.0.0.1')
        .then((sdp) => child.send({ kind: 'answer', sdp } satisfies ToVisitors), reject);
    });
  });
}

function tell(message: ToVisitors): void {
  visitors.send(message);
}
