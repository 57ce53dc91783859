import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../../src/core/units.js';
import { rms } from '../../test/support/signals.js';
import { isSpeech, spectralDistanceDb } from './sound-quality.js';

/** Blocks in which a hole is looked for. */
const BLOCK_SAMPLES = 10 * SAMPLES_PER_MS;
/** Quieter than what was said by so much, a block is a hole, dB; quieter than -45 dBFS nothing was said. */
const HOLE_DB = 30;
const SAID_RMS = 184;
/** Of a call a piece of this length has one delay; where pieces were put in or cut out the next one has another. */
const PIECE_SAMPLES = 500 * SAMPLES_PER_MS;
/** Less alike than this, a piece was changed while it was played. */
const STEADY = 0.8;

/** What of a sound can be told without ears. */
export type SoundFigures = {
  /** Against what was said. */
  readonly levelDb: number;
  /** The largest second difference beside that of what was said: a click is one of some dB. */
  readonly clickDb: number;
  /** Where something was said and nothing is heard. */
  readonly holesMs: number;
  /** Later than what was said, where the two are most alike; fractions by a parabola. The middle one of all pieces of a call. */
  readonly delayMs: number;
  /** From 100 Hz to `upToHz`. */
  readonly spectralDistanceDb: number;
};

/** Compares what was heard with what was said at one delay. @param mostDelayMs how late it may be */
export function soundFigures(said: Int16Array, heard: Int16Array, mostDelayMs: number, upToHz: number): SoundFigures {
  const { lag, delayMs } = delayOf(said, heard, mostDelayMs * SAMPLES_PER_MS);
  const late = heard.subarray(lag);
  const length = Math.min(said.length, late.length);
  const [was, is] = [said.subarray(0, length), late.subarray(0, length)];
  return {
    levelDb: 20 * Math.log10(rms(is) / rms(was)),
    clickDb: clickDb(said, heard),
    holesMs: holesMs(was, is),
    delayMs,
    spectralDistanceDb: meanDistanceDb(was, is, upToHz),
  };
}

/** The same half a second at a time, each at its own delay. */
export function callFigures(
  said: Int16Array,
  heard: Int16Array,
  mostDelayMs: number,
  upToHz: number,
): SoundFigures & { readonly pieces: number; readonly changedPieces: number } {
  const pieces: SoundFigures[] = [];
  let changedPieces = 0;
  for (let at = 0; at + PIECE_SAMPLES <= said.length; at += PIECE_SAMPLES) {
    const piece = said.subarray(at, at + PIECE_SAMPLES);
    if (rms(piece) < SAID_RMS) continue;
    const around = heard.subarray(at, at + PIECE_SAMPLES + mostDelayMs * SAMPLES_PER_MS);
    const { match } = delayOf(piece, around, mostDelayMs * SAMPLES_PER_MS);
    if (match < STEADY) changedPieces += 1;
    else pieces.push(soundFigures(piece, around, mostDelayMs, upToHz));
  }
  const sum = (key: keyof SoundFigures): number => pieces.reduce((total, piece) => total + piece[key], 0);
  const delays = pieces.map((piece) => piece.delayMs).sort((a, b) => a - b);
  return {
    levelDb: sum('levelDb') / pieces.length,
    clickDb: clickDb(said, heard),
    holesMs: sum('holesMs'),
    delayMs: delays[Math.floor(delays.length / 2)] ?? NaN,
    spectralDistanceDb: sum('spectralDistanceDb') / pieces.length,
    pieces: pieces.length,
    changedPieces,
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

function delayOf(
  said: Int16Array,
  heard: Int16Array,
  mostLag: number,
): { lag: number; delayMs: number; match: number } {
  const matches = Float64Array.from({ length: mostLag + 2 }, (_, lag) => alike(said, heard, lag));
  let lag = 0;
  for (let i = 1; i <= mostLag; i++) if ((matches[i] as number) > (matches[lag] as number)) lag = i;
  const match = matches[lag] as number;
  const [before, after] = [
    lag === 0 ? alike(said, heard, -1) : (matches[lag - 1] as number),
    matches[lag + 1] as number,
  ];
  const bend = before - 2 * match + after;
  const part = bend === 0 ? 0 : (before - after) / (2 * bend);
  return { lag, delayMs: (lag + part) / SAMPLES_PER_MS, match };
}

/** Correlation at a lag, normalised: 1 the same. */
function alike(said: Int16Array, heard: Int16Array, lag: number): number {
  let [dot, energy, wanted] = [0, 1, 1];
  const length = Math.min(said.length, heard.length - lag);
  for (let i = Math.max(0, -lag); i < length; i++) {
    const value = heard[i + lag] as number;
    const was = said[i] as number;
    dot += was * value;
    energy += value * value;
    wanted += was * was;
  }
  return dot / Math.sqrt(energy * wanted);
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

function meanDistanceDb(said: Int16Array, heard: Int16Array, upToHz: number): number {
  let [sum, frames] = [0, 0];
  for (let at = 0; at + FRAME_SAMPLES <= said.length; at += FRAME_SAMPLES) {
    if (!isSpeech(said, at)) continue;
    sum += spectralDistanceDb(said, at, heard, at, upToHz);
    frames += 1;
  }
  return frames === 0 ? 0 : sum / frames;
}
