import { describe, expect, it } from 'vitest';
import { energyOf, peakOf } from '../../src/media/energy.js';

describe('energy and peak of a frame', () => {
  it('count each sample once', () => {
    const frame = Int16Array.from({ length: 320 }, (_, i) => i - 160);
    expect(energyOf(frame)).toBe(frame.reduce((sum, sample) => sum + sample * sample, 0));
    expect(peakOf(frame)).toBe(160);
  });

  it('know the loudest frame there is', () => {
    const frame = new Int16Array(320).fill(-32_768);
    expect(energyOf(frame)).toBe(320 * 2 ** 30);
    expect(peakOf(frame)).toBe(32_768);
  });
});
