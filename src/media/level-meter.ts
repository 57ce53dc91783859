import { energyOf, peakOf } from './energy.js';

/** Frames quieter than this are pauses and have no part in the level of speech (-50 dBFS). */
const ACTIVE_RMS = 104;
const FULL_SCALE = 32_768;
/** Line noise and the idle pattern of a codec (0xFF as samples) are nothing that anybody said. */
const HUSH_PEAK = 8;

/** What a frame is to the ear. */
export type Loudness = 'hush' | 'quiet' | 'active';

/** Level of one direction since it was opened: of speech without its pauses, and the highest sample. About 0.3 µs a frame. */
export class LevelMeter {
  #power = 0;
  #frames = 0;
  #peak = 0;

  /** @param frame mono s16 */
  feed(frame: Int16Array): Loudness {
    const energy = energyOf(frame);
    // No sample is higher than the root of the energy: most frames need not be searched for their peak.
    if (energy > this.#peak * this.#peak) this.#peak = Math.max(this.#peak, peakOf(frame));
    const power = energy / frame.length;
    if (power >= ACTIVE_RMS * ACTIVE_RMS) {
      this.#power += power;
      this.#frames += 1;
      return 'active';
    }
    return power <= HUSH_PEAK * HUSH_PEAK && peakOf(frame) <= HUSH_PEAK ? 'hush' : 'quiet';
  }

  /** Mean level of the frames that were not pauses, dB below a full-scale square wave; null when there were none. */
  get speechDbfs(): number | null {
    return this.#frames === 0 ? null : decibels(Math.sqrt(this.#power / this.#frames));
  }

  /** The highest sample, dBFS; null when there was nothing at all. */
  get peakDbfs(): number | null {
    return this.#peak === 0 ? null : decibels(this.#peak);
  }
}

function decibels(amplitude: number): number {
  return Math.round(200 * Math.log10(amplitude / FULL_SCALE)) / 10;
}
