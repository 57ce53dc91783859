import { LinecardError } from '../../../core/errors.js';
import type { Clock } from '../../../core/clock.js';
import type { Logger } from '../../../core/logger.js';
import { Recognizer, findRecognizer } from '../../../speech/recognizer.js';
import type { RecognizerFiles } from '../../../speech/recognizer.js';
import type { Synthesizer } from '../../../speech/synthesizer.js';
import { Voice } from '../../../speech/voice.js';
import type { AgentContext, AgentProvider, AgentSession } from '../../port.js';
import type { SampleChunks } from '../../sample-chunks.js';
import { Attendant } from './attendant.js';
import type { AttendantOptions } from './attendant.js';
import { Ears } from './ears.js';
import type { Offers } from './menu.js';
import { Menu } from './menu.js';
import { EmbeddedSession } from './session.js';

const DEFAULT_GREETING = 'Hello, and thank you for calling.';

export type EmbeddedProviderOptions = {
  /** The agent's name in the configuration. */
  readonly name: string;
  readonly greeting: string | undefined;
  readonly voice: string | undefined;
  readonly offers: Offers;
  /** Closed with the provider. */
  readonly synthesizer: Pick<Synthesizer, 'speak' | 'close'>;
  readonly chunks: SampleChunks;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the recognizer is; a test has none. */
  readonly findRecognizer?: () => Promise<RecognizerFiles | null>;
};

/** The attendant that runs on this machine alone: flite speaks, pocketsphinx listens, and every choice has a key too. */
export class EmbeddedProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities = { turnTaking: 'linecard', utterances: 'wanted', interruptions: 'session' } as const;
  readonly #options: EmbeddedProviderOptions;
  readonly #menu: Menu;
  readonly #voice: Voice;
  readonly #limitations: string[] = [];
  #recognizer: Recognizer | null = null;
  #ears: Ears | null = null;
  #closed = false;

  /** Throws CONFIG_INVALID for a voice that does not exist. */
  constructor(options: EmbeddedProviderOptions) {
    this.name = options.name;
    this.#options = options;
    this.#menu = new Menu(options.offers);
    this.#voice = new Voice(options.synthesizer, options.voice);
  }

  /** Resolves when the greeting is there; the other prompts, which no call needs in its first seconds, come after that. */
  async prepare(): Promise<void> {
    await this.#openEars();
    const { say } = new Attendant(this.#dialogue).begin('new');
    // One that differs from call to call is synthesized when it is said.
    if (!say.includes('{{')) await this.#voice.keep(say);
    this.#keepPrompts().catch((error: unknown) => {
      if (this.#closed) return;
      // Nothing is lost but time: what is not kept is synthesized when it is said.
      this.#options.log.warn({ err: error, agent: this.name }, 'prompts could not be synthesized ahead');
    });
  }

  limitations(): readonly string[] {
    return this.#limitations;
  }

  open(context: AgentContext): AgentSession {
    return new EmbeddedSession({
      attendant: new Attendant({ ...this.#dialogue, greeting: context.fill(this.#dialogue.greeting) }),
      menu: this.#menu,
      voice: this.#voice,
      ears: this.#ears,
      chunks: this.#options.chunks,
      context,
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#recognizer?.close(), this.#options.synthesizer.close()]);
  }

  async #keepPrompts(): Promise<void> {
    for (const text of Attendant.prompts(this.#dialogue)) {
      if (this.#closed) return;
      if (!text.includes('{{')) await this.#voice.keep(text);
    }
  }

  get #dialogue(): AttendantOptions {
    return {
      greeting: this.#options.greeting ?? DEFAULT_GREETING,
      menu: this.#menu,
      input: this.#ears === null ? 'keys' : 'speech and keys',
    };
  }

  /** Speech is a comfort, keys always work: without a recognizer calls are served all the same. */
  async #openEars(): Promise<void> {
    const { clock, log } = this.#options;
    const files = await (this.#options.findRecognizer ?? findRecognizer)();
    if (files === null) {
      this.#limitations.push(
        `understands keys only: install the Debian packages pocketsphinx and pocketsphinx-en-us for speech`,
      );
      return;
    }
    const recognizer = new Recognizer({ files, clock, log });
    this.#recognizer = recognizer;
    try {
      this.#ears = await Ears.open(recognizer, this.#menu);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.error({ err: new LinecardError('AGENT_UNAVAILABLE', reason, { cause: error }) }, 'no speech recognition');
      this.#limitations.push(`understands keys only: ${reason}`);
      return;
    }
    for (const label of this.#ears.unpronounceable) {
      this.#limitations.push(`cannot listen for "${label}", which its dictionary lacks: callers use its key`);
    }
  }
}
