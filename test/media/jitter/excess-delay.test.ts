import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES } from '../../../src/core/units.js';
import { excessDelayMs } from '../../../src/media/jitter/excess-delay.js';

const at = (slackMs: number, decodedSamples: number, targetMs: number, packetSamples = FRAME_SAMPLES): number =>
  excessDelayMs(slackMs, targetMs, decodedSamples, packetSamples);

describe('delay that is not needed', () => {
  it('is none while the next packet is awaited for as long as the target asks', () => {
    expect(at(30, 0, 30)).toBe(0);
    expect(at(45, 0, 30)).toBe(0);
  });

  it('is given back in frames: less would not make a packet be needed any earlier', () => {
    expect(at(75, 0, 30)).toBe(2 * FRAME_MS);
  });

  it('is what is decoded beyond whole frames', () => {
    expect(at(30, 160, 30)).toBe(10);
    expect(at(10, FRAME_SAMPLES + 48, 30)).toBe(3);
  });

  it('is negative where a packet would be awaited for less', () => {
    expect(at(10, 0, 30)).toBe(-FRAME_MS);
    expect(at(29, 0, 30)).toBe(-FRAME_MS);
  });

  it('counts, where packets are shorter than frames, from the last one of a frame', () => {
    expect(at(30, 0, 30, FRAME_SAMPLES / 2)).toBe(-FRAME_MS);
    expect(at(40, 0, 30, FRAME_SAMPLES / 2)).toBe(0);
  });

  it('leaves, once it is taken away or added, none to take away or to add', () => {
    const frames = fc.integer({ min: 0, max: 4 });
    fc.assert(
      fc.property(fc.integer({ min: -200, max: 400 }), fc.integer({ min: 0, max: 200 }), frames, (slack, target, n) => {
        const excess = at(slack, n * FRAME_SAMPLES, target);
        expect(at(slack - excess, n * FRAME_SAMPLES, target)).toBe(0);
      }),
    );
  });
});
