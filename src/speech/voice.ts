import { LinecardError } from '../core/errors.js';
import type { FliteVoice } from './flite/flite.js';
import { FLITE_VOICES } from './flite/flite.js';
import type { SpokenText } from './polish.js';
import { sentences } from './speakable.js';
import type { Synthesizer } from './synthesizer.js';

/** Sentences that are not among the fixed prompts: five minutes of them, 10 MB. */
const MAX_CACHED_SAMPLES = 300 * 16_000;

/** One voice with what it has said already. Fixed prompts stay, other sentences go when room is needed, oldest use first. */
export class Voice {
  readonly #synthesizer: Pick<Synthesizer, 'speak'>;
  readonly #voice: FliteVoice;
  readonly #kept = new Map<string, SpokenText>();
  /** In the order of use; its audio is `#cachedSamples` long. */
  readonly #cached = new Map<string, SpokenText>();
  #cachedSamples = 0;

  /** Throws CONFIG_INVALID for a voice that does not exist. */
  constructor(synthesizer: Pick<Synthesizer, 'speak'>, voice: string | undefined) {
    const found = voice === undefined ? FLITE_VOICES[0] : FLITE_VOICES.find((name) => name === voice);
    if (found === undefined) {
      throw new LinecardError('CONFIG_INVALID', `there is no voice '${voice}'; there are ${FLITE_VOICES.join(', ')}`);
    }
    this.#synthesizer = synthesizer;
    this.#voice = found;
  }

  /** Synthesizes a text now and keeps it for good: greetings and prompts. */
  async keep(text: string): Promise<void> {
    for (const sentence of sentences(text)) {
      if (!this.#kept.has(sentence)) {
        this.#kept.set(sentence, await this.#synthesizer.speak(sentence, this.#voice));
      }
    }
  }

  /** A sentence that needs no synthesis; null when it does. */
  ready(sentence: string): SpokenText | null {
    const kept = this.#kept.get(sentence);
    if (kept !== undefined) return kept;
    const cached = this.#cached.get(sentence);
    if (cached === undefined) return null;
    this.#cached.delete(sentence);
    this.#cached.set(sentence, cached);
    return cached;
  }

  /** One of `sentences(text)`. Rejects AGENT_UNAVAILABLE or AGENT_FAILED. */
  async speak(sentence: string): Promise<SpokenText> {
    const ready = this.ready(sentence);
    if (ready !== null) return ready;
    const spoken = await this.#synthesizer.speak(sentence, this.#voice);
    this.#remember(sentence, spoken);
    return spoken;
  }

  #remember(sentence: string, spoken: SpokenText): void {
    if (this.#cached.has(sentence)) return;
    this.#cached.set(sentence, spoken);
    this.#cachedSamples += spoken.pcm.length;
    for (const [oldest, { pcm }] of this.#cached) {
      if (this.#cachedSamples <= MAX_CACHED_SAMPLES) return;
      this.#cached.delete(oldest);
      this.#cachedSamples -= pcm.length;
    }
  }
}
