import { FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../../src/core/units.js';

/** A frame's signal to noise ratio counts from here to here, dB: beyond it nothing more is heard. */
const LEAST_SNR_DB = -10;
const MOST_SNR_DB = 35;
/** Quieter frames of the clean signal are pauses (-50 dBFS). */
const SPEECH_ENERGY = FRAME_SAMPLES * (32_768 * 10 ** (-50 / 20)) ** 2;

/** Spectra are compared over 32 ms, from 100 Hz to 7 kHz. */
const WINDOW = 512;
const FIRST_BIN = 3;
const LAST_BIN = 224;
/** Bins quieter than the loudest by so much are not heard beside it, dB. */
const MASKED_DB = 50;

const HANN = Float64Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / WINDOW));
const COS = Float64Array.from({ length: WINDOW / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / WINDOW));
const SIN = Float64Array.from({ length: WINDOW / 2 }, (_, i) => Math.sin((2 * Math.PI * i) / WINDOW));

/** Whether something is said in the frame of `clean` at `at`. */
export function isSpeech(clean: Int16Array, at: number): boolean {
  let energy = 0;
  for (let i = 0; i < FRAME_SAMPLES; i++) energy += (clean[at + i] ?? 0) ** 2;
  return energy > SPEECH_ENERGY;
}

/** Signal to noise ratio of one frame, in dB, bounded. */
export function frameSnrDb(clean: Int16Array, cleanAt: number, heard: Int16Array, heardAt: number): number {
  let signal = 1;
  let noise = 1;
  for (let i = 0; i < FRAME_SAMPLES; i++) {
    const value = clean[cleanAt + i] ?? 0;
    signal += value * value;
    noise += (value - (heard[heardAt + i] ?? 0)) ** 2;
  }
  return Math.max(LEAST_SNR_DB, Math.min(MOST_SNR_DB, 10 * Math.log10(signal / noise)));
}

/** Root mean square of the difference of two spectra around one frame, from 100 Hz up, in dB, where the clean one is to be heard. */
export function spectralDistanceDb(
  clean: Int16Array,
  cleanAt: number,
  heard: Int16Array,
  heardAt: number,
  upToHz = (LAST_BIN * SAMPLE_RATE_HZ) / WINDOW,
): number {
  const lastBin = Math.round((upToHz * WINDOW) / SAMPLE_RATE_HZ);
  const wanted = powerSpectrumDb(clean, cleanAt - (WINDOW - FRAME_SAMPLES) / 2);
  const got = powerSpectrumDb(heard, heardAt - (WINDOW - FRAME_SAMPLES) / 2);
  let loudest = -Infinity;
  for (let bin = FIRST_BIN; bin < lastBin; bin++) loudest = Math.max(loudest, wanted[bin] as number);
  const floor = loudest - MASKED_DB;
  let sum = 0;
  for (let bin = FIRST_BIN; bin < lastBin; bin++) {
    sum += (Math.max(floor, wanted[bin] as number) - Math.max(floor, got[bin] as number)) ** 2;
  }
  return Math.sqrt(sum / (lastBin - FIRST_BIN));
}

function powerSpectrumDb(samples: Int16Array, from: number): Float64Array {
  const re = new Float64Array(WINDOW);
  const im = new Float64Array(WINDOW);
  for (let i = 0; i < WINDOW; i++) re[reversed(i)] = (samples[from + i] ?? 0) * (HANN[i] as number);
  for (let half = 1; half < WINDOW; half *= 2) {
    for (let start = 0; start < WINDOW; start += 2 * half) {
      for (let i = start; i < start + half; i++) butterfly(re, im, i, i + half, ((i - start) * WINDOW) / 2 / half);
    }
  }
  return re.map((value, i) => 10 * Math.log10(value * value + (im[i] as number) ** 2 + 1));
}

function butterfly(re: Float64Array, im: Float64Array, a: number, b: number, twiddle: number): void {
  const cos = COS[twiddle] as number;
  const sin = SIN[twiddle] as number;
  const real = (re[b] as number) * cos + (im[b] as number) * sin;
  const imaginary = (im[b] as number) * cos - (re[b] as number) * sin;
  re[b] = (re[a] as number) - real;
  im[b] = (im[a] as number) - imaginary;
  re[a] = (re[a] as number) + real;
  im[a] = (im[a] as number) + imaginary;
}

function reversed(index: number): number {
  let out = 0;
  for (let bit = 1; bit < WINDOW; bit *= 2) out = out * 2 + (index & bit ? 1 : 0);
  return out;
}
