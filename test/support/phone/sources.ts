import { SAMPLE_RATE_HZ } from './recording.js';

/** Fills one frame (mono s16, 16 kHz, 320 samples) right before it is sent, at `atMs` (`performance.now()`). */
export type Source = (frame: Int16Array, atMs: number) => void;

/** 400 ms. */
const BURST_FRAMES = 20;

export const silence: Source = (frame) => frame.fill(0);

/** A sine without end. */
export function tone(hz: number, amplitude = 8000): Source {
  let position = 0;
  return (frame) => {
    for (let i = 0; i < frame.length; i++) {
      frame[i] = Math.round(amplitude * Math.sin((2 * Math.PI * hz * position) / SAMPLE_RATE_HZ));
      position += 1;
    }
  };
}

/** A sine that comes and goes: where it is heard twice, as in a conference with an echo, it does not cancel itself. */
export function bursts(hz: number): Source {
  const sine = tone(hz);
  let frames = 0;
  return (frame, atMs) => {
    sine(frame, atMs);
    if (Math.floor(frames / BURST_FRAMES) % 2 === 1) frame.fill(0);
    frames += 1;
  };
}

/** Plays `samples` once, then silence; `onEnd` right after the last sample went out. */
export function once(samples: Int16Array, onEnd: () => void = () => undefined): Source {
  let at = 0;
  return (frame) => {
    if (at > samples.length) {
      frame.fill(0);
      return;
    }
    const part = samples.subarray(at, at + frame.length);
    frame.set(part);
    frame.fill(0, part.length);
    at += frame.length;
    if (at >= samples.length) {
      at = samples.length + 1;
      onEnd();
    }
  };
}
