import { toLinecardError } from '../../../core/errors.js';
import type { AgentContext, AgentProvider, AgentSession } from '../../port.js';
import type { SpeechToText } from './port.js';

export type EarProviderOptions = { readonly name: string; readonly stt: SpeechToText };

/** An agent that only listens: it reports what is said, utterance by utterance, and says nothing. For supervisors who whisper. */
export class EarProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities = { turnTaking: 'linecard', utterances: 'wanted' } as const;
  readonly #stt: SpeechToText;

  constructor(options: EarProviderOptions) {
    this.name = options.name;
    this.#stt = options.stt;
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  limitations(): readonly string[] {
    return [];
  }

  open(context: AgentContext): AgentSession {
    return new EarSession(this.#stt, context);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class EarSession implements AgentSession {
  readonly #stt: SpeechToText;
  readonly #context: AgentContext;
  readonly #closing = new AbortController();
  /** What was said comes in the order in which it was said. */
  #understood: Promise<void> = Promise.resolve();

  constructor(stt: SpeechToText, context: AgentContext) {
    this.#stt = stt;
    this.#context = context;
  }

  start(): void {
    // Nobody is greeted.
  }

  hear(): void {
    // Utterances come whole.
  }

  digit(): void {
    // Keys are control's business.
  }

  callerStarted(): void {
    // There is nothing to cut.
  }

  callerFinished(utterance: Int16Array): void {
    const said = this.#stt.transcribe(utterance, this.#closing.signal);
    this.#understood = this.#understood.then(async () => {
      try {
        const text = (await said).trim();
        if (text !== '' && !this.#closing.signal.aborted) this.#context.events.callerSaid(text);
      } catch (thrown) {
        // The next sentence may be understood.
        if (!this.#closing.signal.aborted) this.#context.log.warn({ err: toLinecardError(thrown) }, 'not understood');
      }
    });
  }

  heard(): void {
    // It never speaks.
  }

  say(text: string): void {
    this.#context.log.info({ text }, 'an ear says nothing');
  }

  instruct(text: string): void {
    this.#context.log.info({ text }, 'an ear follows no instructions');
  }

  close(): void {
    this.#closing.abort();
  }
}
