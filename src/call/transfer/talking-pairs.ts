import type { BridgeId, ChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { Parties, Pbx } from '../../pbx/port.js';
import type { LegRoutes } from '../leg-routes.js';

type Pair = { readonly pbx: Pbx; readonly parties: Parties; readonly removeRoutes: () => void };

/**
 * Callers and people who talk in a bridge of ours because their PBX could not take them over: when one hangs up, so is the other. Kept apart from
 * the calls, which are over, and filled again after a restart.
 */
export class TalkingPairs {
  readonly #routes: LegRoutes;
  readonly #log: Logger;
  readonly #pairs = new Map<BridgeId, Pair>();

  constructor(options: { readonly routes: LegRoutes; readonly log: Logger }) {
    this.#routes = options.routes;
    this.#log = options.log;
  }

  get size(): number {
    return this.#pairs.size;
  }

  has(bridgeId: BridgeId): boolean {
    return this.#pairs.has(bridgeId);
  }

  /** Channels and bridges that a leak check leaves alone. */
  belongings(pbx: Pbx): { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] } {
    const pairs = [...this.#pairs.values()].filter((pair) => pair.pbx === pbx).map(({ parties }) => parties);
    return {
      channels: pairs.flatMap(({ callerChannelId, personChannelId }) => [callerChannelId, personChannelId]),
      bridges: pairs.map(({ bridgeId }) => bridgeId),
    };
  }

  /** Idempotent. */
  watch(pbx: Pbx, parties: Parties): void {
    if (this.#pairs.has(parties.bridgeId)) return;
    const { callerChannelId, personChannelId } = parties;
    const ways = [callerChannelId, personChannelId].map((channelId) =>
      this.#routes.addChannel(pbx, channelId, (event) => {
        if (event.kind === 'channelGone') this.partyGone(parties, channelId);
      }),
    );
    const removeRoutes = (): void => {
      for (const remove of ways) remove();
    };
    this.#pairs.set(parties.bridgeId, { pbx, parties, removeRoutes });
  }

  partyGone(parties: Parties, gone: ChannelId): void {
    const { callerChannelId, personChannelId } = parties;
    void this.#end(parties, gone === callerChannelId ? personChannelId : callerChannelId);
  }

  /** Pairs of this PBX of whom only one is left, by what a snapshot says, end. */
  async check(pbx: Pbx, present: ReadonlySet<ChannelId>): Promise<void> {
    for (const { pbx: of, parties } of [...this.#pairs.values()]) {
      const left = [parties.callerChannelId, parties.personChannelId].filter((channelId) => present.has(channelId));
      if (of === pbx && left.length < 2) await this.#end(parties, left[0] ?? null);
    }
  }

  async #end(parties: Parties, left: ChannelId | null): Promise<void> {
    const pair = this.#pairs.get(parties.bridgeId);
    if (pair === undefined) return;
    this.#pairs.delete(parties.bridgeId);
    pair.removeRoutes();
    try {
      if (left !== null) await pair.pbx.hangUp(left);
      await pair.pbx.closeMedia({ mediaChannelId: null, bridgeId: parties.bridgeId });
    } catch (error) {
      this.#log.warn({ err: error, bridgeId: parties.bridgeId }, 'two who talked could not be ended');
    }
  }
}
