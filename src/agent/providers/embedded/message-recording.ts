import { FRAME_MS, SAMPLES_PER_MS } from '../../../core/units.js';
import type { SampleChunks } from '../../sample-chunks.js';
import { SampleQueue } from '../../sample-chunks.js';

/** Nobody listens to longer ones. */
export const MAX_MESSAGE_MS = 120_000;
/** Who has not begun by then has nothing to say. */
const BEGIN_WITHIN_MS = 6000;
/** Thinking in the middle of a message takes less. */
const END_SILENCE_MS = 3000;
/** Shorter than this there was no message, only a breath. */
const MIN_SPEECH_MS = 400;
/** Kept behind the last word. */
const TAIL_MS = 500;

/** A message as it is spoken. Fed with every frame and with the caller's turns; says when it is complete. */
export class MessageRecording {
  readonly #samples: SampleQueue;
  #elapsedMs = 0;
  #state: 'nothing yet' | 'speaking' | 'pausing' = 'nothing yet';
  #speakingSinceMs = 0;
  #spokenMs = 0;
  #lastSpeechAtMs = 0;

  constructor(chunks: SampleChunks) {
    this.#samples = new SampleQueue(chunks, MAX_MESSAGE_MS * SAMPLES_PER_MS);
  }

  /** Returns whether the message goes on. */
  push(frame: Int16Array): 'goes on' | 'complete' {
    this.#samples.write(frame);
    this.#elapsedMs += FRAME_MS;
    if (this.#elapsedMs >= MAX_MESSAGE_MS) return 'complete';
    const limitMs = this.#state === 'nothing yet' ? BEGIN_WITHIN_MS : END_SILENCE_MS;
    const isSilent = this.#state !== 'speaking' && this.#elapsedMs - this.#lastSpeechAtMs >= limitMs;
    return isSilent ? 'complete' : 'goes on';
  }

  speechStarted(): void {
    this.#state = 'speaking';
    this.#speakingSinceMs = this.#elapsedMs;
  }

  speechFinished(): void {
    if (this.#state !== 'speaking') return;
    this.#state = 'pausing';
    this.#lastSpeechAtMs = this.#elapsedMs;
    this.#spokenMs += this.#elapsedMs - this.#speakingSinceMs;
  }

  /** The message without the silence behind it; empty when nobody spoke. May be called once. */
  take(): Int16Array {
    if (this.#state === 'speaking') this.speechFinished();
    const isMessage = this.#spokenMs >= MIN_SPEECH_MS;
    const endMs = Math.min(this.#elapsedMs, this.#lastSpeechAtMs + TAIL_MS);
    const pcm = new Int16Array(isMessage ? Math.min(this.#samples.length, endMs * SAMPLES_PER_MS) : 0);
    this.#samples.read(pcm, 0, pcm.length);
    this.#samples.clear();
    return pcm;
  }
}
