import { Flite } from '../../src/speech/flite/flite.js';
import type { FliteVoice } from '../../src/speech/flite/flite.js';

let flite: Flite | null = null;

/** Real words of a synthetic voice, with a pause after each sentence. Mono s16, 16 kHz; the same in each run. */
export function speech(sentences: readonly string[], voice: FliteVoice = 'slt', pauseSamples = 4800): Int16Array {
  flite ??= new Flite();
  const spoken: number[] = [];
  for (const sentence of sentences) {
    spoken.push(...flite.speak(sentence, voice).pcm);
    for (let i = 0; i < pauseSamples; i++) spoken.push(0);
  }
  return Int16Array.from(spoken);
}
