import type { TextToSpeech } from './port.js';

/** A voice that keeps what it says in every call (the greeting, a filler), so that it can be said at once and when the server is slow. */
export class SpeechCache implements TextToSpeech {
  readonly #voice: TextToSpeech;
  readonly #kept: ReadonlySet<string>;
  readonly #takes = new Map<string, Take>();
  readonly #closing = new AbortController();

  /** @param texts those that are worth keeping; empty ones are not */
  constructor(voice: TextToSpeech, texts: readonly string[]) {
    this.#voice = voice;
    this.#kept = new Set(texts.filter((text) => text !== ''));
  }

  /** Makes what is not there yet. Rejects with a failure; what failed is made when it is said. */
  async fill(): Promise<void> {
    await Promise.all([...this.#kept].map((text) => this.#take(text).whole));
  }

  async speak(text: string, signal: AbortSignal, onAudio: (pcm: Int16Array) => void): Promise<void> {
    if (this.#kept.has(text)) await this.#take(text).play(signal, onAudio);
    else await this.#voice.speak(text, signal, onAudio);
  }

  /** Ends what is being made. */
  close(): void {
    this.#closing.abort();
  }

  /** One for all calls: who comes while it is made hears it from its beginning. */
  #take(text: string): Take {
    const known = this.#takes.get(text);
    if (known !== undefined) return known;
    const take = new Take((onAudio) => this.#voice.speak(text, this.#closing.signal, onAudio));
    this.#takes.set(text, take);
    take.whole.catch(() => this.#takes.delete(text));
    return take;
  }
}

/** A text as it was, or is being, spoken. */
class Take {
  /** Resolves when it is complete. */
  readonly whole: Promise<void>;
  readonly #pieces: Int16Array[] = [];
  readonly #listeners = new Set<(pcm: Int16Array) => void>();

  constructor(make: (onAudio: (pcm: Int16Array) => void) => Promise<void>) {
    this.whole = make((pcm) => {
      this.#pieces.push(pcm);
      for (const listener of this.#listeners) listener(pcm);
    });
  }

  async play(signal: AbortSignal, onAudio: (pcm: Int16Array) => void): Promise<void> {
    for (const pcm of this.#pieces) onAudio(pcm);
    this.#listeners.add(onAudio);
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      await Promise.race([this.whole, aborted]);
    } finally {
      this.#listeners.delete(onAudio);
    }
  }
}
