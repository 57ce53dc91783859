import { describe, expect, it } from 'vitest';
import { RateDoubler, RateHalver } from '../../src/media/half-band.js';
import { openRateConverter } from '../../src/media/rate-converter.js';
import { Resampler } from '../../src/media/resample.js';

describe('a rate converter', () => {
  it('is the cheapest one for its ratio', () => {
    expect(openRateConverter(16_000, 16_000)).toBeNull();
    expect(openRateConverter(8000, 16_000)).toBeInstanceOf(RateDoubler);
    expect(openRateConverter(16_000, 8000)).toBeInstanceOf(RateHalver);
    expect(openRateConverter(48_000, 16_000)).toBeInstanceOf(Resampler);
  });

  it('tells how much it made of 60 ms, the longest that a wire of ours brings', () => {
    for (const [fromHz, toHz] of [
      [8000, 16_000],
      [16_000, 8000],
      [24_000, 16_000],
      [16_000, 48_000],
    ] as const) {
      const converter = openRateConverter(fromHz, toHz)!;
      const dst = new Int16Array((toHz * 60) / 1000 + 1);
      expect(converter.process(new Int16Array((fromHz * 60) / 1000), dst)).toBe((toHz * 60) / 1000);
    }
  });
});
