import { FRAME_SAMPLES } from '../core/units.js';

/**
 * A bounded queue of mono s16 samples. All storage is allocated in the constructor; what does not fit is not taken. The oldest sample is always the first of the
 * storage: what is left moves up, mostly a few samples, and so a call goes through the same little memory again and again, which the processor has at hand.
 */
export class PcmQueue {
  readonly #samples: Int16Array;
  /** A view, since whole arrays are copied ten times as fast as parts of them. */
  readonly #firstFrame: Int16Array;
  readonly capacity: number;
  /** Samples held; 0 to `capacity`. */
  #length = 0;

  constructor(capacity: number) {
    this.#samples = new Int16Array(capacity);
    this.#firstFrame = this.#samples.subarray(0, FRAME_SAMPLES);
    this.capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes the first `count` samples of `src`, or as many as fit; returns how many. */
  write(src: Int16Array, count: number): number {
    const taken = Math.min(count, src.length, this.capacity - this.#length);
    if (taken === src.length) this.#samples.set(src, this.#length);
    else for (let i = 0; i < taken; i++) this.#samples[this.#length + i] = src[i] as number;
    this.#length += taken;
    return taken;
  }

  /** Moves up to `count` samples, oldest first, into `dst` from `at` on; returns how many. */
  read(dst: Int16Array, at: number, count: number): number {
    const moved = this.peek(dst, at, count);
    this.skip(moved);
    return moved;
  }

  /** Like `read`, but the samples stay. */
  peek(dst: Int16Array, at: number, count: number): number {
    const copied = Math.max(0, Math.min(count, dst.length - at, this.#length));
    if (copied === FRAME_SAMPLES) dst.set(this.#firstFrame, at);
    else for (let i = 0; i < copied; i++) dst[at + i] = this.#samples[i] as number;
    return copied;
  }

  /** Forgets up to `count` of the oldest samples; returns how many. */
  skip(count: number): number {
    const skipped = Math.min(count, this.#length);
    if (skipped < this.#length) this.#samples.copyWithin(0, skipped, this.#length);
    this.#length -= skipped;
    return skipped;
  }

  clear(): void {
    this.#length = 0;
  }
}
