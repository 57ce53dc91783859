import { z } from 'zod';
import { oneOf, section, text, url } from '../fields.js';
import { commonAgentKeys, DEFAULT_TOOLS, echoGuard, tools } from './common.js';

/** A speech-to-speech model behind Google's Gemini Live API. */
export const geminiLiveAgent = section({
  provider: z.literal('gemini-live'),
  ...commonAgentKeys,
  tools: tools.default([...DEFAULT_TOOLS]),
  apiKey: text(500, 'secret'),
  baseUrl: url(['http', 'https'], 'https://generativelanguage.googleapis.com').default(
    'https://generativelanguage.googleapis.com',
  ),
  model: text(100).default('gemini-3.1-flash-live-preview'),
  echoGuard,
  /** Who finds out when the caller begins and ends to speak. */
  turnTaking: oneOf(['linecard', 'provider']).default('linecard'),
});

export type GeminiLiveAgentConfig = z.output<typeof geminiLiveAgent>;
