import { z } from 'zod';
import type { Tool } from '../port.js';
import { describeInput, parseInput } from './input.js';

const schema = z.strictObject({
  text: z.string().trim().min(1).max(500).describe('a fact about this call, in a sentence'),
});

/** Writes down what the person who gets the call should know. */
export const noteTool: Tool = {
  name: 'note',
  description:
    'Writes down a fact for the person who gets this call later: they are told when you transfer it, and it is kept with the call.',
  inputSchema: describeInput(schema),
  timeLimitMs: 2000,
  async run(input, { control }) {
    await control.note(parseInput(schema, input).text);
    return { noted: true };
  },
};
