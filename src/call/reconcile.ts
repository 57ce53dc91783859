import type { Clock } from '../core/clock.js';
import type { BridgeId, ChannelId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import type { CallJournal, UnfinishedCall } from '../journal/port.js';
import type { CallOffer, ChannelInfo, Parties, Pbx, PbxSnapshot } from '../pbx/port.js';
import type { CallSession } from './call-session.js';
import type { EarlierCaller } from './earlier-calls.js';
import type { TalkingPairs } from './transfer/talking-pairs.js';

/** Younger channels and calls are still being set up; what they lack is not a leak. */
const SETTLING_MS = 10_000;

/** What an admin reads: at the first run an earlier process left it, which is no surprise; later it is a leak. */
const WORDS = {
  first: {
    level: 'info',
    bridge: 'bridge of an earlier process taken away',
    channel: 'channel of an earlier process hung up',
    caller: 'caller of an earlier process is served again',
  },
  later: {
    level: 'warn',
    bridge: 'bridge without a call taken away',
    channel: 'channel without a call hung up',
    caller: 'caller without a call is served again',
  },
} as const;

type Belongings = { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] };

export type ReconcileOptions = {
  readonly pbx: Pbx;
  /** The calls at this moment. */
  readonly calls: () => readonly CallSession[];
  /** What belongs to phones that we serve without a call. */
  readonly others: () => readonly Belongings[];
  readonly pairs: TalkingPairs;
  /** A caller whom nobody serves: an earlier process of ours did. */
  readonly offer: (offer: CallOffer) => void;
  readonly journal: Pick<CallJournal, 'unfinished'>;
  /** A call of an earlier process, whose caller hung up meanwhile or talks with a person. */
  readonly onOver: (call: UnfinishedCall, caller: EarlierCaller) => void;
  /** What has become of a caller whom the PBX does not have any more. */
  readonly absent: 'hung up' | 'lost';
  readonly clock: Clock;
  readonly log: Logger;
  /** Bridges that were empty at the run before; null at the first, when what nobody knows was left by an earlier process, however young it is. */
  readonly emptyBefore: ReadonlySet<BridgeId> | null;
  /** Told of those that are empty now. */
  readonly onEmpty: (bridges: ReadonlySet<BridgeId>) => void;
};

/**
 * Compares what the PBX has with what we know: calls whose channel is gone end, callers without a call are served again, and
 * bridges and media channels of ours that belong to nobody are taken away. Runs at every connect and every 30 s. Rejects when the PBX does not tell what it has:
 * callers may wait for the next run. What cannot be taken away is left to the next one, and no caller waits for another's.
 */
