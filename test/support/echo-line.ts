import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../../src/core/units.js';
import { pcmu } from '../../src/media/g711.js';
import { seeded } from './signals.js';

export type EchoLineOptions = {
  /** Level of the echo against what is played; absent: a line without one. */
  readonly echoDb?: number;
  readonly delayMs: number;
  /** What the caller says, and when. */
  readonly caller?: { readonly voice: Int16Array; readonly atMs: number };
  /** Amplitude of the noise where the caller is. */
  readonly noise?: number;
};

/** A telephone with a loudspeaker: what is played comes back later, with two reflections, noise, and µ-law over all of it. */
export class EchoLine {
  readonly #options: EchoLineOptions;
  readonly #random = seeded(7);
  readonly #played: number[] = [];
  #at = 0;

  constructor(options: EchoLineOptions) {
    this.#options = options;
  }

  /** The next frame that is heard, given all that was played before. */
  heard(): Int16Array {
    const { echoDb, delayMs, caller, noise = 20 } = this.#options;
    const gain = echoDb === undefined ? 0 : 10 ** (echoDb / 20);
    const frame = new Int16Array(FRAME_SAMPLES);
    for (let i = 0; i < FRAME_SAMPLES; i++, this.#at++) {
      const from = this.#at - delayMs * SAMPLES_PER_MS;
      const echo = this.#sample(from) + 0.3 * this.#sample(from - 37) - 0.2 * this.#sample(from - 401);
      const voice = caller?.voice[this.#at - caller.atMs * SAMPLES_PER_MS] ?? 0;
      const sum = gain * echo + voice + noise * (2 * this.#random() - 1);
      frame[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
    }
    const bytes = new Uint8Array(FRAME_SAMPLES);
    pcmu.encode(frame, bytes);
    pcmu.decode(bytes, frame);
    return frame;
  }

  played(frame: Int16Array): void {
    this.#played.push(...frame);
  }

  #sample(at: number): number {
    return this.#played[at] ?? 0;
  }
}
