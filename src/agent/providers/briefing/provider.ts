import type { Clock } from '../../../core/clock.js';
import type { Logger } from '../../../core/logger.js';
import type { RecognizerFiles } from '../../../speech/recognizer.js';
import { Recognizer, findRecognizer } from '../../../speech/recognizer.js';
import type { Synthesizer } from '../../../speech/synthesizer.js';
import { Voice } from '../../../speech/voice.js';
import type { AgentCapabilities, AgentContext, AgentProvider, AgentSession } from '../../port.js';
import type { SpeechToText } from '../pipeline/port.js';
import { AnswerEars } from './answers.js';
import { AnyWordsEars } from './any-words.js';
import { BriefingSession } from './session.js';

export type BriefingProviderOptions = {
  readonly name: string;
  /** Closed with the provider. */
  readonly synthesizer: Pick<Synthesizer, 'speak' | 'close'>;
  /** Said in every briefing, and made before the first. Empty where there is nobody to be rung. */
  readonly prompts: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the recognizer is; a test has none. */
  readonly findRecognizer?: () => Promise<RecognizerFiles | null>;
};

/** The agent on the legs of people who are rung for a caller. Where no recognizer is, they answer by key. */
export class BriefingProvider implements AgentProvider {
  readonly name: string;
  readonly #options: BriefingProviderOptions;
  readonly #voice: Voice;
  #recognizer: Recognizer | null = null;
  #ears: AnswerEars | null = null;

  constructor(options: BriefingProviderOptions) {
    this.name = options.name;
    this.#options = options;
    this.#voice = new Voice(options.synthesizer, undefined);
  }

  get capabilities(): AgentCapabilities {
    return { turnTaking: 'linecard', utterances: this.#ears === null ? 'unwanted' : 'wanted' };
  }

  async prepare(): Promise<void> {
    const { prompts, clock, log } = this.#options;
    for (const prompt of prompts) await this.#voice.keep(prompt);
    const files = await (this.#options.findRecognizer ?? findRecognizer)();
    if (files === null) return;
    this.#recognizer = new Recognizer({ files, clock, log });
    try {
      this.#ears = await AnswerEars.open(this.#recognizer);
    } catch (error) {
      log.warn({ err: error }, 'people who are rung for a caller can answer by key only');
    }
  }

  /** Keys always work, and what speech lacks is told by the agents that need it. */
  limitations(): readonly string[] {
    return [];
  }

  open(context: AgentContext): AgentSession {
    return new BriefingSession({ voice: this.#voice, ears: this.#ears, context });
  }

  /** The same voice with the ears of an agent that understands anybody. It lives as long as this one. */
  hearingBy(name: string, stt: SpeechToText): AgentProvider {
    const { clock, log } = this.#options;
    const ears = new AnyWordsEars({ few: () => this.#ears, stt, clock, log });
    return {
      name,
      capabilities: { turnTaking: 'linecard', utterances: 'wanted' },
      prepare: () => Promise.resolve(),
      limitations: () => [],
      open: (context) => new BriefingSession({ voice: this.#voice, ears, context }),
      close: () => Promise.resolve(),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#recognizer?.close(), this.#options.synthesizer.close()]);
  }
}
