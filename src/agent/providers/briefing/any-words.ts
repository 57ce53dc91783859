import type { Clock } from '../../../core/clock.js';
import { LinecardError } from '../../../core/errors.js';
import type { Logger } from '../../../core/logger.js';
import type { SpeechToText } from '../pipeline/port.js';
import type { AnswerEars } from './answers.js';
import { isYes } from './answers.js';

export type AnyWordsOptions = {
  /** Understands a few sentences, at once; null: nobody does. */
  readonly few: () => Pick<AnswerEars, 'understand'> | null;
  /** Understands anybody's speech, in its own time. */
  readonly stt: SpeechToText;
  readonly clock: Clock;
  readonly log: Logger;
};

/** The caller waits; what is not understood by then is told again, or pressed. */
const LIMIT_MS = 4000;

/** Answers in whatever words: a plain yes is taken at once, and what else somebody says is heard whole, because it may be a reason. */
export class AnyWordsEars {
  readonly #options: AnyWordsOptions;

  constructor(options: AnyWordsOptions) {
    this.#options = options;
  }

  /** Resolves with null when it was no answer. Rejects when neither understands it. */
  async understand(utterance: Int16Array): Promise<string | null> {
    const { log } = this.#options;
    const words = this.#transcribe(utterance).catch((error: unknown) => {
      log.warn({ err: error }, 'answer of a person was not understood by the speech to text');
      return '';
    });
    const few = (await this.#options.few()?.understand(utterance)) ?? null;
    if (few !== null && isYes(few)) return few;
    const said = (await words).trim();
    return said === '' ? few : said;
  }

  async #transcribe(utterance: Int16Array): Promise<string> {
    const late = new AbortController();
    const alarm = this.#options.clock.setAlarm(LIMIT_MS, () => {
      late.abort(new LinecardError('AGENT_FAILED', `no words within ${LIMIT_MS} ms`));
    });
    try {
      return await this.#options.stt.transcribe(utterance, late.signal);
    } finally {
      alarm.cancel();
    }
  }
}
