import { energyOf } from './energy.js';

/** Quieter than this is a pause whatever the background is (-60 dBFS). */
const QUIET_RMS = 33;
/** Louder than this is none. */
const LOUD_RMS = 1000;
/** Within 6 dB of the background. */
const OVER_FLOOR = 2;
/** The floor falls at once and rises 1 dB a second, so that it follows a fan and not a sentence. */
const FLOOR_RISE = 1.0023;

/** Tells where nothing is said, by level alone: good enough to choose where a piece of sound is not missed. */
export class PauseDetector {
  #floorRms = QUIET_RMS;

  /** To be asked once for each frame. */
  isPause(frame: Int16Array): boolean {
    const rms = Math.sqrt(energyOf(frame) / frame.length);
    this.#floorRms = Math.min(Math.max(rms, 1), this.#floorRms * FLOOR_RISE, LOUD_RMS);
    return rms < QUIET_RMS || (rms < this.#floorRms * OVER_FLOOR && rms < LOUD_RMS);
  }
}
