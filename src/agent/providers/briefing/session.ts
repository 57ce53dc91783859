import { toLinecardError } from '../../../core/errors.js';
import type { SegmentId } from '../../../core/ids.js';
import { SAMPLES_PER_MS } from '../../../core/units.js';
import { BeepDetector } from '../../../media/beep-detector.js';
import { sentences } from '../../../speech/speakable.js';
import type { Voice } from '../../../speech/voice.js';
import type { AgentContext, AgentSession } from '../../port.js';
import { VOICEMAIL_SIGNAL } from '../../port.js';
import type { AnswerEars } from './answers.js';

export type BriefingSessionOptions = {
  readonly voice: Pick<Voice, 'ready' | 'speak'>;
  /** Null where nobody understands speech: the keys are control's business. */
  readonly ears: Pick<AnswerEars, 'understand'> | null;
  readonly context: AgentContext;
};

/**
 * The voice on the leg of a person who is asked whether they take a caller. It says what control tells it, each text as one segment, so that its end is
 * the end of the text, and reports what is answered. It begins nothing by itself.
 */
export class BriefingSession implements AgentSession {
  readonly #options: BriefingSessionOptions;
  /** Counts texts: sentences of an earlier one are not said any more. */
  #telling = 0;
  #segment: SegmentId | null = null;
  /** How long the last sentence of the text is, once all of it is queued; null before. */
  #lastSentenceMs: number | null = null;
  #listening = false;
  readonly #beep = new BeepDetector();
  #closed = false;

  constructor(options: BriefingSessionOptions) {
    this.#options = options;
  }

  start(): void {
    // Control says what is to be said.
  }

  /** Answers come as whole utterances. What is said after the signal would be left as a message. */
  hear(frame: Int16Array): void {
    const { log, events } = this.#options.context;
    if (!this.#beep.feed(frame)) return;
    log.info({}, 'a voicemail has taken the call');
    events.callerSaid(VOICEMAIL_SIGNAL);
  }

  digit(): void {
    // Keys are control's business.
  }

  /** Whoever picks up says something while we begin to speak; an answer comes when the question is asked. */
  callerStarted(): void {
    const { queuedMs } = this.#options.context.speech;
    this.#listening = this.#lastSentenceMs !== null && queuedMs <= this.#lastSentenceMs;
  }

  callerFinished(utterance: Int16Array): void {
    const { ears } = this.#options;
    if (ears !== null && this.#listening && utterance.length > 0) void this.#understand(ears, utterance);
    this.#listening = false;
  }

  heard(): void {
    // The conversation reports the turn.
  }

  say(text: string): void {
    void this.#tell(text);
  }

  instruct(text: string): void {
    this.#options.context.log.info({ text }, 'a briefing follows no instructions');
  }

  close(): void {
    this.#closed = true;
  }

  async #tell(text: string): Promise<void> {
    const { voice, context } = this.#options;
    const { speech, events } = context;
    this.#telling += 1;
    const telling = this.#telling;
    if (this.#segment !== null) speech.end(this.#segment);
    // Protected: the "hello?" of whoever picks up must not cut it.
    const segment = speech.begin({ interruption: 'protected' });
    this.#segment = segment;
    this.#lastSentenceMs = null;
    const pieces = sentences(text);
    let writtenMs = 0;
    try {
      for (const [index, piece] of pieces.entries()) {
        const { pcm, words } = voice.ready(piece) ?? (await voice.speak(piece));
        if (telling !== this.#telling || this.#closed) return;
        const sentenceMs = speech.write(segment, pcm) / SAMPLES_PER_MS;
        const before = writtenMs;
        speech.text(
          segment,
          '',
          words.map(({ word, endMs }) => ({ word, endMs: before + endMs })),
        );
        writtenMs += sentenceMs;
        if (index === pieces.length - 1) this.#lastSentenceMs = sentenceMs;
      }
      speech.end(segment);
      this.#segment = null;
    } catch (error) {
      if (telling === this.#telling && !this.#closed) events.failed(toLinecardError(error, 'AGENT_FAILED'));
    }
  }

  async #understand(ears: Pick<AnswerEars, 'understand'>, utterance: Int16Array): Promise<void> {
    const { events, log } = this.#options.context;
    try {
      const text = await ears.understand(utterance);
      // Who is slow, or is understood slowly, answers into the next question: it is an answer all the same.
      if (text !== null && !this.#closed) events.callerSaid(text);
    } catch (error) {
      log.warn({ err: error }, 'answer of a person could not be recognized, keys go on to work');
    }
  }
}
