import { describe, expect, it } from 'vitest';
import { MAX_PITCH_SAMPLES, MIN_PITCH_SAMPLES, PITCH_HISTORY_SAMPLES, PitchFinder } from '../../src/media/pitch.js';
import { noise, tone, vowel } from '../support/signals.js';

describe('pitch search', () => {
  it('finds the period of a voice from 60 to 300 Hz, not twice or half of it', () => {
    const finder = new PitchFinder();
    for (const hz of [60, 75, 90, 110, 128, 150, 190, 220, 260, 300]) {
      const voice = vowel(hz, 3000);
      finder.find(voice, 2900);
      expect(Math.abs(finder.lag - 16_000 / hz), `${hz} Hz`).toBeLessThanOrEqual(1.5);
      expect(finder.match).toBeGreaterThan(0.9);
    }
  });

  it('finds one or two periods of a child', () => {
    const finder = new PitchFinder();
    for (const hz of [330, 380, 400]) {
      finder.find(vowel(hz, 3000), 2900);
      const periods = (finder.lag * hz) / 16_000;
      expect(Math.abs(periods - Math.round(periods)), `${hz} Hz`).toBeLessThan(0.03);
      expect(periods).toBeLessThan(2.5);
    }
  });

  it('finds the period of a voice in noise 10 dB below it', () => {
    const finder = new PitchFinder();
    const background = noise(3000, 1500);
    const voice = vowel(120, 3000).map((sample, i) => sample + background[i]!);
    finder.find(voice, 3000);
    expect(Math.abs(finder.lag - 133)).toBeLessThanOrEqual(3);
  });

  it('finds little in noise and nothing in silence', () => {
    const finder = new PitchFinder();
    finder.find(noise(PITCH_HISTORY_SAMPLES), PITCH_HISTORY_SAMPLES);
    expect(finder.match).toBeLessThan(0.5);
    expect(finder.lag).toBeGreaterThanOrEqual(MIN_PITCH_SAMPLES);
    expect(finder.lag).toBeLessThanOrEqual(MAX_PITCH_SAMPLES);
    finder.find(new Int16Array(PITCH_HISTORY_SAMPLES), PITCH_HISTORY_SAMPLES);
    expect(finder.match).toBe(0);
  });

  it('takes a multiple of the period of a tone above its range', () => {
    const finder = new PitchFinder();
    finder.find(tone(1000, PITCH_HISTORY_SAMPLES), PITCH_HISTORY_SAMPLES);
    expect(finder.match).toBeGreaterThan(0.99);
    expect(finder.lag % 16).toBe(0);
  });
});