export async function reconcile(options: ReconcileOptions): Promise<void> {
  const { pbx, clock, log, emptyBefore } = options;
  // Calls that began while the snapshot was under way are none of its business.
  const before = options.calls().filter((call) => call.line?.pbx === pbx);
  const snapshot = await pbx.snapshot();
  const present = new Set(snapshot.channels.map((channel) => channel.channelId));
  for (const call of before) {
    if (call.line === null || present.has(call.line.offer.channelId)) continue;
    const { channelId } = call.line.offer;
    if (options.absent === 'hung up') {
      log.info({ callId: call.id }, 'the caller hung up while the PBX could not tell');
      call.onPbx({ kind: 'channelGone', channelId, cause: 'normal' });
    } else {
      log.warn({ callId: call.id }, 'call ended because the PBX no longer has its channel');
      call.lost();
    }
  }

  const now = options.calls().filter((call) => call.line?.pbx === pbx);
  const served = new Set(now.map((call) => call.line?.offer.channelId));
  const unfinished = options.journal.unfinished(pbx.name);
  const words = WORDS[emptyBefore === null ? 'first' : 'later'];
  if (emptyBefore === null && unfinished.length > 0) {
    log.warn({ calls: unfinished.length }, 'an earlier process died in the middle of calls');
  }
  const company = new Set(unfinished.flatMap((call) => call.company));
  await options.pairs.check(pbx, present);
  for (const parties of partiesOf(snapshot, served, company)) options.pairs.watch(pbx, parties);
  // A browser's call has no channel of its own here, but a person who was rung for it has.
  const owned = [...options.calls().map((call) => call.belongings), ...options.others(), options.pairs.belongings(pbx)];
  const channels = new Set(owned.flatMap((belongings) => belongings.channels));
  const bridges = new Set(owned.flatMap((belongings) => belongings.bridges));
  for (const call of unfinished) {
    if (now.some(({ id }) => id === call.record.id)) continue;
    if (call.channelId === null || !present.has(call.channelId)) options.onOver(call, 'gone');
    else if (channels.has(call.channelId)) options.onOver(call, 'with a person');
  }
  const settlingMs = emptyBefore === null ? 0 : SETTLING_MS;
  const settled = (createdAtMs: number): boolean => clock.wallMs() - createdAtMs >= settlingMs;
  const membersOf = ({ channels: ids }: PbxSnapshot['bridges'][number]): readonly ChannelInfo[] =>
    snapshot.channels.filter((channel) => ids.includes(channel.channelId));
  const empty = snapshot.bridges.filter((bridge) => membersOf(bridge).length === 0);
  options.onEmpty(new Set(empty.map(({ bridgeId }) => bridgeId)));

  const takingAway = new Map<BridgeId, Promise<void>>();
  for (const bridge of snapshot.bridges) {
    const { bridgeId } = bridge;
    const members = membersOf(bridge);
    if (bridges.has(bridgeId) || !members.every((channel) => settled(channel.createdAtMs))) continue;
    // A call that is just beginning or ending has an empty one for a moment.
    if (members.length === 0 && emptyBefore !== null && !emptyBefore.has(bridgeId)) continue;
    const mediaChannelId = members.find((channel) => channel.owner === 'linecard')?.channelId ?? null;
    log[words.level]({ bridgeId, mediaChannelId }, words.bridge);
    takingAway.set(bridgeId, orNextTime(pbx.closeMedia({ bridgeId, mediaChannelId }), log));
  }
  const work: Promise<void>[] = [...takingAway.values()];
  for (const channel of snapshot.channels) {
    if (channel.owner === 'linecard') {
      if (channels.has(channel.channelId) || !settled(channel.createdAtMs)) continue;
      log[words.level]({ channelId: channel.channelId }, words.channel);
      work.push(orNextTime(pbx.hangUp(channel.channelId), log));
    } else if (!served.has(channel.channelId) && !channels.has(channel.channelId) && channel.extension !== null) {
      const callId = unfinished.find((call) => call.channelId === channel.channelId)?.record.id;
      log[words.level]({ channelId: channel.channelId, callId }, words.caller);
      const offer: CallOffer = {
        channelId: channel.channelId,
        caller: channel.caller,
        extension: channel.extension,
        context: channel.context,
        answered: channel.state === 'up' ? 'yes' : 'no',
      };
      const bridge = snapshot.bridges.find((each) => each.channels.includes(channel.channelId));
      const leaving = bridge === undefined ? undefined : takingAway.get(bridge.bridgeId);
      if (leaving === undefined) options.offer(offer);
      else work.push(leaving.then(() => options.offer(offer)));
    }
  }
  await Promise.all(work);
}

async function orNextTime(work: Promise<void>, log: Logger): Promise<void> {
  try {
    await work;
  } catch (error) {
    log.warn({ err: error }, 'what is left of a call could not be taken away; the next run tries again');
  }
}

/**
 * Callers and people who talk in a bridge of ours, and whom no call of ours knows: an earlier process connected them. In a conference its agent was the
 * third, whom nobody misses while the two talk.
 */
function partiesOf(
  { bridges, channels }: PbxSnapshot,
  served: ReadonlySet<ChannelId | undefined>,
  company: ReadonlySet<ChannelId>,
): Parties[] {
  return bridges.flatMap(({ bridgeId, channels: ids, holds }) => {
    const members = channels.filter(({ channelId }) => ids.includes(channelId));
    const caller = members.find(({ owner }) => owner === 'pbx');
    const person = members.find(
      ({ owner, channelId }) => owner === 'linecard' && (holds === 'parties' || company.has(channelId)),
    );
    if (caller === undefined || person === undefined || served.has(caller.channelId)) return [];
    return [{ bridgeId, callerChannelId: caller.channelId, personChannelId: person.channelId }];
  });
}
