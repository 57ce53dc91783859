/**
 * Counts values in equal steps, in memory that is allocated once: quantiles of something that happens thousands of times a second.
 */
export class Histogram {
  readonly #step: number;
  /** The last bucket holds everything beyond. */
  readonly #counts: Uint32Array;
  #count = 0;
  #max = 0;

  constructor(options: { readonly step: number; readonly buckets: number }) {
    this.#step = options.step;
    this.#counts = new Uint32Array(options.buckets);
  }

  get count(): number {
    return this.#count;
  }

  /** The greatest value, exact. */
  get max(): number {
    return this.#max;
  }

  /** `value` is 0 or more. */
  add(value: number): void {
    const bucket = Math.min(this.#counts.length - 1, Math.floor(value / this.#step));
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#count += 1;
    if (value > this.#max) this.#max = value;
  }

  /** The upper border of the bucket that `part` (0 to 1) of the values do not exceed, never above `max`; 0 when there are none. */
  quantile(part: number): number {
    if (this.#count === 0) return 0;
    const wanted = Math.ceil(part * this.#count);
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i] as number;
      if (seen >= wanted) return i === this.#counts.length - 1 ? this.#max : Math.min(this.#max, (i + 1) * this.#step);
    }
    return this.#max;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#max = 0;
  }
}
