import { FRAME_SAMPLES, SAMPLES_PER_MS, SAMPLE_RATE_HZ } from '../../src/core/units.js';

/** Nothing in speech is like it. */
const BEEP_HZ = 3000;
const AMPLITUDE = 9000;
/** It is looked for in pieces of this length: so loud, and nearly all of it at its frequency. */
const STEP_SAMPLES = 5 * SAMPLES_PER_MS;
const LEAST_RMS = 1500;
const LEAST_PART = 0.6;
const FACTOR = 2 * Math.cos((2 * Math.PI * BEEP_HZ) / SAMPLE_RATE_HZ);

/** A frame of it; the next one goes on where this ends. */
export function beepFrame(): Int16Array {
  return Int16Array.from({ length: FRAME_SAMPLES }, (_, i) => {
    return AMPLITUDE * Math.sin((2 * Math.PI * BEEP_HZ * i) / SAMPLE_RATE_HZ);
  });
}

/** Whether some of it is in a frame. */
export function hasBeep(frame: Int16Array): boolean {
  for (let at = 0; at < FRAME_SAMPLES; at += STEP_SAMPLES) if (isBeep(frame, at)) return true;
  return false;
}

/** By Goertzel's filter. */
function isBeep(frame: Int16Array, at: number): boolean {
  let [energy, last, before] = [0, 0, 0];
  for (let i = at; i < at + STEP_SAMPLES; i++) {
    const sample = frame[i] as number;
    energy += sample * sample;
    [last, before] = [sample + FACTOR * last - before, last];
  }
  const power = (last * last + before * before - FACTOR * last * before) * (2 / STEP_SAMPLES);
  return Math.sqrt(energy / STEP_SAMPLES) > LEAST_RMS && power > LEAST_PART * energy;
}
