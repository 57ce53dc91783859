import { FRAME_SAMPLES } from '../core/units.js';

/** An onset is noticed after a fifth of a second of speech; what began before is wanted as well. */
const KEPT_FRAMES = 25;

/** The last half second of what was heard, for who is told only now that it matters. */
export class LeadIn {
  readonly #samples = new Int16Array(KEPT_FRAMES * FRAME_SAMPLES);
  /** Where the next frame goes. */
  #at = 0;
  #frames = 0;

  push(frame: Int16Array): void {
    this.#samples.set(frame, this.#at);
    this.#at = (this.#at + FRAME_SAMPLES) % this.#samples.length;
    this.#frames = Math.min(this.#frames + 1, KEPT_FRAMES);
  }

  /** Gives all frames in order, in memory that is reused, and is empty. */
  drain(take: (frame: Int16Array) => void): void {
    for (let left = this.#frames; left > 0; left--) {
      const at = (this.#at - left * FRAME_SAMPLES + this.#samples.length) % this.#samples.length;
      take(this.#samples.subarray(at, at + FRAME_SAMPLES));
    }
    this.#frames = 0;
  }
}
