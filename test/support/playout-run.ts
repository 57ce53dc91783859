import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { ElasticFifo } from '../../src/media/elastic-fifo.js';
import { FRAME_AUDIO, FRAME_CONCEALED } from '../../src/media/leg.js';
import type { LegCounters } from '../../src/media/leg.js';

export function noCounters(): LegCounters {
  return {
    framesIn: 0,
    framesOut: 0,
    dropped: 0,
    underruns: 0,
    concealed: 0,
    overruns: 0,
    stretched: 0,
    shrunk: 0,
    late: 0,
    lost: 0,
    clippedSamples: 0,
  };
}

export type PlayoutRun = {
  readonly seconds: number;
  /** The sender's clock, parts per million fast. */
  readonly ppm?: number;
  /** How late chunk `n` is; chunks stay in order. */
  readonly lateMs?: (n: number) => number;
  /** How late turn `n` is. */
  readonly turnLateMs?: (n: number) => number;
  readonly chunkSamples?: number;
  /** When the first chunk is sent, after the first turn. */
  readonly phaseMs?: number;
  /** What the sender says, again and again. */
  readonly signal: Int16Array;
  /** Each frame as it was pulled; the buffer is used again. */
  readonly onFrame?: (frame: Int16Array, n: number) => void;
};

export type PlayoutFigures = {
  readonly counters: LegCounters;
  readonly frames: { readonly audio: number; readonly concealed: number; readonly silent: number };
  /** Time from the arrival of a chunk to its playing, a figure a turn. */
  readonly depthsMs: Float64Array;
  readonly skewPpm: number;
};

/** Runs an elastic FIFO through simulated time. */
export function runPlayout(run: PlayoutRun): PlayoutFigures {
  const { seconds, ppm = 0, lateMs = () => 0, turnLateMs = () => 0, chunkSamples = FRAME_SAMPLES, signal } = run;
  const counters = noCounters();
  const fifo = new ElasticFifo(counters);
  const chunk = new Int16Array(chunkSamples);
  const frame = new Int16Array(FRAME_SAMPLES);
  const turns = Math.round((seconds * 1000) / FRAME_MS);
  const chunkMs = chunkSamples / 16 / (1 + ppm / 1e6);
  const frames = { audio: 0, concealed: 0, silent: 0 };
  const depthsMs = new Float64Array(turns);
  let sent = 0;
  let at = 0;
  let arrivesAtMs = run.phaseMs ?? 7;
  for (let n = 0; n < turns; n++) {
    const turnAtMs = n * FRAME_MS + turnLateMs(n);
    while (arrivesAtMs <= turnAtMs) {
      for (let i = 0; i < chunkSamples; i++) {
        chunk[i] = signal[at]!;
        at = (at + 1) % signal.length;
      }
      fifo.push(chunk, chunkSamples, arrivesAtMs);
      sent += 1;
      arrivesAtMs = Math.max(arrivesAtMs, (run.phaseMs ?? 7) + sent * chunkMs + lateMs(sent));
    }
    depthsMs[n] = fifo.depthMs;
    const kind = fifo.pull(frame, turnAtMs);
    if (kind === FRAME_AUDIO) frames.audio += 1;
    else if (kind === FRAME_CONCEALED) frames.concealed += 1;
    else frames.silent += 1;
    run.onFrame?.(frame, n);
  }
  return { counters, frames, depthsMs, skewPpm: fifo.skewPpm };
}
