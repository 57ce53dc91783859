/** Nearest-sample rate change, until the real resampler is here. */
export class LinearResampler {
  readonly #ratio: number;

  constructor(fromHz: number, toHz: number) {
    this.#ratio = fromHz / toHz;
  }

  process(src: Int16Array, dst: Int16Array): void {
    for (let i = 0; i < dst.length; i++) dst[i] = src[Math.floor(i * this.#ratio)] ?? 0;
  }
}
