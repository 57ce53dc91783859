import { z } from 'zod';
import type { Floor, Tool } from '../port.js';
import { describeInput, parseInput } from './input.js';

/** Longer than any entry of 32 digits takes with its prompt. */
const TIME_LIMIT_MS = 120_000;

const schema = z.strictObject({
  prompt: z
    .string()
    .trim()
    .max(500)
    .default('')
    .describe('what the caller is asked, in a sentence; leave it out if you have asked already'),
  digits: z.int().min(1).max(32).default(32).describe('how many digits; fewer are ended by the # key'),
  secret: z
    .boolean()
    .default(false)
    .describe('for a PIN or the like: you get a reference such as secret_1 to hand on to another tool, not the digits'),
});

/** Asks the caller for a number by the telephone's keys. */
export function collectDigitsTool(floor: Pick<Floor, 'collectDigits'>): Tool {
  return {
    name: 'collect_digits',
    description: "Lets the caller enter a number on the telephone's keys: a customer number, a PIN, a date.",
    inputSchema: describeInput(schema),
    timeLimitMs: TIME_LIMIT_MS,
    async run(input, { signal }) {
      const { prompt, digits: maxDigits, secret } = parseInput(schema, input);
      const visibility = secret ? 'secret' : 'shown';
      const { digits, count, end } = await floor.collectDigits({ prompt, maxDigits, visibility }, signal);
      if (end === 'nothing') return { entered: '', note: 'the caller pressed nothing' };
      if (end === 'spoke') return { entered: '', note: 'the caller speaks instead of entering' };
      return { entered: digits, digits: count, complete: end === 'complete' };
    },
  };
}
