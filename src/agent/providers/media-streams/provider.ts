import type { AgentContext, AgentProvider, AgentSession } from '../../port.js';
import { MediaStreamsSession } from './session.js';

export type MediaStreamsOptions = {
  readonly name: string;
  /** `ws:` or `wss:`. */
  readonly url: string;
  /** Given to the bot at the start, beside who calls. */
  readonly parameters: Readonly<Record<string, string>>;
  /** With it the connection carries Twilio's signature, for bots that check it; null: no signature. */
  readonly authToken: string | null;
};

/**
 * A bot that was written for Twilio Media Streams: we connect to it as Twilio does, with µ-law at 8 kHz, and it does the rest: turns,
 * interruption (`clear`), the end of the call (it closes).
 */
export class MediaStreamsProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities = { turnTaking: 'provider', utterances: 'unwanted' } as const;
  readonly #options: MediaStreamsOptions;

  constructor(options: MediaStreamsOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** The bot may come and go: only a call finds out. */
  prepare(): Promise<void> {
    return Promise.resolve();
  }

  limitations(): readonly string[] {
    return [];
  }

  open(context: AgentContext): AgentSession {
    return new MediaStreamsSession(this.#options, context);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
