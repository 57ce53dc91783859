import { SAMPLES_PER_MS } from '../core/units.js';

/** The earliest arrival of so long a time is free of jitter, or nearly. */
const BLOCK_MS = 5000;
/** Two minutes are looked back on. */
const BLOCKS = 24;
/** Half a minute of them before anything is said. */
const LEAST_BLOCKS = 6;
/** A stream that stood still for so long, or jumped by so much, begins anew. */
const BREAK_MS = 300;

/**
 * Estimates how much faster the sender's sampling clock runs than ours, from arrival times: the delay of the earliest arrival of every five seconds lies on a
 * line whose slope is the skew (Moon, Skelly and Towsley, "Estimation and removal of clock skew from network delay measurements", simplified to least squares).
 */
export class ClockSkew {
  readonly #delays = new Float64Array(BLOCKS);
  /** Blocks seen since the stream began; the last `BLOCKS` of them are kept. */
  #blocks = 0;
  #blockSince = Number.NaN;
  #blockDelay = Number.POSITIVE_INFINITY;
  #lastAtMs = 0;
  #originMs = 0;
  #samples = 0;
  /** Parts per million, positive where the sender is faster; 0 until half a minute is known. */
  ppm = 0;

  /** `count` samples of 16 kHz arrived at `nowMs`. */
  feed(count: number, nowMs: number): void {
    const delay = nowMs - this.#originMs - this.#samples / SAMPLES_PER_MS;
    if (Number.isNaN(this.#blockSince) || nowMs - this.#lastAtMs > BREAK_MS || Math.abs(delay) > 1000) {
      this.#restart(nowMs);
    } else if (delay < this.#blockDelay) this.#blockDelay = delay;
    this.#lastAtMs = nowMs;
    this.#samples += count;
    if (nowMs - this.#blockSince >= BLOCK_MS) this.#endBlock();
  }

  #restart(nowMs: number): void {
    this.#blocks = 0;
    this.#blockSince = nowMs;
    this.#originMs = nowMs;
    this.#samples = 0;
    this.#blockDelay = 0;
  }

  #endBlock(): void {
    this.#delays[this.#blocks % BLOCKS] = this.#blockDelay;
    this.#blocks += 1;
    this.#blockSince += BLOCK_MS;
    this.#blockDelay = Number.POSITIVE_INFINITY;
    const count = Math.min(this.#blocks, BLOCKS);
    if (count < LEAST_BLOCKS) return;
    let covariance = 0;
    let variance = 0;
    for (let i = 0; i < count; i++) {
      const x = i - (count - 1) / 2;
      covariance += x * (this.#delays[(this.#blocks - count + i) % BLOCKS] as number);
      variance += x * x;
    }
    // Delays that shrink are those of a faster sender.
    this.ppm = (-covariance / variance / BLOCK_MS) * 1e6;
  }
}
