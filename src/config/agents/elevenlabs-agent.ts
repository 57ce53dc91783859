import { z } from 'zod';
import { section, text, textLike, url } from '../fields.js';
import { botParameters, commonAgentKeys, DEFAULT_TOOLS, echoGuard, tools } from './common.js';

/** An agent that is set up at ElevenLabs. What is said about it here overrides what is said there, where that allows it. */
export const elevenLabsAgent = section({
  provider: z.literal('elevenlabs-agent'),
  ...commonAgentKeys,
  /** Those that the agent has there as client tools, by the same names. */
  tools: tools.default([...DEFAULT_TOOLS]),
  /** Absent: an agent that anybody may talk with. */
  apiKey: text(500, 'secret').optional(),
  agentId: text(100),
  baseUrl: url(['http', 'https'], 'https://api.elevenlabs.io').default('https://api.elevenlabs.io'),
  echoGuard,
  language: textLike(/^[a-z]{2}(-[a-z]{2})?$/, 'a language such as en or pt-br').optional(),
  /** For the prompts there (`{{tenant}}`), beside `caller_number`, `caller_name` and `extension`. */
  parameters: botParameters.default({}),
});

export type ElevenLabsAgentConfig = z.output<typeof elevenLabsAgent>;
