import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../../src/core/units.js';
import { rms } from '../../test/support/signals.js';
import { isSpeech, spectralDistanceDb } from './sound-quality.js';

/** Blocks in which a hole is looked for. */
const BLOCK_SAMPLES = 10 * SAMPLES_PER_MS;
/** Quieter than what was said by so much, a block is a hole, dB; quieter than -45 dBFS nothing was said. */
const HOLE_DB = 30;
const SAID_RMS = 184;

/** What of a sound can be told without ears. */
export type SoundFigures = {
  /** Against what was said. */
  readonly levelDb: number;
  /** The largest second difference beside that of what was said: a click is one of some dB. */
  readonly clickDb: number;
  /** Where something was said and nothing is heard. */
  readonly holesMs: number;
  /** Later than what was said, where the two are most alike; fractions by a parabola. */
  readonly delayMs: number;
  readonly snrDb: number;
  readonly spectralDistanceDb: number;
};

/** Compares what was heard with what was said. @param mostDelayMs how late it may be */
export function soundFigures(said: Int16Array, heard: Int16Array, mostDelayMs: number): SoundFigures {
  const { lag, delayMs } = delayOf(said, heard, mostDelayMs * SAMPLES_PER_MS);
  const late = heard.subarray(lag);
  const length = Math.min(said.length, late.length);
  const [was, is] = [said.subarray(0, length), late.subarray(0, length)];
  return {
    levelDb: 20 * Math.log10(rms(is) / rms(was)),
    clickDb: clickDb(said, heard),
    holesMs: holesMs(was, is),
    delayMs,
    snrDb: snrDb(was, is),
    spectralDistanceDb: meanDistanceDb(was, is),
  };
}

/** As `SoundFigures.clickDb`: for a sound that has no delay, because its pace changes. */
export function clickDb(said: Int16Array, heard: Int16Array): number {
  return 20 * Math.log10(sharpest(heard) / sharpest(said));
}

function sharpest(samples: Int16Array): number {
  let most = 1;
  for (let i = 2; i < samples.length; i++) {
    const bend = (samples[i] as number) - 2 * (samples[i - 1] as number) + (samples[i - 2] as number);
    most = Math.max(most, Math.abs(bend));
  }
  return most;
}

function delayOf(said: Int16Array, heard: Int16Array, mostLag: number): { lag: number; delayMs: number } {
  let lag = 0;
  for (let i = 1; i <= mostLag; i++) if (alike(said, heard, i) > alike(said, heard, lag)) lag = i;
  const [before, at, after] = [alike(said, heard, lag - 1), alike(said, heard, lag), alike(said, heard, lag + 1)];
  const bend = before - 2 * at + after;
  const part = bend === 0 ? 0 : (before - after) / (2 * bend);
  return { lag, delayMs: (lag + part) / SAMPLES_PER_MS };
}

/** Correlation at a lag, normalised. */
function alike(said: Int16Array, heard: Int16Array, lag: number): number {
  let [dot, energy] = [0, 1];
  const length = Math.min(said.length, heard.length - lag);
  for (let i = Math.max(0, -lag); i < length; i++) {
    const value = heard[i + lag] as number;
    dot += (said[i] as number) * value;
    energy += value * value;
  }
  return dot / Math.sqrt(energy);
}

function holesMs(said: Int16Array, heard: Int16Array): number {
  let holes = 0;
  for (let at = 0; at + BLOCK_SAMPLES <= said.length; at += BLOCK_SAMPLES) {
    const wanted = rms(said.subarray(at, at + BLOCK_SAMPLES));
    if (wanted < SAID_RMS) continue;
    if (rms(heard.subarray(at, at + BLOCK_SAMPLES)) < wanted / 10 ** (HOLE_DB / 20)) holes += 1;
  }
  return (holes * BLOCK_SAMPLES) / SAMPLES_PER_MS;
}

function snrDb(said: Int16Array, heard: Int16Array): number {
  let [signal, noise] = [0, 1];
  for (const [i, value] of said.entries()) {
    signal += value * value;
    noise += (value - (heard[i] as number)) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

function meanDistanceDb(said: Int16Array, heard: Int16Array): number {
  let [sum, frames] = [0, 0];
  for (let at = 0; at + FRAME_SAMPLES <= said.length; at += FRAME_SAMPLES) {
    if (!isSpeech(said, at)) continue;
    sum += spectralDistanceDb(said, at, heard, at);
    frames += 1;
  }
  return sum / frames;
}
