import { z } from 'zod';
import { section, text, textLike, url } from '../fields.js';
import { commonAgentKeys, DEFAULT_TOOLS, echoGuard, tools } from './common.js';

/** A speech-to-speech model of Amazon's, at Bedrock. */
export const novaSonicAgent = section({
  provider: z.literal('nova-sonic'),
  ...commonAgentKeys,
  voice: text(100).default('matthew'),
  tools: tools.default([...DEFAULT_TOOLS]),
  region: textLike(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as us-east-1'),
  echoGuard,
  model: text(100).default('amazon.nova-2-sonic-v1:0'),
  /** Absent: the region's. */
  baseUrl: url(['http', 'https'], 'https://bedrock-runtime.us-east-1.amazonaws.com').optional(),
  /** Absent, both: as Amazon's tools find them. */
  accessKeyId: text(200).optional(),
  secretAccessKey: text(200, 'secret').optional(),
});

export type NovaSonicAgentConfig = z.output<typeof novaSonicAgent>;
