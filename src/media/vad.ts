import fvad from '@echogarden/fvad-wasm';
import { FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../core/units.js';

/** The library's four modes; 3 calls the least speech. Callers are near their microphone, offices are not quiet. */
const MODE = 3;

let library: Promise<FvadLibrary> | null = null;
let loaded: FvadLibrary | null = null;

/** Loads the WASM once a thread, before the first call: compiling it takes longer than a tick. */
export async function loadVad(): Promise<void> {
  library ??= fvad() as Promise<FvadLibrary>;
  loaded = await library;
}

/** WebRTC's voice activity detector (libfvad) for one call: 3 to 9 µs a frame, nothing allocated. */
export class Vad {
  readonly #library: FvadLibrary;
  readonly #instance: number;
  /** Where a frame is handed over, in the library's memory. */
  readonly #frameAt: number;
  #state: 'open' | 'closed' = 'open';

  /** Throws when `loadVad` has not resolved before. */
  constructor() {
    if (loaded === null) throw new Error('loadVad comes before the first Vad');
    this.#library = loaded;
    this.#instance = loaded._fvad_new();
    this.#frameAt = loaded._malloc(FRAME_SAMPLES * 2);
    loaded._fvad_set_sample_rate(this.#instance, SAMPLE_RATE_HZ);
    loaded._fvad_set_mode(this.#instance, MODE);
  }

  /** @param frame mono s16, 16 kHz, 320 samples */
  isSpeech(frame: Int16Array): boolean {
    if (this.#state === 'closed') return false;
    // The view is taken anew: the library's memory moves when it grows.
    this.#library.HEAP16.set(frame, this.#frameAt >> 1);
    return this.#library._fvad_process(this.#instance, this.#frameAt, FRAME_SAMPLES) === 1;
  }

  /** Idempotent. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#library._fvad_free(this.#instance);
    this.#library._free(this.#frameAt);
  }
}

/** The exports of libfvad's WASM that are used here. */
type FvadLibrary = {
  readonly HEAP16: Int16Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _fvad_new(): number;
  _fvad_free(instance: number): void;
  _fvad_set_mode(instance: number, mode: number): number;
  _fvad_set_sample_rate(instance: number, rateHz: number): number;
  /** 1 speech, 0 none, -1 a frame of a length it does not take. */
  _fvad_process(instance: number, samples: number, count: number): number;
};
