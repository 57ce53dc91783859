import { RateDoubler, RateHalver } from './half-band.js';
import { Resampler } from './resample.js';

/** Streaming sample rate conversion in one direction, for one leg. Allocates nothing after its making. */
export interface RateConverter {
  /** Output samples that did not fit into 16 bits, since the converter was made. */
  readonly clipped: number;
  /**
   * Takes all of `src`, mono s16, at most 60 ms, and writes what it makes to the beginning of `dst`.
   * @returns how many samples were written; `dst` must have room for `src.length * toHz / fromHz + 1`
   */
  process(src: Int16Array, dst: Int16Array): number;
}

/** The cheapest converter of a ratio: half-band between 8 and 16 kHz, polyphase FIR for all else, null where there is nothing to do. */
export function openRateConverter(fromHz: number, toHz: number): RateConverter | null {
  if (fromHz === toHz) return null;
  if (fromHz === 8000 && toHz === 16_000) return new RateDoubler();
  if (fromHz === 16_000 && toHz === 8000) return new RateHalver();
  return new Resampler(fromHz, toHz);
}
