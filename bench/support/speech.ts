import { SAMPLES_PER_MS } from '../../src/core/units.js';
import type { FliteVoice } from '../../src/speech/flite/flite.js';
import { Flite } from '../../src/speech/flite/flite.js';

const SENTENCES: readonly (readonly [FliteVoice, string])[] = [
  ['slt', 'Thank you for calling. Our office is open from nine to five, Monday to Friday.'],
  ['rms', 'I would like to speak with somebody in sales about the invoice of last month.'],
  ['slt', 'Certainly. May I have your name, please, and the number of the invoice?'],
  ['awb', 'The number is four seven one, nine three two, and my name is Oliver Marsh.'],
  ['slt', 'One moment, I am connecting you. If nobody answers, you can leave a message after the tone.'],
  ['rms', 'She sells fresh fish and yellow onions, while the judge measures eight large boxes.'],
];
/** Between sentences, in turns: a breath, a thought, a change of the speaker. */
const PAUSES_MS = [350, 900, 600];

/** Both sides of a conversation by synthesized voices, over and over until it is long enough. Mono s16, 16 kHz. */
export function conversation(seconds: number): Int16Array {
  const flite = new Flite();
  const spoken = SENTENCES.map(([voice, text]) => flite.speak(text, voice).pcm);
  const out = new Int16Array(seconds * 1000 * SAMPLES_PER_MS);
  let at = 200 * SAMPLES_PER_MS;
  for (let i = 0; at < out.length; i++) {
    const pcm = spoken[i % spoken.length] as Int16Array;
    out.set(pcm.subarray(0, out.length - at), at);
    at += pcm.length + (PAUSES_MS[i % PAUSES_MS.length] as number) * SAMPLES_PER_MS;
  }
  return out;
}
