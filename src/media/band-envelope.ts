import { FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../core/units.js';

/** Envelope points a frame, 10 ms each. */
export const HOPS = 2;
const HOP_SAMPLES = FRAME_SAMPLES / HOPS;
/** Four bands that a telephone carries, each a few formants wide. */
export const BANDS = 4;
/** One-pole low passes that part the bands. */
const EDGES_HZ = [500, 1100, 2000] as const;
const [LOW, MIDDLE, HIGH] = EDGES_HZ.map((hz) => 1 - Math.exp((-2 * Math.PI * hz) / SAMPLE_RATE_HZ)) as [
  number,
  number,
  number,
];
/** Voices fall by 6 dB an octave and more; this makes up for it, and takes hum away. */
const PRE_EMPHASIS = 0.95;

/** How loud a signal is in four bands, ten milliseconds at a time: what two recordings of the same words have in common. */
export class BandEnvelope {
  #last = 0;
  #low = 0;
  #middle = 0;
  #high = 0;

  /**
   * @param frame mono s16, 16 kHz, 320 samples
   * @param out mean power of each band, `HOPS` times `BANDS`
   */
  process(frame: Int16Array, out: Float64Array): void {
    let last = this.#last;
    let low = this.#low;
    let middle = this.#middle;
    let high = this.#high;
    for (let hop = 0, at = 0; hop < HOPS; hop++) {
      let first = 0;
      let second = 0;
      let third = 0;
      let fourth = 0;
      for (const end = at + HOP_SAMPLES; at < end; at++) {
        const sample = frame[at] as number;
        const x = sample - PRE_EMPHASIS * last;
        last = sample;
        low += LOW * (x - low);
        middle += MIDDLE * (x - middle);
        high += HIGH * (x - high);
        first += low * low;
        second += (middle - low) * (middle - low);
        third += (high - middle) * (high - middle);
        fourth += (x - high) * (x - high);
      }
      out[hop * BANDS] = first / HOP_SAMPLES;
      out[hop * BANDS + 1] = second / HOP_SAMPLES;
      out[hop * BANDS + 2] = third / HOP_SAMPLES;
      out[hop * BANDS + 3] = fourth / HOP_SAMPLES;
    }
    this.#last = last;
    this.#low = low;
    this.#middle = middle;
    this.#high = high;
  }
}
