import type { AgentCapabilities, AgentContext, AgentProvider, AgentSession } from '../../port.js';
import type { RealtimeVoice } from './protocol.js';
import { OpenAiRealtimeSession } from './session.js';

export type OpenAiRealtimeSetUp = {
  readonly name: string;
  /** `https://api.openai.com/v1`, or any server that speaks the same protocol. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** What is said first, word by word; empty: the model's own words. */
  readonly greeting: string;
  readonly voice: RealtimeVoice;
};

export type OpenAiRealtimeOptions = Omit<OpenAiRealtimeSetUp, 'baseUrl'> & {
  /** Of the WebSocket. */
  readonly url: string;
};

/** A speech-to-speech model behind the OpenAI Realtime protocol (GA). */
export class OpenAiRealtimeProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities: AgentCapabilities;
  readonly #options: OpenAiRealtimeOptions;

  constructor({ baseUrl, ...options }: OpenAiRealtimeSetUp) {
    this.name = options.name;
    const { turnDetection } = options.voice;
    const turnTaking = turnDetection === 'linecard' ? 'linecard' : 'provider';
    const waits = turnDetection === 'semantic_vad' ? 'maxWaitMs' : 'minWaitMs';
    this.capabilities = { turnTaking, utterances: 'unwanted', fillers: 'conversation', waits };
    this.#options = { ...options, url: socketUrl(baseUrl, options.voice.model) };
  }

  /** A key that is wrong, or a provider that is away, is found out by the first call, which then goes to the backup. */
  prepare(): Promise<void> {
    return Promise.resolve();
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
    return new OpenAiRealtimeSession({ ...this.#options, ...filled }, context);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** `http` becomes `ws`, so that a local server needs no certificate; a query of the base URL's (an Azure API version) is kept. */
function socketUrl(baseUrl: string, model: string): string {
  const url = new URL(baseUrl);
  url.protocol = url.protocol.replace('http', 'ws');
  url.pathname = `${url.pathname.replace(/\/$/, '')}/realtime`;
  url.searchParams.set('model', model);
  return url.href;
}
