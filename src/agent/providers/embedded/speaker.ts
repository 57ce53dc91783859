import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../../../core/units.js';
import type { SegmentId } from '../../../core/ids.js';
import type { Logger } from '../../../core/logger.js';
import { sentences } from '../../../speech/speakable.js';
import type { Voice } from '../../../speech/voice.js';
import type { SpeechOut } from '../../port.js';

const TONE_HZ = 1000;
const TONE_MS = 250;
/** -12 dBFS: clear, and no shock. */
const TONE_LEVEL = 8230;

/** What asked to speak: the caller's voice may cut it or not. */
export type SpeakOptions = { readonly interruption: 'allowed' | 'protected' };

/** An agent's voice in one call: says texts sentence by sentence, in order, and tells when the last one was heard or cut. */
export class Speaker {
  readonly #voice: Voice;
  readonly #speech: SpeechOut;
  readonly #log: Logger;
  /** Segments that were not heard yet. */
  readonly #open = new Set<SegmentId>();
  /** What to do when nothing is left to be heard. */
  #afterwards: (() => void) | null = null;
  #closed = false;

  constructor(options: { readonly voice: Voice; readonly speech: SpeechOut; readonly log: Logger }) {
    this.#voice = options.voice;
    this.#speech = options.speech;
    this.#log = options.log;
  }

  get speaking(): boolean {
    return this.#open.size > 0;
  }

  /** Says a text, then calls `afterwards`, once, also when the text was cut; what was planned after an earlier text is off. */
  say(text: string, options: SpeakOptions, afterwards: () => void): void {
    this.#afterwards = null;
    for (const sentence of sentences(text)) this.#sentence(sentence, options);
    this.#then(afterwards);
  }

  /** The tone after which a message begins. */
  tone(afterwards: () => void): void {
    this.#afterwards = null;
    const segment = this.#speech.begin({ interruption: 'protected' });
    this.#open.add(segment);
    this.#speech.write(segment, toneSamples());
    this.#speech.end(segment);
    this.#then(afterwards);
  }

  /** Stops at once; what was planned afterwards is off. */
  stop(): void {
    this.#afterwards = null;
    if (this.speaking) this.#speech.clear();
  }

  /** A segment of ours was heard or cut. */
  heard(segment: SegmentId): void {
    if (!this.#open.delete(segment) || this.speaking) return;
    const afterwards = this.#afterwards;
    this.#afterwards = null;
    afterwards?.();
  }

  close(): void {
    this.#closed = true;
    this.#afterwards = null;
  }

  #then(afterwards: () => void): void {
    if (this.speaking) this.#afterwards = afterwards;
    else afterwards();
  }

  #sentence(sentence: string, options: SpeakOptions): void {
    const segment = this.#speech.begin(options);
    this.#open.add(segment);
    const ready = this.#voice.ready(sentence);
    if (ready !== null) {
      this.#play(segment, ready);
      return;
    }
    this.#voice.speak(sentence).then(
      (spoken) => {
        if (!this.#closed) this.#play(segment, spoken);
      },
      (error: unknown) => {
        // The caller misses a sentence and keeps the rest of the dialogue.
        this.#log.error({ err: error, sentence }, 'sentence could not be synthesized');
        if (!this.#closed) this.#speech.end(segment);
      },
    );
  }

  #play(segment: SegmentId, spoken: Awaited<ReturnType<Voice['speak']>>): void {
    this.#speech.write(segment, spoken.pcm);
    this.#speech.text(segment, '', spoken.words);
    this.#speech.end(segment);
  }
}

/** A sine with soft ends. */
function toneSamples(): Int16Array {
  const samples = new Int16Array(TONE_MS * SAMPLES_PER_MS);
  for (let i = 0; i < samples.length; i += 1) {
    const edge = Math.min(1, i / FRAME_SAMPLES, (samples.length - i) / FRAME_SAMPLES);
    samples[i] = Math.round(edge * TONE_LEVEL * Math.sin((2 * Math.PI * TONE_HZ * i) / (SAMPLES_PER_MS * 1000)));
  }
  return samples;
}
