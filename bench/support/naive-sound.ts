import { FRAME_SAMPLES } from '../../src/core/units.js';
import { GOLDEN_LOST_FRAMES } from '../../test/support/golden.js';

/** What is done where nobody minds the sound: golden cases once more, by their names. Not 48 kHz, from which every third sample is just the one that went in. */
export const NAIVE_CASES: Readonly<Record<string, (speech: Int16Array) => Int16Array>> = {
  'narrowband-and-back': (speech) => interpolated(interpolated(speech, 16_000, 8000), 8000, 16_000),
  'provider-24k-and-back': (speech) => interpolated(interpolated(speech, 16_000, 24_000), 24_000, 16_000),
  'lost-20-60-100ms': repeated,
};

/** A straight line between each two samples, and nothing against aliases. */
function interpolated(pcm: Int16Array, fromHz: number, toHz: number): Int16Array {
  return Int16Array.from({ length: Math.floor((pcm.length * toHz) / fromHz) }, (_, i) => {
    const place = (i * fromHz) / toHz;
    const at = Math.floor(place);
    const before = pcm[at] as number;
    return Math.round(before + (place - at) * ((pcm[at + 1] ?? before) - before));
  });
}

/** The last frame over and over, half as loud each time. */
function repeated(speech: Int16Array): Int16Array {
  const out = speech.slice();
  for (const n of GOLDEN_LOST_FRAMES) {
    for (let i = n * FRAME_SAMPLES; i < (n + 1) * FRAME_SAMPLES; i++) {
      out[i] = Math.round((out[i - FRAME_SAMPLES] as number) / 2);
    }
  }
  return out;
}
