import { expect, it } from 'vitest';
import { SpeechGate } from '../../src/agent/speech-gate.js';
import { FRAME_SAMPLES } from '../../src/core/units.js';

/** @param detections what the detector says of each frame: 1 speech, 0 none */
function judged(frames: readonly number[], detections: string): string {
  let at = 0;
  const gate = new SpeechGate({ isSpeech: () => detections[at++] === '1', close: () => undefined });
  const flags = frames.map((amplitude) => gate.isSpeech(new Int16Array(FRAME_SAMPLES).fill(amplitude)));
  return flags.map(Number).join('');
}

// A caller said "connect me", the detector took the long vowel for noise, and the agent talked on for 330 ms.
it('takes what goes on as loud as speech for speech', () => {
  expect(judged([10, 3000, 4000, 4400, 4300, 3500, 4000], '0110001')).toBe('0111111');
});

it('does not take the tail of a cough for speech, nor a noise that was never speech', () => {
  expect(judged([10, 4000, 4000, 1500, 600, 200], '011000')).toBe('011000');
  expect(judged([10, 4000, 4000, 4000], '0000')).toBe('0000');
});

it('asks the detector again after 200 ms', () => {
  expect(judged([10, ...Array<number>(14).fill(4000)], '010000000000000')).toBe('011111111111000');
});
