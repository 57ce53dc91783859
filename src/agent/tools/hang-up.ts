import { z } from 'zod';
import type { Floor, Tool } from '../port.js';
import { describeInput, parseInput } from './input.js';

const schema = z.strictObject({
  reason: z.string().max(200).default('the agent ended the call').describe('why, for the history'),
});

/** Ends the call after everything that is queued was heard: a goodbye is never cut. */
export function hangUpTool(floor: Pick<Floor, 'done'>): Tool {
  return {
    name: 'hangup',
    description: 'Ends the call after what you have said was heard. Say goodbye first.',
    inputSchema: describeInput(schema),
    timeLimitMs: 1000,
    run(input) {
      floor.done(parseInput(schema, input).reason);
      return Promise.resolve({ ending: true });
    },
  };
}
