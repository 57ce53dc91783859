import type { Logger } from '../../../core/logger.js';
import type { AgentContext, AgentProvider, AgentSession } from '../../port.js';
import type { LanguageModel, SpeechToText, TextToSpeech } from './port.js';
import { PipelineSession } from './session.js';
import { SpeechCache } from './speech-cache.js';

export type PipelineOptions = {
  readonly name: string;
  readonly stt: SpeechToText;
  readonly llm: LanguageModel;
  readonly tts: TextToSpeech;
  /** Empty: the model greets in its own words. */
  readonly greeting: string;
  readonly instructions: string;
  /** Whether the model begins when the caller seems to be done, before it is sure; only where words come while he speaks. */
  readonly headStart: 'on' | 'off';
  /** Said when nothing was to be heard for so long after the caller's turn; an empty text: nothing is. */
  readonly filler: { readonly text: string; readonly afterMs: number };
  readonly log: Logger;
};

/** An agent made of three parts, each from whom one likes: one that understands speech, one that thinks, one that speaks. */
export class PipelineProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities = { turnTaking: 'linecard', utterances: 'wanted', interruptions: 'session' } as const;
  readonly #options: PipelineOptions;
  readonly #voice: SpeechCache;
  #closed = false;

  constructor(options: PipelineOptions) {
    this.name = options.name;
    this.#options = options;
    // A greeting that differs from call to call is made when it is said.
    this.#voice = new SpeechCache(options.tts, [
      options.greeting.includes('{{') ? '' : options.greeting,
      options.filler.text,
    ]);
  }

  /** The greeting is made in the background: a voice that is away now may be there when somebody calls. */
  async prepare(): Promise<void> {
    await this.#options.llm.prepare();
    void this.#fill();
  }

  limitations(): readonly string[] {
    return [];
  }

  open(context: AgentContext): AgentSession {
    void this.#fill();
    const { greeting, instructions } = this.#options;
    const filled = { greeting: context.fill(greeting), instructions: context.fill(instructions) };
    return new PipelineSession({ ...this.#options, ...filled, voice: this.#voice }, context);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#voice.close();
    return Promise.resolve();
  }

  async #fill(): Promise<void> {
    try {
      await this.#voice.fill();
    } catch (error) {
      if (!this.#closed)
        this.#options.log.warn({ err: error, agent: this.name }, 'the greeting could not be made in advance');
    }
  }
}
