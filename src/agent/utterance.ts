import { SAMPLES_PER_MS } from '../core/units.js';
import type { SampleChunks } from './sample-chunks.js';
import { SampleQueue } from './sample-chunks.js';

/** What is kept from before the onset: first consonants are quiet, and the onset is decided 160 ms late. */
const LEAD_MS = 500;
const MAX_MS = 31_000;

/** The audio of the caller's turn, from a little before it began. Outside a turn it holds only that little. */
export class Utterance {
  readonly #samples: SampleQueue;
  #state: 'idle' | 'recording' = 'idle';

  constructor(pool: SampleChunks) {
    this.#samples = new SampleQueue(pool, MAX_MS * SAMPLES_PER_MS);
  }

  push(frame: Int16Array): void {
    this.#samples.write(frame);
    if (this.#state === 'idle') this.#samples.drop(this.#samples.length - LEAD_MS * SAMPLES_PER_MS);
  }

  /** The turn has begun: nothing is forgotten until `take`. */
  begin(): void {
    this.#state = 'recording';
  }

  /** The turn's audio, owned by the caller from now on. */
  take(): Int16Array {
    const audio = new Int16Array(this.#samples.length);
    this.#samples.read(audio, 0, audio.length);
    this.#state = 'idle';
    return audio;
  }

  clear(): void {
    this.#samples.clear();
    this.#state = 'idle';
  }
}
