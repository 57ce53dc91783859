import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import { PauseDetector } from '../../src/media/pause-detector.js';
import { noise, vowel } from '../support/signals.js';

/** The answers to so many frames of a sound. */
function ask(detector: PauseDetector, sound: Int16Array): boolean[] {
  return Array.from({ length: Math.floor(sound.length / FRAME_SAMPLES) }, (_, n) =>
    detector.isPause(sound.subarray(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES)),
  );
}

const SECOND = 16_000;

describe('a pause', () => {
  it('is silence, and what is quieter than anybody hears', () => {
    expect(ask(new PauseDetector(), new Int16Array(SECOND))).not.toContain(false);
    expect(ask(new PauseDetector(), noise(SECOND, 40))).not.toContain(false);
  });

  it('is no voice, be it four times as loud as the room or the first that is heard', () => {
    expect(ask(new PauseDetector(), vowel(120, SECOND, 8000)).slice(1)).not.toContain(true);
    const detector = new PauseDetector();
    ask(detector, noise(20 * SECOND, 300));
    // 170 RMS of noise, 700 of voice.
    expect(ask(detector, vowel(120, SECOND, 4000))).not.toContain(true);
    expect(ask(detector, noise(SECOND, 300))).not.toContain(false);
  });

  it('is the noise of a fan, once it has gone on for a while', () => {
    const detector = new PauseDetector();
    ask(detector, noise(SECOND, 100));
    const fan = ask(detector, noise(30 * SECOND, 800));
    expect(fan.slice(0, 50)).not.toContain(true);
    expect(fan.slice(-50)).not.toContain(false);
  });

  it('is nothing that is loud, however long it goes on', () => {
    expect(ask(new PauseDetector(), noise(60 * SECOND, 8000)).slice(-50)).not.toContain(true);
  });
});
