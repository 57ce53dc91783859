import { z } from 'zod';
import { didYouMean } from '../nearest.js';
import { deepgramAgent } from './deepgram-agent.js';
import { echoAgent } from './echo.js';
import { elevenLabsAgent } from './elevenlabs-agent.js';
import { embeddedAgent } from './embedded.js';
import { geminiLiveAgent } from './gemini-live.js';
import { mediaStreamsAgent } from './media-streams.js';
import { novaSonicAgent } from './nova-sonic.js';
import { openAiRealtimeAgent } from './openai-realtime.js';
import { pipelineAgent } from './pipeline.js';
import { websocketAgent } from './websocket.js';

/** A new provider is a file beside this one and a line here. */
const PROVIDERS = [
  embeddedAgent,
  deepgramAgent,
  echoAgent,
  elevenLabsAgent,
  geminiLiveAgent,
  mediaStreamsAgent,
  novaSonicAgent,
  openAiRealtimeAgent,
  pipelineAgent,
  websocketAgent,
] as const;

const PROVIDER_NAMES = PROVIDERS.map((provider) => provider.shape.provider.value);

/** One agent: which keys it takes depends on its provider. */
export const agent = z.discriminatedUnion('provider', PROVIDERS, {
  error: (issue) => providerMessage(issue.input),
});

export type AgentConfig = z.output<typeof agent>;

function providerMessage(input: unknown): string {
  const allowed = `one of ${PROVIDER_NAMES.join(', ')}`;
  if (typeof input !== 'object' || input === null) return `must be a block with the key provider: ${allowed}`;
  const { provider } = input as { readonly provider?: unknown };
  if (typeof provider !== 'string') return `is missing; it must be ${allowed}`;
  return `"${provider}" must be ${allowed}${didYouMean(provider, PROVIDER_NAMES)}`;
}
