import { z } from 'zod';
import { LinecardError } from '../../core/errors.js';
import type { Tool } from '../port.js';
import { describeInput, parseInput } from './input.js';

/** Where this agent may send callers, by key; `fallback` is the human of the extension. */
export type TransferTargets = ReadonlyMap<string, { readonly label: string }>;

/**
 * Sends the caller to a destination of the configuration. The call is over for the agent when it succeeds; where a person is asked first, the agent gets the
 * caller back when nobody takes the call.
 */
export function transferTool(targets: TransferTargets): Tool {
  const keys = [...targets.keys(), 'fallback'] as const;
  const schema = z.strictObject({
    to: z.enum(keys).describe('where to'),
    mode: z
      .enum(['default', 'blind', 'warm', 'conference'])
      .default('default')
      .describe(
        'warm: a person is told who calls and why, and may decline. blind: the caller is sent there at once. conference: as warm, and you stay with the two',
      ),
    summary: z
      .string()
      .trim()
      .max(500)
      .default('')
      .describe('who calls and what they want, in a sentence or two, for the person'),
  });
  const places = [...targets].map(([key, { label }]) => `${key} (${label})`);
  return {
    name: 'transfer',
    description: `Connects the caller with a person. You get the caller back only if nobody takes the call. Places: ${[...places, 'fallback (the operator)'].join(', ')}.`,
    inputSchema: describeInput(schema),
    // The PBX answers in milliseconds; this is for one that hangs.
    timeLimitMs: 5000,
    async run(input, { control }) {
      const { to, mode, summary } = parseInput(schema, byKeyOrLabel(input, targets));
      try {
        await control.transfer(to, { mode, summary });
      } catch (error) {
        if (error instanceof LinecardError && error.code === 'CHANNEL_GONE') throw error;
        if (error instanceof LinecardError && error.code === 'DESTINATION_CLOSED') {
          throw new LinecardError('TOOL_FAILED', error.message, { cause: error });
        }
        throw new LinecardError('TOOL_FAILED', `the transfer to ${to} did not work`, { cause: error });
      }
      return { transferred: to };
    },
  };
}

/** Models and callers say "Sales" where the configuration says `sales`. */
function byKeyOrLabel(input: unknown, targets: TransferTargets): unknown {
  if (typeof input !== 'object' || input === null || !('to' in input) || typeof input.to !== 'string') return input;
  const said = input.to.trim().toLowerCase();
  for (const [key, { label }] of targets) {
    if (key.toLowerCase() === said || label.toLowerCase() === said) return { ...input, to: key };
  }
  return { ...input, to: said === 'operator' ? 'fallback' : input.to };
}
