import { describe, expect, it } from 'vitest';
import { ClockSkew } from '../../src/media/clock-skew.js';
import { seeded } from '../support/signals.js';

/** Frames of a sender whose clock is `ppm` fast, each up to `jitterMs` late. */
function run(skew: ClockSkew, ppm: number, seconds: number, jitterMs: number, fromMs = 0): number {
  const random = seeded(7);
  let atMs = fromMs;
  for (let n = 0; n < seconds * 50; n++) {
    atMs = Math.max(atMs, fromMs + (n * 20) / (1 + ppm / 1e6) + jitterMs * random());
    skew.feed(320, atMs);
  }
  return atMs;
}

describe('clock skew', () => {
  it('is found within 5 ppm after two minutes of jitter up to 10 ms', () => {
    for (const ppm of [-500, -100, -20, 0, 20, 100, 500]) {
      const skew = new ClockSkew();
      run(skew, ppm, 130, 10);
      expect(Math.abs(skew.ppm - ppm), `${ppm}`).toBeLessThan(5);
    }
  });

  it('is not guessed before half a minute', () => {
    const skew = new ClockSkew();
    run(skew, 300, 25, 5);
    expect(skew.ppm).toBe(0);
  });

  it('survives hours, and a pause of the sender', () => {
    const skew = new ClockSkew();
    const endMs = run(skew, 200, 7200, 5);
    expect(Math.abs(skew.ppm - 200)).toBeLessThan(5);
    run(skew, 200, 60, 5, endMs + 30_000);
    expect(Math.abs(skew.ppm - 200)).toBeLessThan(20);
  });
});
