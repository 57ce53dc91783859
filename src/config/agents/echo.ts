import { z } from 'zod';
import { section } from '../fields.js';
import { commonAgentKeys, tools } from './common.js';

/** Gives the caller's sound back frame by frame, for measuring. The keys every agent takes have no effect on it. */
export const echoAgent = section({
  provider: z.literal('echo'),
  ...commonAgentKeys,
  tools: tools.default([]),
});

export type EchoAgentConfig = z.output<typeof echoAgent>;
