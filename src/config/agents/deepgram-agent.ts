import { z } from 'zod';
import { oneOf, section, text, textLike, url } from '../fields.js';
import { commonAgentKeys, DEFAULT_TOOLS, echoGuard, tools } from './common.js';

/** Recognizer, model and voice as one agent at Deepgram (Voice Agent API). */
export const deepgramAgent = section({
  provider: z.literal('deepgram-agent'),
  ...commonAgentKeys,
  /** A voice of Deepgram's. */
  voice: text(100).default('aura-2-thalia-en'),
  tools: tools.default([...DEFAULT_TOOLS]),
  apiKey: text(500, 'secret'),
  baseUrl: url(['http', 'https'], 'https://agent.deepgram.com').default('https://agent.deepgram.com'),
  echoGuard,
  stt: section({
    model: text(100).default('nova-3'),
    /** Absent: the model's own. */
    language: textLike(/^[a-z]{2,5}(-[A-Za-z]{2,4})?$/, 'a language such as en, de or multi').optional(),
  }).prefault({}),
  llm: section({
    /** Whose models Deepgram asks. */
    provider: oneOf(['openai', 'anthropic', 'google']).default('openai'),
    model: text(100).default('gpt-4o-mini'),
    /** Absent: the model's own. */
    temperature: textLike(/^[01](\.\d{1,2})?$/, 'a number from 0 to 1.99')
      .transform(Number)
      .optional(),
  }).prefault({}),
});

export type DeepgramAgentConfig = z.output<typeof deepgramAgent>;
