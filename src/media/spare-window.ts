/** Frames of a block: half a second. */
const BLOCK_FRAMES = 25;
/** Four seconds are remembered: a stall that comes more rarely than that is concealed rather than waited for all the time. */
const BLOCKS = 8;
const RECENT_BLOCKS = 2;

/**
 * The least spare depth of the last seconds. A figure is noted together with the samples put in (minus those cut out) so far, so that what was noted
 * earlier still holds after the playout has been moved.
 */
export class SpareWindow {
  /** Least figure of each block, as if nothing had been put in; infinite where nothing came. */
  readonly #least = new Float64Array(BLOCKS).fill(Number.POSITIVE_INFINITY);
  #block = 0;
  #frames = 0;
  /** Samples put in minus samples cut out. */
  #moved = 0;

  /** Frames since the window began to look, as far as it looks back. */
  get framesKnown(): number {
    return Math.min(this.#frames, BLOCKS * BLOCK_FRAMES);
  }

  note(spareSamples: number): void {
    const value = spareSamples - this.#moved;
    if (value < (this.#least[this.#block] as number)) this.#least[this.#block] = value;
  }

  /** The playout was moved: `samples` were put in, or cut out when negative. */
  move(samples: number): void {
    this.#moved += samples;
  }

  /** A frame has passed. */
  frame(): void {
    this.#frames += 1;
    if (this.#frames % BLOCK_FRAMES !== 0) return;
    this.#block = (this.#block + 1) % BLOCKS;
    this.#least[this.#block] = Number.POSITIVE_INFINITY;
  }

  /** The least of the whole window as it would be now; infinite when nothing was noted. */
  worst(): number {
    return this.#worstOf(BLOCKS);
  }

  /** The least of the last half to whole second. */
  recentWorst(): number {
    return this.#worstOf(RECENT_BLOCKS);
  }

  reset(): void {
    this.#least.fill(Number.POSITIVE_INFINITY);
    this.#frames = 0;
    this.#moved = 0;
  }

  #worstOf(blocks: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let age = 0; age < blocks; age++) {
      least = Math.min(least, this.#least[(this.#block + BLOCKS - age) % BLOCKS] as number);
    }
    return least + this.#moved;
  }
}
