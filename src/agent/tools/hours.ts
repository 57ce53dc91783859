import { z } from 'zod';
import type { Tool } from '../port.js';
import { describeInput, parseInput } from './input.js';

const schema = z.strictObject({});

/** The opening hours, and whether the office is open now. */
export const hoursTool: Tool = {
  name: 'hours',
  description: 'Tells the opening hours and whether the office is open now.',
  inputSchema: describeInput(schema),
  timeLimitMs: 2000,
  async run(input, { control }) {
    parseInput(schema, input);
    return control.hours();
  },
};
