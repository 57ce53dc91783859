import { FRAME_MS, FRAME_SAMPLES } from '../core/units.js';

/** An onset is noticed after a fifth of a second of speech; what began before is wanted as well. */
const KEPT_FRAMES = 25;
/** For who is told only when it is certain that a caller interrupts: an onset, what it takes to be certain, and what was before. */
export const LONG_LEAD_FRAMES = 75;
/** Before an onset: first consonants are quiet. */
export const BEFORE_ONSET_MS = 300;

/** The last of what was heard, half a second where nothing else is said, for who is told only now that it matters. */
export class LeadIn {
  readonly #samples: Int16Array;
  readonly #capacity: number;
  /** Where the next frame goes. */
  #at = 0;
  #frames = 0;

  constructor(keptFrames = KEPT_FRAMES) {
    this.#capacity = keptFrames;
    this.#samples = new Int16Array(keptFrames * FRAME_SAMPLES);
  }

  push(frame: Int16Array): void {
    this.#samples.set(frame, this.#at);
    this.#at = (this.#at + FRAME_SAMPLES) % this.#samples.length;
    this.#frames = Math.min(this.#frames + 1, this.#capacity);
  }

  /** Gives the frames in order, in memory that is reused, and is empty. @param lastMs no more than the newest so long */
  drain(take: (frame: Int16Array) => void, lastMs = Number.POSITIVE_INFINITY): void {
    for (let left = Math.min(this.#frames, Math.ceil(lastMs / FRAME_MS)); left > 0; left--) {
      const at = (this.#at - left * FRAME_SAMPLES + this.#samples.length) % this.#samples.length;
      take(this.#samples.subarray(at, at + FRAME_SAMPLES));
    }
    this.#frames = 0;
  }
}
