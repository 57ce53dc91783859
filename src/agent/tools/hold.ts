import { z } from 'zod';
import { LinecardError } from '../../core/errors.js';
import type { Floor, Tool } from '../port.js';
import { describeInput, parseInput } from './input.js';

const MAX_SECONDS = 300;
/** The PBX's own time for music on and off. */
const SPARE_MS = 20_000;

const schema = z.strictObject({
  seconds: z.int().min(5).max(MAX_SECONDS).default(60).describe('how long at most'),
});

/** Lets the caller wait with music, at their own wish or while something is looked up elsewhere. */
export function holdTool(floor: Pick<Floor, 'nextKey'>): Tool {
  return {
    name: 'hold',
    description:
      'Puts the caller on hold with music. You get them back when the time is up, or when they press a key. Tell them so before.',
    inputSchema: describeInput(schema),
    timeLimitMs: MAX_SECONDS * 1000 + SPARE_MS,
    async run(input, { control, signal, log }) {
      const { seconds } = parseInput(schema, input);
      await control.hold('held');
      let ended: 'key' | 'time';
      try {
        ended = await floor.nextKey(seconds * 1000, signal);
      } catch (error) {
        // Another agent takes over, or the caller is gone: the music must not go on in either case.
        control.hold('resumed').catch((thrown: unknown) => log.debug({ err: thrown }, 'hold could not be ended'));
        throw error;
      }
      try {
        await control.hold('resumed');
      } catch (error) {
        throw new LinecardError('TOOL_FAILED', 'the caller could not be taken back from hold', { cause: error });
      }
      return { back: ended === 'key' ? 'the caller pressed a key' : 'the time is up' };
    },
  };
}
