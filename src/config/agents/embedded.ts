import { z } from 'zod';
import { section } from '../fields.js';
import { commonAgentKeys, DEFAULT_TOOLS, tools } from './common.js';

/** The attendant that runs offline, on this machine. It has every tool unless the file gives a list. */
export const embeddedAgent = section({
  provider: z.literal('embedded'),
  ...commonAgentKeys,
  tools: tools.default([...DEFAULT_TOOLS]),
});

export type EmbeddedAgentConfig = z.output<typeof embeddedAgent>;
