import { z } from 'zod';
import { section } from '../fields.js';
import { commonAgentKeys, TOOL_NAMES, tools } from './common.js';

/** The attendant that runs offline, on this machine. It has every tool unless the file gives a list. */
export const embeddedAgent = section({
  provider: z.literal('embedded'),
  ...commonAgentKeys,
  tools: tools.default([...TOOL_NAMES]),
});

export type EmbeddedAgentConfig = z.output<typeof embeddedAgent>;
