/** Longer losses are remembered by their end. */
const REMEMBERED = 32;

/** The sequence numbers that were given up last: a packet that comes after its turn is late when it is among them, else a duplicate. */
export class MissedPackets {
  readonly #sequences = new Float64Array(REMEMBERED).fill(NaN);
  #at = 0;

  /** From `from` up to, and without, `to`. */
  add(from: number, to: number): void {
    for (let sequence = Math.max(from, to - REMEMBERED); sequence < to; sequence++) {
      this.#sequences[this.#at] = sequence;
      this.#at = (this.#at + 1) % REMEMBERED;
    }
  }

  /** Whether it was missed; it is not any more. */
  take(sequence: number): boolean {
    for (let i = 0; i < REMEMBERED; i++) {
      if (this.#sequences[i] !== sequence) continue;
      this.#sequences[i] = NaN;
      return true;
    }
    return false;
  }

  clear(): void {
    this.#sequences.fill(NaN);
  }
}
