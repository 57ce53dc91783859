import { toLinecardError } from '../../../core/errors.js';
import type { LinecardError } from '../../../core/errors.js';
import type { SegmentId } from '../../../core/ids.js';
import type { SpeechOut } from '../../port.js';
import type { SpeechCache } from './speech-cache.js';

/** Sentences that are being made at a time: the next one while the present one is. */
const MAX_MAKING = 2;
/** No need to make what is said in half a minute: most of it is never said. */
const MAX_AHEAD_MS = 20_000;

export type SpeakerOptions = {
  readonly speech: SpeechOut;
  readonly voice: SpeechCache;
  /** A sentence has its segment. */
  readonly onSentence: (segment: SegmentId, text: string) => void;
  readonly onFailed: (error: LinecardError) => void;
};

/** Says sentences in order, each a segment of the speech queue, and makes the next while one is heard. */
export class Speaker {
  readonly #options: SpeakerOptions;
  readonly #waiting: string[] = [];
  #making = new AbortController();
  #makingCount = 0;
  /** paused: the caller speaks, and it is not decided yet whether what was to be said still is. */
  #state: 'speaking' | 'paused' = 'speaking';

  constructor(options: SpeakerOptions) {
    this.#options = options;
  }

  /** Nothing is said, made or waiting. */
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#makingCount === 0 && this.#options.speech.queuedMs === 0;
  }

  say(sentence: string): void {
    this.#waiting.push(sentence);
    this.work();
  }

  /** Once a tick: makes the next sentence when it is time. */
  work(): void {
    while (
      this.#state === 'speaking' &&
      this.#waiting.length > 0 &&
      this.#makingCount < MAX_MAKING &&
      this.#options.speech.queuedMs < MAX_AHEAD_MS
    ) {
      void this.#make(this.#waiting.shift() as string, this.#making.signal);
    }
  }

  /** The caller's voice was what stopped it, and there is more to say. */
  get interrupted(): boolean {
    return this.#state === 'paused' && this.#options.speech.held;
  }

  /** Begins nothing more; what was begun is held by the conversation. */
  pause(): void {
    this.#state = 'paused';
  }

  /** It was nothing: goes on where it was. */
  resume(): void {
    this.#state = 'speaking';
    this.#options.speech.resume();
    this.work();
  }

  /** Stops at once, and says no more of it. */
  stop(): void {
    this.#making.abort();
    this.#making = new AbortController();
    this.#options.speech.clear();
    this.drop();
  }

  /** Forgets what waits, so that something else can be said. */
  drop(): void {
    this.#waiting.length = 0;
    this.#state = 'speaking';
  }

  close(): void {
    this.#waiting.length = 0;
    this.#making.abort();
  }

  async #make(text: string, signal: AbortSignal): Promise<void> {
    const { speech, voice, onSentence, onFailed } = this.#options;
    const segment = speech.begin();
    speech.text(segment, text);
    onSentence(segment, text);
    this.#makingCount += 1;
    let written = 0;
    const write = (pcm: Int16Array): void => {
      if (!signal.aborted) written += speech.write(segment, pcm);
    };
    try {
      await voice.speak(text, signal, write).catch(async (error: unknown) => {
        if (signal.aborted || written > 0 || toLinecardError(error, 'AGENT_FAILED').code !== 'AGENT_FAILED')
          throw error;
        await voice.speak(text, signal, write);
      });
      speech.end(segment);
    } catch (error) {
      if (!signal.aborted) onFailed(toLinecardError(error, 'AGENT_FAILED'));
    } finally {
      this.#makingCount -= 1;
      this.work();
    }
  }
}
