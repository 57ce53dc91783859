import type { AgentCapabilities, AgentContext, AgentProvider, AgentSession } from '../../port.js';
import type { SonicStreams } from './bedrock.js';
import type { NovaVoice } from './protocol.js';
import { takesWaits } from './protocol.js';
import { NovaSonicSession } from './session.js';

export type NovaSonicOptions = {
  readonly name: string;
  readonly streams: SonicStreams;
  /** What is said first, word by word; empty: the model's own words. */
  readonly greeting: string;
  readonly voice: NovaVoice;
};

/** A speech-to-speech model of Amazon's behind Bedrock's bidirectional stream. Turn taking is the model's. */
export class NovaSonicProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities: AgentCapabilities;
  readonly #options: NovaSonicOptions;

  constructor(options: NovaSonicOptions) {
    this.name = options.name;
    const waits = takesWaits(options.voice.model) ? ({ waits: 'minWaitMs' } as const) : {};
    this.capabilities = { turnTaking: 'provider', utterances: 'unwanted', ...waits };
    this.#options = options;
  }

  /** A key that is wrong, or a provider that is away, is found out by the first call, which then goes to the backup. */
  prepare(): Promise<void> {
    return this.#options.streams.prepare();
  }

  limitations(): readonly string[] {
    return [];
  }

  open(context: AgentContext): AgentSession {
    const { greeting, voice } = this.#options;
    const filled = {
      greeting: context.fill(greeting),
      voice: { ...voice, instructions: context.fill(voice.instructions) },
    };
    return new NovaSonicSession({ ...this.#options, ...filled }, context);
  }

  close(): Promise<void> {
    this.#options.streams.close();
    return Promise.resolve();
  }
}
