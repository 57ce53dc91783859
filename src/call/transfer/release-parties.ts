import type { ChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { ConsultPbx, Parties, Pbx } from '../../pbx/port.js';
import type { TalkingPairs } from './talking-pairs.js';

export type ReleaseOptions = {
  readonly pbx: Pbx;
  readonly consult: ConsultPbx;
  readonly pairs: TalkingPairs;
  readonly parties: Parties;
  /** Who of the two has hung up in the meantime. */
  readonly gone: () => ChannelId | null;
  readonly log: Logger;
};

/** Leaves two who talk to the PBX, or where it cannot do without us, to the pairs that we watch. Never rejects. */
export async function releaseParties(options: ReleaseOptions): Promise<'released' | 'kept'> {
  const { pbx, consult, pairs, parties, gone, log } = options;
  let released: 'released' | 'kept' = 'kept';
  try {
    released = await consult.release(parties);
  } catch (error) {
    log.warn({ err: error }, 'two who talk could not be released to the PBX, they are watched');
  }
  if (released === 'released') return released;
  pairs.watch(pbx, parties);
  // Whoever hung up in the meantime was told to us, and not to the pair.
  const left = gone();
  if (left !== null) pairs.partyGone(parties, left);
  return released;
}
