/** What the model takes at a time: 32 ms at 16 kHz. */
export const WINDOW_SAMPLES = 512;
/** Windows of a call that may wait for the model; one that is further behind loses the oldest. */
export const RING_WINDOWS = 4;
/** Calls at a time; the model's worker is busy long before. */
export const SLOTS = 256;
/** The model's answer is a share of this. */
export const CERTAIN = 1000;

const MARKS_PER_SLOT = 4;

/**
 * The memory that a thread with calls and the worker with the model share: a slot a call, with a ring of windows. One side writes windows and
 * counts them, the other judges them and counts those, so neither ever waits for the other.
 */
export class SileroSlots {
  readonly buffer: SharedArrayBuffer;
  /** How often a window was written, in any slot. */
  readonly #bell: Int32Array;
  /** A slot: how often it was opened (negative: it is free), windows written, windows judged, the last answer. */
  readonly #marks: Int32Array;
  readonly #samples: Int16Array;

  constructor(buffer?: SharedArrayBuffer) {
    const marks = SLOTS * MARKS_PER_SLOT;
    this.buffer = buffer ?? new SharedArrayBuffer(4 * (1 + marks) + 2 * SLOTS * RING_WINDOWS * WINDOW_SAMPLES);
    this.#bell = new Int32Array(this.buffer, 0, 1);
    this.#marks = new Int32Array(this.buffer, 4, marks);
    this.#samples = new Int16Array(this.buffer, 4 * (1 + marks));
  }

  /** A number that differs from one call to the next in the same slot; 0: nobody has it. */
  opening(slot: number): number {
    return Math.max(0, Atomics.load(this.#marks, slot * MARKS_PER_SLOT));
  }

  open(slot: number): void {
    const at = slot * MARKS_PER_SLOT;
    for (let mark = 1; mark < MARKS_PER_SLOT; mark++) Atomics.store(this.#marks, at + mark, 0);
    Atomics.store(this.#marks, at, Math.abs(Atomics.load(this.#marks, at)) + 1);
  }

  close(slot: number): void {
    const at = slot * MARKS_PER_SLOT;
    Atomics.store(this.#marks, at, -Math.abs(Atomics.load(this.#marks, at)));
  }

  /** @param window is copied */
  write(slot: number, window: Int16Array): void {
    const at = slot * MARKS_PER_SLOT;
    const written = Atomics.load(this.#marks, at + 1);
    this.#samples.set(window, (slot * RING_WINDOWS + (written % RING_WINDOWS)) * WINDOW_SAMPLES);
    Atomics.store(this.#marks, at + 1, written + 1);
    Atomics.add(this.#bell, 0, 1);
    Atomics.notify(this.#bell, 0);
  }

  /** Windows that were written and not judged yet. */
  waiting(slot: number): number {
    const at = slot * MARKS_PER_SLOT;
    return Atomics.load(this.#marks, at + 1) - Atomics.load(this.#marks, at + 2);
  }

  /** How certain it is that the last window that was judged was speech, of CERTAIN. */
  answer(slot: number): number {
    return Atomics.load(this.#marks, slot * MARKS_PER_SLOT + 3);
  }

  /** Copies the next window to judge; false: none waits. */
  next(slot: number, window: Float32Array): boolean {
    const at = slot * MARKS_PER_SLOT;
    const written = Atomics.load(this.#marks, at + 1);
    const judged = Atomics.load(this.#marks, at + 2);
    if (judged >= written) return false;
    const number = written - judged > RING_WINDOWS ? written - 1 : judged;
    if (number !== judged) Atomics.store(this.#marks, at + 2, number);
    const from = (slot * RING_WINDOWS + (number % RING_WINDOWS)) * WINDOW_SAMPLES;
    for (let i = 0; i < WINDOW_SAMPLES; i++) window[i] = (this.#samples[from + i] as number) / 32_768;
    return true;
  }

  /** The answer to the window that `next` gave; nothing when the call has ended meanwhile. */
  judged(slot: number, opening: number, answer: number): void {
    const at = slot * MARKS_PER_SLOT;
    if (this.opening(slot) !== opening) return;
    Atomics.store(this.#marks, at + 3, Math.round(answer * CERTAIN));
    Atomics.add(this.#marks, at + 2, 1);
  }

  get rung(): number {
    return Atomics.load(this.#bell, 0);
  }

  /** Blocks until a window is written after `rung` was read, or for so long. */
  waitForWindow(rung: number, limitMs: number): void {
    Atomics.wait(this.#bell, 0, rung, limitMs);
  }
}
