import type { AgentCapabilities, AgentContext, AgentProvider, AgentSession } from '../../port.js';
import type { GeminiVoice } from './protocol.js';
import { GeminiLiveSession } from './session.js';

export type GeminiLiveSetUp = {
  readonly name: string;
  /** `https://generativelanguage.googleapis.com`, or a server that speaks the same protocol. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** What is said first, word by word; empty: the model's own words. */
  readonly greeting: string;
  readonly voice: GeminiVoice;
};

export type GeminiLiveOptions = Omit<GeminiLiveSetUp, 'baseUrl'> & {
  /** Of the WebSocket. */
  readonly url: string;
};

const SERVICE = 'ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';

/** A speech-to-speech model behind the Gemini Live API. */
export class GeminiLiveProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities: AgentCapabilities;
  readonly #options: GeminiLiveOptions;

  constructor({ baseUrl, ...options }: GeminiLiveSetUp) {
    this.name = options.name;
    this.capabilities = { turnTaking: options.voice.turnTaking, utterances: 'unwanted', waits: 'minWaitMs' };
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
    const { greeting, voice } = this.#options;
    const filled = {
      greeting: context.fill(greeting),
      voice: { ...voice, instructions: context.fill(voice.instructions) },
    };
    return new GeminiLiveSession({ ...this.#options, ...filled }, context);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function socketUrl(baseUrl: string): string {
  const url = new URL(baseUrl);
  url.protocol = url.protocol.replace('http', 'ws');
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${SERVICE}`;
  return url.href;
}
