import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import { CONCEALED_SAMPLES_LIMIT, Concealer } from '../../src/media/concealer.js';
import { babble, noise, rms, tone, vowel } from '../support/signals.js';

/** What is heard of `clean` when the frames that `lost` names do not come. */
function through(clean: Int16Array, lost: (frame: number) => boolean): Int16Array {
  const concealer = new Concealer();
  const out = clean.slice();
  for (let at = 0, n = 0; at + FRAME_SAMPLES <= out.length; at += FRAME_SAMPLES, n++) {
    if (lost(n)) concealer.conceal(out, at, FRAME_SAMPLES);
    else concealer.heard(out, at, FRAME_SAMPLES);
  }
  return out;
}

function snrDb(clean: Int16Array, heard: Int16Array): number {
  return 20 * Math.log10(rms(clean) / (rms(clean.map((sample, i) => sample - heard[i]!)) + 1e-9));
}

/** The largest step from one sample to the next. */
function largestStep(samples: Int16Array): number {
  let most = 0;
  for (let i = 1; i < samples.length; i++) most = Math.max(most, Math.abs(samples[i]! - samples[i - 1]!));
  return most;
}

const LOST = 20;
const gap = (frames: number) => (n: number) => n >= LOST && n < LOST + frames;
const part = (samples: Int16Array, fromFrame: number, frames: number): Int16Array =>
  samples.subarray(fromFrame * FRAME_SAMPLES, (fromFrame + frames) * FRAME_SAMPLES);

describe('concealment', () => {
  it('continues a voice so that a lost frame is hardly missed', () => {
    for (const hz of [70, 100, 133, 180, 240]) {
      const clean = vowel(hz, 40 * FRAME_SAMPLES);
      const heard = through(clean, gap(1));
      expect(snrDb(part(clean, LOST, 1), part(heard, LOST, 1)), `${hz} Hz`).toBeGreaterThan(5);
      expect(part(heard, 0, LOST)).toEqual(part(clean, 0, LOST));
      expect(part(heard, LOST + 1 + 1, 10)).toEqual(part(clean, LOST + 1 + 1, 10));
    }
  });

  it('makes no click at either end of a gap of any length', () => {
    for (const hz of [210, 305, 440, 1013]) {
      for (const frames of [1, 2, 3, 4, 10]) {
        const clean = tone(hz, 50 * FRAME_SAMPLES);
        const heard = through(clean, gap(frames));
        expect(largestStep(heard), `${hz} Hz, ${frames} frames`).toBeLessThan(largestStep(clean) * 1.5 + 150);
      }
    }
  });

  it('fades out, is silent from 60 ms on, and comes back within 10 ms', () => {
    const clean = vowel(120, 60 * FRAME_SAMPLES);
    const heard = through(clean, gap(6));
    const level = (frame: number): number => rms(part(heard, frame, 1)) / rms(part(clean, frame, 1));
    expect(level(LOST)).toBeGreaterThan(0.7);
    expect(level(LOST + 1)).toBeLessThan(level(LOST));
    expect(level(LOST + 2)).toBeLessThan(0.4);
    for (let frame = LOST + 3; frame < LOST + 6; frame++) expect(level(frame)).toBe(0);
    expect(part(heard, LOST + 6, 1).subarray(160)).toEqual(part(clean, LOST + 6, 1).subarray(160));
  });

  it('keeps noise noise: no louder, and not a tone', () => {
    const clean = noise(40 * FRAME_SAMPLES, 3000);
    const heard = part(through(clean, gap(1)), LOST, 1);
    expect(rms(heard)).toBeGreaterThan(rms(clean) * 0.6);
    expect(rms(heard)).toBeLessThan(rms(clean) * 1.15);
  });

  it('is better than silence on something like speech, at every rate of loss', () => {
    const clean = babble(60, 10);
    for (const every of [50, 20, 10]) {
      const lost = (n: number): boolean => n % every === every - 1;
      const silenced = clean.slice();
      for (let n = 0; (n + 1) * FRAME_SAMPLES <= clean.length; n++) if (lost(n)) part(silenced, n, 1).fill(0);
      expect(snrDb(clean, through(clean, lost))).toBeGreaterThan(snrDb(clean, silenced) + 2);
    }
  });

  it('makes up the same samples, however they are asked for', () => {
    const clean = vowel(140, 10 * FRAME_SAMPLES);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 10 }), (sizes) => {
        const run = (blocks: readonly number[]): Int16Array => {
          const concealer = new Concealer();
          for (let at = 0; at < clean.length; at += FRAME_SAMPLES) concealer.heard(clean.slice(), at, FRAME_SAMPLES);
          const out = new Int16Array(CONCEALED_SAMPLES_LIMIT + 400);
          for (let at = 0, i = 0; at < out.length; i++) {
            const count = Math.min(blocks[i % blocks.length]!, out.length - at);
            concealer.conceal(out, at, count);
            at += count;
          }
          return out;
        };
        expect(run(sizes)).toEqual(run([10_000]));
      }),
      { numRuns: 30 },
    );
  });

  it('stays within 16 bits and starts from silence when nothing was heard', () => {
    const loud = Int16Array.from({ length: 40 * FRAME_SAMPLES }, (_, i) => (i % 80 < 40 ? 32_767 : -32_768));
    const heard = through(loud, (n) => n % 4 === 3);
    expect(heard.some((sample, i) => Math.abs(sample - loud[i]!) > 65_000)).toBe(false);
    const out = new Int16Array(FRAME_SAMPLES).fill(99);
    new Concealer().conceal(out, 0, FRAME_SAMPLES);
    expect(rms(out)).toBe(0);
  });
});
