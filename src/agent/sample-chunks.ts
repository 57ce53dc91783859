import { FRAME_SAMPLES } from '../core/units.js';

const CHUNK_FRAMES = 13;
/** A quarter of a second at 16 kHz, in whole frames: small enough not to waste, large enough not to be a list of crumbs. */
const CHUNK_SAMPLES = CHUNK_FRAMES * FRAME_SAMPLES;
/** Kept for the next call: 16 MB, what 64 calls with 8 s of speech each hold. What is made anew, 130 kB for an answer of 4 s, brings the collector's pauses nearer. */
const MAX_FREE = 2048;

/** A piece of memory and views of its frames, as far as one was ever needed: whole arrays are copied ten times as fast as parts of them. */
export type SampleChunk = { readonly samples: Int16Array; readonly frames: (Int16Array | null)[] };

/** Storage for audio of unknown length, shared by the calls of a thread, so that a call holds only what it has to say. */
export class SampleChunks {
  readonly #free: SampleChunk[] = [];

  take(): SampleChunk {
    return (
      this.#free.pop() ?? {
        samples: new Int16Array(CHUNK_SAMPLES),
        frames: new Array<Int16Array | null>(CHUNK_FRAMES).fill(null),
      }
    );
  }

  give(chunk: SampleChunk): void {
    if (this.#free.length < MAX_FREE) this.#free.push(chunk);
  }
}

/** Samples in order: written at the end, read from the front, at most `capacity` of them held. */
export class SampleQueue {
  readonly #pool: SampleChunks;
  readonly #capacity: number;
  readonly #chunks: SampleChunk[] = [];
  /** Position of the first sample in the first chunk, below CHUNK_SAMPLES. */
  #readAt = 0;
  #length = 0;

  constructor(pool: SampleChunks, capacity: number) {
    this.#pool = pool;
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  /** Returns how many were taken: the rest did not fit. */
  write(samples: Int16Array): number {
    const count = Math.min(samples.length, this.#capacity - this.#length);
    let done = 0;
    while (done < count) {
      const writeAt = this.#readAt + this.#length;
      const index = Math.floor(writeAt / CHUNK_SAMPLES);
      let chunk = this.#chunks[index];
      if (chunk === undefined) {
        chunk = this.#pool.take();
        this.#chunks.push(chunk);
      }
      const offset = writeAt % CHUNK_SAMPLES;
      const part = Math.min(count - done, CHUNK_SAMPLES - offset);
      if (part === samples.length) chunk.samples.set(samples, offset);
      else for (let i = 0; i < part; i++) chunk.samples[offset + i] = samples[done + i] as number;
      this.#length += part;
      done += part;
    }
    return count;
  }

  /** Moves up to `count` samples to `dst` from `at` on; returns how many there were. */
  read(dst: Int16Array, at: number, count: number): number {
    const wanted = Math.min(count, this.#length);
    let done = 0;
    while (done < wanted) {
      const chunk = this.#chunks[0] as SampleChunk;
      const from = this.#readAt;
      const part = Math.min(wanted - done, CHUNK_SAMPLES - from);
      if (part === FRAME_SAMPLES && from % FRAME_SAMPLES === 0) dst.set(frameOf(chunk, from), at + done);
      else for (let i = 0; i < part; i++) dst[at + done + i] = chunk.samples[from + i] as number;
      this.#readAt += part;
      this.#length -= part;
      done += part;
      if (this.#readAt === CHUNK_SAMPLES) {
        this.#chunks.shift();
        this.#pool.give(chunk);
        this.#readAt = 0;
      }
    }
    // An agent that speaks as it goes uses the same few samples again and again, and the processor has them at hand.
    if (this.#length === 0) this.#readAt = 0;
    return wanted;
  }

  /** Forgets the first `count` samples. */
  drop(count: number): void {
    let left = Math.min(count, this.#length);
    while (left > 0) {
      const part = Math.min(left, CHUNK_SAMPLES - this.#readAt);
      this.#readAt += part;
      this.#length -= part;
      left -= part;
      if (this.#readAt === CHUNK_SAMPLES) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) this.#pool.give(chunk);
        this.#readAt = 0;
      }
    }
  }

  clear(): void {
    for (const chunk of this.#chunks) this.#pool.give(chunk);
    this.#chunks.length = 0;
    this.#readAt = 0;
    this.#length = 0;
  }
}

/** @param from a multiple of FRAME_SAMPLES */
function frameOf({ samples, frames }: SampleChunk, from: number): Int16Array {
  return (frames[from / FRAME_SAMPLES] ??= samples.subarray(from, from + FRAME_SAMPLES));
}
