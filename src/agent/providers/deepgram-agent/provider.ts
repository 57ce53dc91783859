import type { AgentCapabilities, AgentContext, AgentProvider, AgentSession } from '../../port.js';
import type { DeepgramMind } from './protocol.js';
import { isFlux } from './protocol.js';
import { DeepgramAgentSession } from './session.js';

export type DeepgramAgentSetUp = {
  readonly name: string;
  /** `https://agent.deepgram.com`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** What is said first, word by word; empty: the model's own words. */
  readonly greeting: string;
  readonly mind: DeepgramMind;
};

export type DeepgramAgentOptions = Omit<DeepgramAgentSetUp, 'baseUrl'> & {
  /** Of the WebSocket. */
  readonly url: string;
};

/** Recognizer, model and voice as one agent at Deepgram (Voice Agent API). Turn taking is Deepgram's. */
export class DeepgramAgentProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities: AgentCapabilities;
  readonly #options: DeepgramAgentOptions;

  constructor({ baseUrl, ...options }: DeepgramAgentSetUp) {
    this.name = options.name;
    const waits = isFlux(options.mind.stt.model) ? ({ waits: 'maxWaitMs' } as const) : {};
    this.capabilities = { turnTaking: 'provider', utterances: 'unwanted', fillers: 'conversation', ...waits };
    this.#options = { ...options, url: socketUrl(baseUrl) };
  }

  /** A key that is wrong, or a provider that is away, is found out by the first call, which then goes to the backup. */
  prepare(): Promise<void> {
    return Promise.resolve();
  }

  limitations(): readonly string[] {
    return [];
  }

  open(context: AgentContext): AgentSession {
    const { greeting, mind } = this.#options;
    const filled = {
      greeting: context.fill(greeting),
      mind: { ...mind, instructions: context.fill(mind.instructions) },
    };
    return new DeepgramAgentSession({ ...this.#options, ...filled }, context);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** `http` becomes `ws`, so that a local server needs no certificate. */
function socketUrl(baseUrl: string): string {
  const url = new URL(baseUrl);
  url.protocol = url.protocol.replace('http', 'ws');
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/agent/converse`;
  return url.href;
}
