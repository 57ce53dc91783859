/** A bounded queue of mono s16 samples. All storage is allocated in the constructor; what does not fit is not taken. */
export class PcmRing {
  /** A power of two, so that a position wraps by its mask. */
  readonly #samples: Int16Array;
  readonly #mask: number;
  readonly capacity: number;
  /** Position of the oldest sample; below the size of the storage. */
  #first = 0;
  /** Samples held; 0 to `capacity`. */
  #length = 0;

  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, capacity)));
    this.#samples = new Int16Array(size);
    this.#mask = size - 1;
    this.capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes the first `count` samples of `src`, or as many as fit; returns how many. */
  write(src: Int16Array, count: number): number {
    const taken = Math.min(count, src.length, this.capacity - this.#length);
    const samples = this.#samples;
    const start = (this.#first + this.#length) & this.#mask;
    const whole = Math.min(taken, samples.length - start);
    if (whole === src.length) samples.set(src, start);
    else for (let i = 0; i < whole; i++) samples[start + i] = src[i] as number;
    for (let i = whole; i < taken; i++) samples[i - whole] = src[i] as number;
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
    const samples = this.#samples;
    const first = this.#first;
    const whole = Math.min(copied, samples.length - first);
    for (let i = 0; i < whole; i++) dst[at + i] = samples[first + i] as number;
    for (let i = whole; i < copied; i++) dst[at + i] = samples[i - whole] as number;
    return copied;
  }

  /** Forgets up to `count` of the oldest samples; returns how many. */
  skip(count: number): number {
    const skipped = Math.min(count, this.#length);
    this.#first = (this.#first + skipped) & this.#mask;
    this.#length -= skipped;
    return skipped;
  }

  clear(): void {
    this.#first = 0;
    this.#length = 0;
  }
}
