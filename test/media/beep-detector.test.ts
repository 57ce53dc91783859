import { describe, expect, it } from 'vitest';
import { BeepDetector } from '../../src/media/beep-detector.js';
import { pcmu } from '../../src/media/g711.js';
import { Resampler } from '../../src/media/resample.js';
import { FLITE_VOICES } from '../../src/speech/flite/flite.js';
import { randomFrom } from '../support/random.js';
import { speech } from '../support/speech.js';

const RATE_HZ = 16_000;
const FRAME_SAMPLES = 320;
/** All of it on a busy machine. */
const LIMIT_MS = 60_000;
const GREETING = ['Hello, you have reached Anna Miller of Acme.', 'Please leave a message after the tone.'];
const PERSON = [
  'Good morning, Jones and Partners, this is Mary speaking, how may I help you?',
  'Oooh, hmm, well. Yes.',
];

describe('the signal of a voicemail', () => {
  it.each(FLITE_VOICES)(
    'is heard within 250 ms after a greeting, and neither the greeting nor a person is one: %s',
    (voice) => {
      const greeting = speech(GREETING, voice);
      expect(beepIn(throughTelephone(joined([greeting, speech(PERSON, voice)])))).toBeNull();
      for (const hz of [400, 1000, 2000]) {
        const beepAt = beepIn(throughTelephone(joined([greeting, tone(hz, 400), silence(500)])));
        expect(beepAt, `${hz} Hz`).toBeGreaterThan(msOf(greeting));
        expect(beepAt, `${hz} Hz`).toBeLessThan(msOf(greeting) + 250);
      }
    },
    LIMIT_MS,
  );

  it('is heard through noise, 20 dB below it', () => {
    const random = randomFrom(1);
    const greeting = speech(GREETING);
    const noisy = tone(1000, 400).map((sample) => sample + 1960 * (random() - 0.5));
    expect(beepIn(throughTelephone(joined([greeting, noisy])))).toBeGreaterThan(msOf(greeting));
  });

  // Test phones and answering lines: nobody has said anything before it.
  it('is no tone out of nothing', () => {
    expect(beepIn(throughTelephone(joined([silence(1000), tone(1000, 5000)])))).toBeNull();
  });

  it('is no key, which has two tones, and no hum', () => {
    const [low, high] = [tone(770, 400), tone(1336, 400)];
    const key = low.map((sample, i) => (sample + (high[i] ?? 0)) / 2);
    const greeting = speech(GREETING);
    expect(beepIn(throughTelephone(joined([greeting, key, silence(200), tone(50, 1000)])))).toBeNull();
  });
});

function beepIn(pcm: Int16Array): number | null {
  const detector = new BeepDetector();
  for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES) {
    if (detector.feed(pcm.subarray(at, at + FRAME_SAMPLES))) return ((at + FRAME_SAMPLES) * 1000) / RATE_HZ;
  }
  return null;
}

function throughTelephone(pcm: Int16Array): Int16Array {
  const narrow = resampled(pcm, RATE_HZ, 8000);
  const codes = new Uint8Array(narrow.length);
  pcmu.encode(narrow, codes);
  pcmu.decode(codes, narrow);
  return resampled(narrow, 8000, RATE_HZ);
}

function resampled(pcm: Int16Array, fromHz: number, toHz: number): Int16Array {
  const made = new Int16Array((pcm.length * toHz) / fromHz + 1);
  return made.subarray(0, new Resampler(fromHz, toHz).process(pcm, made));
}

function tone(hz: number, ms: number): Int16Array {
  return Int16Array.from(
    { length: (ms * RATE_HZ) / 1000 },
    (_, i) => 8000 * Math.sin((2 * Math.PI * hz * i) / RATE_HZ),
  );
}

function silence(ms: number): Int16Array {
  return new Int16Array((ms * RATE_HZ) / 1000);
}

function joined(parts: readonly Int16Array[]): Int16Array {
  return Int16Array.from(parts.flatMap((part) => [...part]));
}

function msOf(pcm: Int16Array): number {
  return (pcm.length * 1000) / RATE_HZ;
}
