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
  #peakSquared = 0;

  /** @param frame mono s16, a multiple of four samples */
  feed(frame: Int16Array): Loudness {
    // Four sums that do not wait for each other, and the peak with them: half the time of one after the other.
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let peakSquared = 0;
    for (let i = 0; i < frame.length; i += 4) {
      const w = square(frame[i] as number);
      const x = square(frame[i + 1] as number);
      const y = square(frame[i + 2] as number);
      const z = square(frame[i + 3] as number);
      a += w;
      b += x;
      c += y;
      d += z;
      if (w > peakSquared) peakSquared = w;
      if (x > peakSquared) peakSquared = x;
      if (y > peakSquared) peakSquared = y;
      if (z > peakSquared) peakSquared = z;
    }
    if (peakSquared > this.#peakSquared) this.#peakSquared = peakSquared;
    const power = (a + b + (c + d)) / frame.length;
    if (power >= square(ACTIVE_RMS)) {
      this.#power += power;
      this.#frames += 1;
      return 'active';
    }
    return peakSquared <= square(HUSH_PEAK) ? 'hush' : 'quiet';
  }

  /** Mean level of the frames that were not pauses, dB below a full-scale square wave; null when there were none. */
  get speechDbfs(): number | null {
    return this.#frames === 0 ? null : decibels(Math.sqrt(this.#power / this.#frames));
  }

  /** The highest sample, dBFS; null when there was nothing at all. */
  get peakDbfs(): number | null {
    return this.#peakSquared === 0 ? null : decibels(Math.sqrt(this.#peakSquared));
  }
}

function decibels(amplitude: number): number {
  return Math.round(200 * Math.log10(amplitude / FULL_SCALE)) / 10;
}

function square(value: number): number {
  return value * value;
}
