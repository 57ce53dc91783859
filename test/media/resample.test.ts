import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Resampler } from '../../src/media/resample.js';

const PAIRS = [
  [8000, 16_000],
  [16_000, 8000],
  [16_000, 24_000],
  [24_000, 16_000],
  [16_000, 48_000],
  [48_000, 16_000],
  [12_000, 16_000],
  [44_100, 16_000],
  [16_000, 44_100],
] as const;

function tone(hz: number, rateHz: number, samples: number, amplitude = 16_000): Int16Array {
  return Int16Array.from({ length: samples }, (_, i) => amplitude * Math.sin((2 * Math.PI * hz * i) / rateHz));
}

function run(fromHz: number, toHz: number, input: Int16Array, block = Math.round(fromHz / 50)): Int16Array {
  const resampler = new Resampler(fromHz, toHz);
  const out = new Int16Array(Math.ceil((input.length * toHz) / fromHz) + 2);
  const room = new Int16Array(Math.ceil((block * toHz) / fromHz) + 2);
  let length = 0;
  for (let at = 0; at < input.length; at += block) {
    const written = resampler.process(input.subarray(at, at + block), room);
    out.set(room.subarray(0, written), length);
    length += written;
  }
  return out.subarray(0, length);
}

/** Level of one frequency against the amplitude 16,000, in dB, over whole periods and without the ends. */
function levelDb(signal: Int16Array, hz: number, rateHz: number): number {
  const from = Math.round(rateHz / 10);
  const count = rateHz / 2; // half a second holds whole periods of every multiple of 10 Hz
  let re = 0;
  let im = 0;
  for (let i = 0; i < count; i++) {
    const angle = (2 * Math.PI * hz * i) / rateHz;
    re += signal[from + i]! * Math.cos(angle);
    im += signal[from + i]! * Math.sin(angle);
  }
  return 20 * Math.log10(((2 / count) * Math.hypot(re, im)) / 16_000 + 1e-12);
}

describe.each(PAIRS)('from %i to %i Hz', (fromHz, toHz) => {
  const lower = Math.min(fromHz, toHz);

  it('passes speech unchanged', () => {
    for (const hz of [100, 300, 1000, lower * 0.3, lower * 0.425].map((value) => Math.round(value / 10) * 10)) {
      const out = run(fromHz, toHz, tone(hz, fromHz, fromHz));
      expect(Math.abs(levelDb(out, hz, toHz))).toBeLessThan(0.1);
    }
  });

  it('lets no image and no alias through', () => {
    if (toHz > fromHz) {
      const hz = Math.round((lower * 0.425) / 10) * 10;
      const out = run(fromHz, toHz, tone(hz, fromHz, fromHz));
      expect(levelDb(out, fromHz - hz, toHz)).toBeLessThan(-80);
    } else {
      const hz = Math.round((toHz * 0.575) / 10) * 10; // would fold to 0.425 of the lower rate
      const out = run(fromHz, toHz, tone(hz, fromHz, fromHz));
      expect(levelDb(out, toHz - hz, toHz)).toBeLessThan(-80);
    }
  });

  it('makes as many samples as time has passed', () => {
    const out = run(fromHz, toHz, new Int16Array(fromHz));
    expect(Math.abs(out.length - toHz)).toBeLessThanOrEqual(1);
  });

  it('delays by no more than 3 ms', () => {
    const input = new Int16Array(fromHz / 10);
    input[100] = 20_000;
    const out = run(fromHz, toHz, input);
    const peak = out.reduce((best, value, i) => (Math.abs(value) > Math.abs(out[best]!) ? i : best), 0);
    expect(peak / toHz - 100 / fromHz).toBeLessThanOrEqual(0.00305);
    expect(peak / toHz - 100 / fromHz).toBeGreaterThan(0);
  });
});

describe('blocks', () => {
  it('of any sizes give the same samples', () => {
    const input = Int16Array.from({ length: 3000 }, (_, i) => ((i * 7919) % 20_001) - 10_000);
    fc.assert(
      fc.property(
        fc.constantFrom(...PAIRS),
        fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 20 }),
        ([fromHz, toHz], sizes) => {
          const whole = run(fromHz, toHz, input, input.length);
          const resampler = new Resampler(fromHz, toHz);
          const parts: number[] = [];
          const room = new Int16Array(10_000);
          let at = 0;
          for (let i = 0; at < input.length; i++) {
            const size = sizes[i % sizes.length]!;
            const written = resampler.process(input.subarray(at, at + size), room);
            parts.push(...room.subarray(0, written));
            at += size;
          }
          expect(parts).toEqual([...whole]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('that are too loud are cut and counted, not wrapped', () => {
    const resampler = new Resampler(8000, 16_000);
    const square = Int16Array.from({ length: 160 }, (_, i) => (i % 20 < 10 ? 32_767 : -32_768));
    const out = new Int16Array(320);
    resampler.process(square, out);
    expect(resampler.clipped).toBeGreaterThan(0);
    for (let i = 60; i < 319; i++) expect(Math.abs(out[i]! - out[i + 1]!)).toBeLessThan(60_000);
  });
});
