import { SAMPLES_PER_MS } from '../core/units.js';

/** 400 Hz: a child's voice. */
export const MIN_PITCH_SAMPLES = 2.5 * SAMPLES_PER_MS;
/** 50 Hz: below every voice, so that two periods of a deep one are found as well. */
export const MAX_PITCH_SAMPLES = 20 * SAMPLES_PER_MS;
/** What is compared: long enough for two periods of most voices, short enough that the pitch has not moved. */
const WINDOW_SAMPLES = 20 * SAMPLES_PER_MS;
/** Samples of history that the search reads. */
export const PITCH_HISTORY_SAMPLES = MAX_PITCH_SAMPLES + WINDOW_SAMPLES;

/** The first search runs at a quarter of the rate: a sixteenth of the work. */
const DECIMATION = 4;
const COARSE_WINDOW = WINDOW_SAMPLES / DECIMATION;
const COARSE_HISTORY = PITCH_HISTORY_SAMPLES / DECIMATION;
const COARSE_MIN = MIN_PITCH_SAMPLES / DECIMATION;
const COARSE_MAX = MAX_PITCH_SAMPLES / DECIMATION;
/** Two periods match as well as one; the shorter one is taken when it is nearly as good. */
const SHORTER_IS_BETTER = 0.85;
/** RMS of the window below which there is nothing to find (-72 dBFS). */
const QUIET = 8;

/** Shared: a search runs to its end. */
const COARSE = new Float64Array(COARSE_HISTORY);
const MATCHES = new Float64Array(COARSE_MAX + 1);

/**
 * Finds the pitch period of the newest 20 ms by normalised autocorrelation, 2.5 to 20 ms at 16 kHz (G.711 Appendix I, 2.2, with a wider range).
 * The result stays in the fields until the next search.
 */
export class PitchFinder {
  /** Samples of a period; `MAX_PITCH_SAMPLES` when nothing matched. */
  lag = MAX_PITCH_SAMPLES;
  /** How alike two periods are: 1 the same, 0 not at all. */
  match = 0;

  /** @param history at least `PITCH_HISTORY_SAMPLES` samples before `end` */
  find(history: Int16Array, end: number): void {
    const coarseLag = this.#coarse(history, end);
    if (coarseLag === 0) {
      this.lag = MAX_PITCH_SAMPLES;
      this.match = 0;
      return;
    }
    const from = Math.max(MIN_PITCH_SAMPLES, (coarseLag - 1) * DECIMATION + 1);
    const to = Math.min(MAX_PITCH_SAMPLES, (coarseLag + 1) * DECIMATION - 1);
    const start = end - WINDOW_SAMPLES;
    let energy = 0;
    for (let i = start; i < end; i++) energy += (history[i] as number) * (history[i] as number);
    let best = -1;
    for (let lag = from; lag <= to; lag++) {
      let dot = 0;
      let past = 0;
      for (let i = start; i < end; i++) {
        const before = history[i - lag] as number;
        dot += (history[i] as number) * before;
        past += before * before;
      }
      const match = dot / Math.sqrt(energy * past + 1);
      if (match <= best) continue;
      best = match;
      this.lag = lag;
    }
    this.match = Math.max(0, best);
  }

  /** The best period at a quarter of the rate; 0 when it is quiet. */
  #coarse(history: Int16Array, end: number): number {
    for (let i = 0, at = end - PITCH_HISTORY_SAMPLES; i < COARSE_HISTORY; i++, at += DECIMATION) {
      COARSE[i] =
        (history[at] as number) +
        (history[at + 1] as number) +
        (history[at + 2] as number) +
        (history[at + 3] as number);
    }
    const start = COARSE_HISTORY - COARSE_WINDOW;
    let energy = 0;
    for (let i = start; i < COARSE_HISTORY; i++) energy += (COARSE[i] as number) ** 2;
    if (energy < COARSE_WINDOW * (QUIET * DECIMATION) ** 2) return 0;
    // Energy of the window `lag` earlier, kept up from lag to lag.
    let past = 0;
    for (let i = start; i < COARSE_HISTORY; i++) past += (COARSE[i - COARSE_MIN + 1] as number) ** 2;
    let best = 0;
    for (let lag = COARSE_MIN; lag <= COARSE_MAX; lag++) {
      past += (COARSE[start - lag] as number) ** 2 - (COARSE[COARSE_HISTORY - lag] as number) ** 2;
      let dot = 0;
      for (let i = start; i < COARSE_HISTORY; i++) dot += (COARSE[i] as number) * (COARSE[i - lag] as number);
      const match = dot / Math.sqrt(energy * Math.max(0, past) + 1);
      MATCHES[lag] = match;
      if (match > best) best = match;
    }
    if (best <= 0) return 0;
    for (let lag = COARSE_MIN; lag <= COARSE_MAX; lag++) {
      if ((MATCHES[lag] as number) < best * SHORTER_IS_BETTER) continue;
      // The top of the first hill that is high enough.
      let top = lag;
      while (top < COARSE_MAX && (MATCHES[top + 1] as number) > (MATCHES[top] as number)) top += 1;
      return top;
    }
    return 0;
  }
}
