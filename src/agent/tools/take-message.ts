import { z } from 'zod';
import { LinecardError } from '../../core/errors.js';
import type { Tool } from '../port.js';
import { describeInput, parseInput } from './input.js';

const schema = z.strictObject({
  text: z.string().trim().max(4000).default('').describe('the message in words, as far as they are known'),
  from: z.string().trim().max(200).default('').describe('name or number of the caller, if they gave one'),
  audio: z.instanceof(Int16Array).optional(),
});
/** Models give words only; the sound is an agent's own. */
const described = schema.omit({ audio: true });

/** Stores a message for the office. Succeeds only when it is safely on disk, so that an agent never promises what is lost. */
export const takeMessageTool: Tool = {
  name: 'take_message',
  description:
    'Stores a message from the caller for the office. Tell the caller that it is saved only after this succeeded.',
  inputSchema: describeInput(described),
  // A slow disk may take seconds; the caller hears nothing meanwhile.
  timeLimitMs: 8000,
  async run(input, { call, control }) {
    const { text, from, audio } = parseInput(schema, input);
    if (text === '' && (audio === undefined || audio.length === 0)) {
      throw new LinecardError('TOOL_FAILED', 'there is no message: give its text');
    }
    const draft = { text, from: from || call.caller.name || call.caller.number, audio: audio ?? new Int16Array(0) };
    return { messageId: await control.saveMessage(draft) };
  },
};
