import { SAMPLE_RATE_HZ } from '../../src/core/units.js';

/** A sine at 16 kHz. */
export function tone(hz: number, samples: number, amplitude = 8000, from = 0): Int16Array {
  return Int16Array.from({ length: samples }, (_, i) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hz * (from + i)) / SAMPLE_RATE_HZ)),
  );
}

/** Numbers in [0, 1) that are the same in each run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** White noise at 16 kHz. */
export function noise(samples: number, amplitude = 8000, seed = 1): Int16Array {
  const random = seeded(seed);
  return Int16Array.from({ length: samples }, () => Math.round(amplitude * (2 * random() - 1)));
}

/** A vowel at 16 kHz: pulses of `hz` through two resonances. */
export function vowel(hz: number, samples: number, amplitude = 8000): Int16Array {
  const out = new Float64Array(samples);
  let a1 = 0;
  let a2 = 0;
  let b1 = 0;
  let b2 = 0;
  let phase = 0;
  for (let i = 0; i < samples; i++) {
    phase += hz / SAMPLE_RATE_HZ;
    const pulse = phase >= 1 ? 1 : 0;
    phase -= pulse;
    const a = pulse + 1.82 * a1 - 0.9 * a2;
    a2 = a1;
    a1 = a;
    const b = a + 1.2 * b1 - 0.85 * b2;
    b2 = b1;
    b1 = b;
    out[i] = b;
  }
  const peak = out.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  return Int16Array.from(out, (value) => Math.round((value / peak) * amplitude));
}

/**
 * Something like speech at 16 kHz: syllables of vowels whose pitch glides, with consonants of noise between them, and a pause after every few
 * words; background noise throughout.
 */
export function babble(seconds: number, seed = 1, amplitude = 8000): Int16Array {
  const random = seeded(seed);
  const out = noise(seconds * SAMPLE_RATE_HZ, 12, seed + 1);
  let at = 0;
  while (at < out.length) {
    const syllables = 3 + Math.floor(random() * 8);
    for (let k = 0; k < syllables && at < out.length; k++) {
      const length = Math.round((0.1 + 0.15 * random()) * SAMPLE_RATE_HZ);
      const loud = amplitude * (0.4 + 0.6 * random());
      const sound =
        random() < 0.25
          ? noise(length, loud * 0.2, Math.ceil(random() * 1e6))
          : vowel(90 + 130 * random(), length, loud);
      for (let i = 0; i < length && at + i < out.length; i++) {
        const envelope = Math.min(1, i / 480, (length - i) / 800);
        out[at + i] = Math.round((out[at + i] as number) + (sound[i] as number) * envelope);
      }
      at += length + Math.round(0.02 * random() * SAMPLE_RATE_HZ);
    }
    at += Math.round((0.25 + 0.8 * random()) * SAMPLE_RATE_HZ);
  }
  return out;
}

/** Root mean square. */
export function rms(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / Math.max(1, samples.length));
}
