import { z } from 'zod';
import type { AgentContext, AgentProvider, AgentSession } from '../../port.js';
import { serverError, statusError } from '../pipeline/timed.js';
import type { Overrides } from './protocol.js';
import { ElevenLabsAgentSession } from './session.js';

export type ElevenLabsAgentSetUp = {
  readonly name: string;
  /** `https://api.elevenlabs.io`. */
  readonly baseUrl: string;
  /** Null: an agent that anybody may talk with. */
  readonly apiKey: string | null;
  readonly agentId: string;
  readonly overrides: Overrides;
  /** For the prompts there, beside those of the call. */
  readonly variables: Readonly<Record<string, string>>;
};

export type ElevenLabsAgentOptions = Pick<ElevenLabsAgentSetUp, 'name' | 'overrides' | 'variables'> & {
  /** Of the WebSocket, or how to ask for it. */
  readonly url: string | ((signal: AbortSignal) => Promise<string>);
};

const WHAT = 'ElevenLabs';
const signedUrl = z.object({ signed_url: z.url({ protocol: /^wss?$/ }) });

/** An agent that is set up at ElevenLabs (ElevenLabs Agents). Turn taking is theirs. */
export class ElevenLabsAgentProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities = { turnTaking: 'provider', utterances: 'unwanted' } as const;
  readonly #options: ElevenLabsAgentOptions;

  constructor({ name, baseUrl, apiKey, agentId, overrides, variables }: ElevenLabsAgentSetUp) {
    this.name = name;
    const place = new URL(`${baseUrl.replace(/\/$/, '')}/v1/convai/conversation`);
    place.searchParams.set('agent_id', agentId);
    this.#options = {
      name,
      overrides,
      variables,
      url: apiKey === null ? socketUrl(place) : (signal) => askForSignedUrl(place, apiKey, signal),
    };
  }

  /** A key that is wrong, or a provider that is away, is found out by the first call, which then goes to the backup. */
  prepare(): Promise<void> {
    return Promise.resolve();
  }

  limitations(): readonly string[] {
    return [];
  }

  open(context: AgentContext): AgentSession {
    const { overrides, ...options } = this.#options;
    const fill = (text: string | null): string | null => (text === null ? null : context.fill(text));
    const filled = {
      ...overrides,
      firstMessage: fill(overrides.firstMessage),
      instructions: fill(overrides.instructions),
    };
    return new ElevenLabsAgentSession({ ...options, overrides: filled }, context);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** `http` becomes `ws`, so that a local server needs no certificate. */
function socketUrl(place: URL): string {
  return place.href.replace('http', 'ws');
}

/** The key does not go over the socket: it buys an address that is good for one conversation. */
async function askForSignedUrl(place: URL, apiKey: string, signal: AbortSignal): Promise<string> {
  const url = new URL(place);
  url.pathname += '/get-signed-url';
  try {
    const response = await fetch(url, { headers: { 'xi-api-key': apiKey }, signal });
    if (!response.ok) throw statusError(WHAT, response.status, await response.text());
    return signedUrl.parse(await response.json()).signed_url;
  } catch (error) {
    throw serverError(WHAT, error);
  }
}
