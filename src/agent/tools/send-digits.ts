import { z } from 'zod';
import type { Tool } from '../port.js';
import { describeInput, parseInput } from './input.js';

const schema = z.strictObject({
  digits: z.string().regex(/^[0-9*#A-D]{1,32}$/, 'must be 1 to 32 of 0-9, *, # and A-D'),
});

/** Presses keys towards the caller's side, to steer a menu there. */
export const sendDigitsTool: Tool = {
  name: 'send_digits',
  description: 'Presses telephone keys, to steer an automatic menu at the other end.',
  inputSchema: describeInput(schema),
  timeLimitMs: 5000,
  async run(input, { control }) {
    const { digits } = parseInput(schema, input);
    await control.sendDigits(digits);
    return { sent: digits };
  },
};
