import type { Clock } from '../core/clock.js';
import { FRAME_MS, FRAME_SAMPLES } from '../core/units.js';

/** Half a second: a kill loses no more, and a message to the writer costs twice a second what a frame costs. */
const CHUNK_FRAMES = 500 / FRAME_MS;
const CHANNELS = 2;

/** A piece of a recording. */
export type RecordedChunk = {
  /** Wall clock at the first frame of the leg, milliseconds since 1970. */
  readonly fromMs: number;
  /** Samples of each channel since then. */
  readonly atSample: number;
  /** s16, 16 kHz, interleaved: left what the party said, right what it was given. Valid until the call returns. */
  readonly stereo: Int16Array;
};

/**
 * Listens to a leg and gives what was said and played, side by side as they were at each turn, to somebody who writes it down elsewhere. One buffer,
 * used again and again: whoever gets a chunk has to copy it at once, as a message to another thread does.
 */
export class RecordingTap {
  readonly #clock: Clock;
  readonly #onChunk: (chunk: RecordedChunk) => void;
  readonly #chunk = new Int16Array(CHUNK_FRAMES * FRAME_SAMPLES * CHANNELS);
  /** Whole frames in the chunk. */
  #frames = 0;
  /** What the party said is there, and what it was given is not yet. */
  #half: 'there' | 'missing' = 'missing';
  #fromMs: number | null = null;
  #atSample = 0;

  constructor(options: { readonly clock: Clock; readonly onChunk: (chunk: RecordedChunk) => void }) {
    this.#clock = options.clock;
    this.#onChunk = options.onChunk;
  }

  /** The party's frame of this turn: mono s16, 16 kHz, 320 samples. */
  heard(frame: Int16Array): void {
    // A turn in which nothing was played is silence on the other side.
    if (this.#half === 'there') this.#close();
    this.#fromMs ??= this.#clock.wallMs();
    const start = this.#frames * FRAME_SAMPLES * CHANNELS;
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      this.#chunk[start + i * CHANNELS] = frame[i] as number;
      this.#chunk[start + i * CHANNELS + 1] = 0;
    }
    this.#half = 'there';
  }

  /** The frame that was played in this turn; a second one is none of it. */
  played(frame: Int16Array): void {
    if (this.#half === 'missing') return;
    const start = this.#frames * FRAME_SAMPLES * CHANNELS;
    for (let i = 0; i < FRAME_SAMPLES; i++) this.#chunk[start + i * CHANNELS + 1] = frame[i] as number;
    this.#close();
  }

  /** Hands out what is left: the leg is gone. */
  flush(): void {
    if (this.#half === 'there') this.#close();
    this.#handOut();
  }

  #close(): void {
    this.#half = 'missing';
    this.#frames += 1;
    if (this.#frames === CHUNK_FRAMES) this.#handOut();
  }

  #handOut(): void {
    if (this.#frames === 0) return;
    const samples = this.#frames * FRAME_SAMPLES;
    // A part of the buffer would be sent with all of it.
    const stereo = this.#frames === CHUNK_FRAMES ? this.#chunk : this.#chunk.slice(0, samples * CHANNELS);
    this.#onChunk({ fromMs: this.#fromMs ?? 0, atSample: this.#atSample, stereo });
    this.#atSample += samples;
    this.#frames = 0;
  }
}
