import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateDoubler, RateHalver } from '../../src/media/half-band.js';

const LEVEL = 16_000;

function tone(hz: number, rateHz: number, samples: number): Int16Array {
  return Int16Array.from({ length: samples }, (_, i) => Math.round(LEVEL * Math.sin((2 * Math.PI * hz * i) / rateHz)));
}

/** Level of a frequency against LEVEL, in dB; the beginning and end are left out. */
function levelDb(samples: Int16Array, hz: number, rateHz: number): number {
  const part = samples.subarray(1000, samples.length - 1000);
  let real = 0;
  let imaginary = 0;
  part.forEach((sample, i) => {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / part.length);
    real += window * sample * Math.cos((2 * Math.PI * hz * i) / rateHz);
    imaginary += window * sample * Math.sin((2 * Math.PI * hz * i) / rateHz);
  });
  return 20 * Math.log10((Math.hypot(real, imaginary) * 4) / part.length / LEVEL + 1e-12);
}

/** Where the energy of a burst lies, in samples. */
function centreOf(samples: Int16Array): number {
  let weighted = 0;
  let energy = 0;
  samples.forEach((sample, i) => {
    weighted += i * sample * sample;
    energy += sample * sample;
  });
  return weighted / energy;
}

function doubled(src: Int16Array, blocks: readonly number[] = [160]): Int16Array {
  const out = new Int16Array(src.length * 2);
  const doubler = new RateDoubler();
  for (let at = 0, i = 0; at < src.length; i++) {
    const block = src.subarray(at, at + (blocks[i % blocks.length] as number));
    doubler.process(block, out.subarray(at * 2));
    at += block.length;
  }
  return out;
}

function halved(src: Int16Array, blocks: readonly number[] = [320]): Int16Array {
  const out = new Int16Array(src.length / 2);
  const halver = new RateHalver();
  for (let at = 0, i = 0; at < src.length; i++) {
    const block = src.subarray(at, at + (blocks[i % blocks.length] as number));
    halver.process(block, out.subarray(at / 2));
    at += block.length;
  }
  return out;
}

describe('half-band filter', () => {
  it('passes telephone speech within 0.02 dB, up and down', () => {
    for (const hz of [50, 300, 1000, 2000, 3000, 3400]) {
      expect(Math.abs(levelDb(doubled(tone(hz, 8000, 12_000)), hz, 16_000))).toBeLessThan(0.02);
      expect(Math.abs(levelDb(halved(tone(hz, 16_000, 24_000)), hz, 8000))).toBeLessThan(0.02);
    }
  });

  it('keeps images and aliases below -80 dB', () => {
    for (const hz of [300, 1000, 3000, 3400]) {
      expect(levelDb(doubled(tone(hz, 8000, 12_000)), 8000 - hz, 16_000)).toBeLessThan(-80);
    }
    for (const hz of [4600, 5000, 6500, 7700]) {
      expect(levelDb(halved(tone(hz, 16_000, 24_000)), 8000 - hz, 8000)).toBeLessThan(-80);
    }
  });

  it('is late by less than 0.7 ms each way, at any pitch of a voice', () => {
    // A tone burst under a bell: its middle says when it is.
    const middle = 240;
    for (const hz of [300, 1000, 2500, 3400]) {
      const burst = Int16Array.from({ length: 480 }, (_, i) =>
        Math.round(LEVEL * Math.exp(-(((i - middle) / 40) ** 2)) * Math.sin((2 * Math.PI * hz * i) / 8000)),
      );
      const up = doubled(burst);
      expect(centreOf(up) / 16 - middle / 8).toBeGreaterThan(0);
      expect(centreOf(up) / 16 - middle / 8).toBeLessThan(0.7);
      expect(centreOf(halved(up)) / 8 - middle / 8).toBeLessThan(1.4);
    }
  });

  it('is silent some time after the sound has ended', () => {
    const src = new Int16Array(8000);
    src.set(tone(1000, 8000, 800));
    expect(doubled(src).subarray(4000)).toEqual(new Int16Array(12_000));
  });

  it('gives the same samples, however they were cut into blocks', () => {
    const samples = fc.array(fc.integer({ min: -32_768, max: 32_767 }), { minLength: 960, maxLength: 960 });
    const sizes = fc.array(fc.integer({ min: 1, max: 240 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(samples, sizes, (list, blocks) => {
        const src = Int16Array.from(list);
        expect(doubled(src, blocks)).toEqual(doubled(src));
        const pairs = blocks.map((block) => block * 2);
        expect(halved(src, pairs)).toEqual(halved(src));
      }),
    );
  });

  it('saturates and counts instead of turning over', () => {
    const square = Int16Array.from({ length: 480 }, (_, i) => (i % 16 < 8 ? 32_767 : -32_768));
    const doubler = new RateDoubler();
    const out = new Int16Array(960);
    doubler.process(square, out);
    expect(doubler.clipped).toBeGreaterThan(0);
    // Around the middle of a plateau the sign is that of the input.
    expect(Math.max(...out)).toBe(32_767);
    expect(Math.min(...out)).toBe(-32_768);
  });
});
