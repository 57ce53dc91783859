import { z } from 'zod';
import { LinecardError } from '../../core/errors.js';
import type { Tool } from '../port.js';
import { describeInput, parseInput } from './input.js';

const MIN_DIGITS = 3;
const MAX_DIGITS = 20;

const schema = z.strictObject({
  number: z
    .string()
    .max(60)
    .default('')
    .describe('the number to call, as the caller gave it and you repeated it; leave it out for the one they call from'),
  when: z.string().trim().max(200).default('').describe('when it suits them, in their words'),
  about: z.string().trim().min(1).max(2000).describe('what it is about'),
  name: z.string().trim().max(200).default('').describe('whom to ask for'),
});

/** Stores a task for a person: somebody wants to be called. Nobody is dialled by it. */
export const callBackTool: Tool = {
  name: 'call_back',
  description:
    'Stores that the caller wants to be called back by a person. Promise it to the caller only after this succeeded.',
  inputSchema: describeInput(schema),
  // A slow disk may take seconds; the caller hears nothing meanwhile.
  timeLimitMs: 8000,
  async run(input, { call, control }) {
    const { number, when, about, name } = parseInput(schema, input);
    const { caller } = call;
    const callBack = { number: dialable(number || caller.number), when };
    const from = name || caller.name || callBack.number;
    const id = await control.saveMessage({ text: about, from, audio: new Int16Array(0), callBack });
    return { taskId: id, number: callBack.number };
  },
};

/** Digits and a leading plus: whoever calls back may paste it. */
function dialable(text: string): string {
  const digits = text.replaceAll(/\D/g, '');
  if (digits.length < MIN_DIGITS || digits.length > MAX_DIGITS || /[^\d\s+()./-]/.test(text)) {
    throw new LinecardError('TOOL_FAILED', `"${text}" is no telephone number: ask the caller for theirs`);
  }
  return text.trimStart().startsWith('+') ? `+${digits}` : digits;
}
