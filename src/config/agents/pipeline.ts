import { z } from 'zod';
import { oneOf, section, text, textLike, url, wholeNumber } from '../fields.js';
import { commonAgentKeys, DEFAULT_TOOLS, tools } from './common.js';

const httpUrl = url(['http', 'https'], 'http://127.0.0.1:8000/v1');
const apiKey = text(500, 'secret');

/** What a part that understands or speaks takes; `crossCheck` sees to it that address and model are those of its provider. */
const speechPart = {
  provider: oneOf(['openai-compatible', 'deepgram', 'elevenlabs', 'wyoming']).default('openai-compatible'),
  /** Absent: the vendor's own; servers of one's own have none. */
  baseUrl: url(['http', 'https', 'tcp'], 'http://127.0.0.1:8000/v1').optional(),
  apiKey: apiKey.optional(),
  model: text(200).optional(),
};

/** An agent made of three parts: one that understands speech, one that thinks, one that speaks. */
export const pipelineAgent = section({
  provider: z.literal('pipeline'),
  ...commonAgentKeys,
  tools: tools.default([...DEFAULT_TOOLS]),
  stt: section({
    ...speechPart,
    language: textLike(/^[a-z]{2}$/, 'a language of two letters such as en').optional(),
  }),
  llm: section({
    provider: oneOf(['openai-compatible', 'openai', 'anthropic', 'google']).default('openai-compatible'),
    /** Absent: the provider's own; an `openai-compatible` one has none. */
    baseUrl: httpUrl.optional(),
    apiKey: apiKey.optional(),
    model: text(200),
    /** Absent: the model's own. */
    temperature: textLike(/^[01](\.\d{1,2})?$/, 'a number from 0 to 1.99')
      .transform(Number)
      .optional(),
    maxOutputTokens: wholeNumber(50, 100_000, 'a number of tokens').default(1000),
    /** Begin when the caller seems to be done, before it is sure; only where words come while he speaks. */
    headStart: oneOf(['on', 'off']).default('on'),
  }),
  tts: section({
    ...speechPart,
    voice: text(100).optional(),
    /** Of what the server calls `pcm`. */
    sampleRateHz: oneOf(['8000', '16000', '22050', '24000', '44100', '48000']).transform(Number).default(24_000),
  }),
});

export type PipelineAgentConfig = z.output<typeof pipelineAgent>;
