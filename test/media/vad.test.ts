import { beforeAll, describe, expect, it } from 'vitest';
import { loadVad, Vad } from '../../src/media/vad.js';

beforeAll(() => loadVad());

/** A vowel: a 120 Hz pulse train through two resonances. */
function vowel(frames: number): Int16Array[] {
  let a1 = 0;
  let a2 = 0;
  let b1 = 0;
  let b2 = 0;
  let n = 0;
  return Array.from({ length: frames }, () =>
    Int16Array.from({ length: 320 }, () => {
      const pulse = n++ % 133 === 0 ? 6000 : 0;
      const a = pulse + 1.82 * a1 - 0.95 * a2;
      a2 = a1;
      a1 = a;
      const b = a + 1.6 * b1 - 0.9 * b2;
      b2 = b1;
      b1 = b;
      return Math.max(-30_000, Math.min(30_000, b / 12));
    }),
  );
}

describe('voice activity', () => {
  it('is found in a vowel and not in silence', () => {
    const vad = new Vad();
    const silence = Array.from({ length: 25 }, () => new Int16Array(320));
    expect(silence.filter((frame) => vad.isSpeech(frame))).toHaveLength(0);
    expect(vowel(25).filter((frame) => vad.isSpeech(frame)).length).toBeGreaterThan(15);
    vad.close();
  });

  it('holds no memory after thousands of calls came and went', () => {
    const first = new Vad();
    first.close();
    for (let i = 0; i < 5000; i++) {
      const vad = new Vad();
      vad.isSpeech(new Int16Array(320));
      vad.close();
      vad.close();
    }
    const last = new Vad();
    expect(last.isSpeech(new Int16Array(320))).toBe(false);
    last.close();
    expect(last.isSpeech(new Int16Array(320))).toBe(false);
  });
});
