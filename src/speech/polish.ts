import { SAMPLES_PER_MS } from '../core/units.js';

/** A piece of synthesized speech, mono s16, 16 kHz, and when each word of its text has been heard. Shared: never written to. */
export type SpokenText = {
  readonly pcm: Int16Array;
  readonly words: readonly { readonly word: string; readonly endMs: number }[];
};

/** Level of the speech itself (pauses left out), dBFS: where telephone prompts lie, with room for peaks. */
const TARGET_RMS_DB = -20;
/** No sample above this, dBFS: the codecs behind us add a little. */
const PEAK_LIMIT_DB = -1.5;
/** Quieter than the loudest frame by this much is a pause. */
const PAUSE_BELOW_LOUDEST_DB = 30;
/** The first sound is louder than this after levelling, dBFS. */
const ONSET_DB = -45;
/** Left before the first sound, so that it is not cut, and after the last. */
const LEAD_MS = 10;
const TAIL_MS = 40;
/** Audio begins and ends in silence: no click. */
const FADE_MS = 4;

const WINDOW_SAMPLES = 5 * SAMPLES_PER_MS;
const FULL_SCALE = 32_768;

/** Takes the silence around the speech away and brings it to a steady level; the words' times move along. */
export function polish(raw: SpokenText): SpokenText {
  const levels = windowRms(raw.pcm);
  const loudest = Math.max(0, ...levels);
  if (loudest === 0) return { pcm: new Int16Array(0), words: raw.words.map(({ word }) => ({ word, endMs: 0 })) };
  const gain = speechGain(raw.pcm, levels, loudest);
  const audible = (FULL_SCALE * decibel(ONSET_DB)) / gain;
  const first = levels.findIndex((level) => level > audible);
  const last = levels.findLastIndex((level) => level > audible);
  if (first < 0) return { pcm: new Int16Array(0), words: raw.words.map(({ word }) => ({ word, endMs: 0 })) };
  const from = Math.max(0, first * WINDOW_SAMPLES - LEAD_MS * SAMPLES_PER_MS);
  const to = Math.min(raw.pcm.length, (last + 1) * WINDOW_SAMPLES + TAIL_MS * SAMPLES_PER_MS);
  const pcm = new Int16Array(to - from);
  for (let i = 0; i < pcm.length; i++) pcm[i] = Math.round((raw.pcm[from + i] ?? 0) * gain);
  fadeEnds(pcm);
  const fromMs = from / SAMPLES_PER_MS;
  const lengthMs = Math.floor(pcm.length / SAMPLES_PER_MS);
  const words = raw.words.map(({ word, endMs }) => ({
    word,
    endMs: Math.min(lengthMs, Math.max(0, Math.round(endMs - fromMs))),
  }));
  return { pcm, words };
}

function windowRms(pcm: Int16Array): number[] {
  const levels: number[] = [];
  for (let from = 0; from < pcm.length; from += WINDOW_SAMPLES) {
    const to = Math.min(pcm.length, from + WINDOW_SAMPLES);
    let sum = 0;
    for (let i = from; i < to; i++) sum += (pcm[i] ?? 0) ** 2;
    levels.push(Math.sqrt(sum / (to - from)));
  }
  return levels;
}

function speechGain(pcm: Int16Array, levels: readonly number[], loudest: number): number {
  const speech = levels.filter((level) => level > loudest * decibel(-PAUSE_BELOW_LOUDEST_DB));
  const rms = Math.sqrt(speech.reduce((sum, level) => sum + level ** 2, 0) / speech.length);
  let peak = 1;
  for (const sample of pcm) peak = Math.max(peak, Math.abs(sample));
  return Math.min((FULL_SCALE * decibel(TARGET_RMS_DB)) / rms, (FULL_SCALE * decibel(PEAK_LIMIT_DB)) / peak);
}

function fadeEnds(pcm: Int16Array): void {
  const samples = Math.min(FADE_MS * SAMPLES_PER_MS, pcm.length >> 1);
  for (let i = 0; i < samples; i++) {
    const factor = i / samples;
    pcm[i] = Math.round((pcm[i] ?? 0) * factor);
    pcm[pcm.length - 1 - i] = Math.round((pcm[pcm.length - 1 - i] ?? 0) * factor);
  }
}

function decibel(db: number): number {
  return 10 ** (db / 20);
}
