import { energyOf } from './energy.js';

/** Quieter frames are pauses (-46 dBFS). */
const LEAST_RMS = 160;
/** So much of a frame's power is at one pitch, or it is no tone. Vowels reach it for a frame or two. */
const LEAST_SHARE = 0.85;
/** Signals of voicemails are between these; a hum or a whistle is not. */
const LOWEST = coefficientOf(350);
const HIGHEST = coefficientOf(2200);
/** How much the coefficient may wander from frame to frame: about 20 Hz at 1 kHz. */
const STEADY = 0.006;
/** Half a period of the lowest. */
const LAGS = 12;
/** 160 ms: the shortest signals last 200, and no voice holds a pitch so well for so long. */
const BEEP_FRAMES = 8;
/** A greeting goes before it: sound that is no tone. Half a second, because its beginning is spoken before we are connected. */
const GREETING_FRAMES = 25;

/**
 * Hears the signal after which a voicemail records: somebody has spoken, then there is one steady tone. A tone out of nothing is none, because what a
 * telephone plays to who rings is one as well. For legs that live for half a minute: twelve correlations a frame.
 */
export class BeepDetector {
  #spokenFrames = 0;
  #toneFrames = 0;
  #coefficient = 0;

  /**
   * @param frame mono s16, 16 kHz, 320 samples
   * @returns true once in the middle of the signal
   */
  feed(frame: Int16Array): boolean {
    const energy = energyOf(frame);
    if (energy < frame.length * LEAST_RMS * LEAST_RMS) {
      this.#toneFrames = 0;
      return false;
    }
    const coefficient = pitchOf(frame);
    const isTone =
      coefficient <= LOWEST && coefficient >= HIGHEST && shareAt(frame, coefficient, energy) >= LEAST_SHARE;
    if (!isTone) {
      this.#spokenFrames += 1;
      this.#toneFrames = 0;
      return false;
    }
    const isSame = this.#toneFrames > 0 && Math.abs(coefficient - this.#coefficient) <= STEADY;
    this.#toneFrames = isSame ? this.#toneFrames + 1 : 1;
    this.#coefficient = coefficient;
    return this.#toneFrames === BEEP_FRAMES && this.#spokenFrames >= GREETING_FRAMES;
  }
}

/**
 * As `2·cos(2πf / 16 kHz)`: of a tone, the autocorrelation obeys r[k-1] + r[k+1] = c·r[k], and this is the c that fits best. Without r[0], where noise is.
 */
function pitchOf(frame: Int16Array): number {
  let before = correlationAt(frame, 1);
  let at = correlationAt(frame, 2);
  let cross = 0;
  let square = 0;
  for (let lag = 3; lag <= LAGS; lag += 1) {
    const after = correlationAt(frame, lag);
    cross += (before + after) * at;
    square += at * at;
    before = at;
    at = after;
  }
  return cross / square;
}

/** Over the same number of samples at every lag: the recurrence holds for a tone of any phase. */
function correlationAt(frame: Int16Array, lag: number): number {
  let sum = 0;
  for (let i = LAGS; i < frame.length; i += 1) sum += (frame[i] as number) * (frame[i - lag] as number);
  return sum;
}

/** Part of the power that is at the pitch of the coefficient, 0 to 1 (Goertzel). */
function shareAt(frame: Int16Array, coefficient: number, energy: number): number {
  let before = 0;
  let last = 0;
  for (let i = 0; i < frame.length; i += 1) {
    const now = (frame[i] as number) + coefficient * last - before;
    before = last;
    last = now;
  }
  return (2 * (before * before + last * last - coefficient * before * last)) / (energy * frame.length);
}

function coefficientOf(hz: number): number {
  return 2 * Math.cos((2 * Math.PI * hz) / 16_000);
}
