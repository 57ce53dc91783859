import { describe, expect, it } from 'vitest';
import { energyOf } from '../../src/media/energy.js';

describe('energy of a frame', () => {
  it('counts each sample once', () => {
    const frame = Int16Array.from({ length: 320 }, (_, i) => i - 160);
    expect(energyOf(frame)).toBe(frame.reduce((sum, sample) => sum + sample * sample, 0));
  });

  it('knows the loudest frame there is', () => {
    const frame = new Int16Array(320).fill(-32_768);
    expect(energyOf(frame)).toBe(320 * 2 ** 30);
  });
});
