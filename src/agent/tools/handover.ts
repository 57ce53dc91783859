import { z } from 'zod';
import type { Floor, Tool } from '../port.js';
import { describeInput, parseInput } from './input.js';

/** Gives the caller to another agent of the configuration, in the same call. */
export function handoverTool(agents: readonly string[], floor: Pick<Floor, 'handOver'>): Tool {
  const schema = z.strictObject({
    to: z.enum(agents).describe('which agent'),
    context: z
      .string()
      .trim()
      .min(1)
      .max(1000)
      .describe('what the caller wants and what is settled already; the other agent knows what was said'),
  });
  return {
    name: 'handover',
    description: `Gives the caller to another agent who takes your place. Tell the caller so first; you are out of the call then. Agents: ${agents.join(', ')}.`,
    inputSchema: describeInput(schema),
    timeLimitMs: 1000,
    run(input) {
      const { to, context } = parseInput(schema, input);
      floor.handOver(to, context);
      return Promise.resolve({ handedOver: to, ending: true });
    },
  };
}
