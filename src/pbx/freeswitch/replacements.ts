import type { Alarm, Clock } from '../../core/clock.js';
import type { ChannelId } from '../../core/ids.js';

/** What FreeSWITCH says of both ends when a phone brings its two calls together (REFER with Replaces, `sofia.c`). */
const BROUGHT_TOGETHER = 'ATTENDED_TRANSFER';
/** Whoever comes in their place is sent to the dialplan a moment before, and parked within 50 to 100 ms; the media thread misses the audio after 500. */
const ARRIVAL_LIMIT_MS = 400;

export type ReplacementsOptions = {
  readonly clock: Clock;
  /** Whom the transfer of this channel's phone named; null where there is none, or no such channel any more. */
  readonly askRefer: (channelId: ChannelId) => Promise<ChannelId | null>;
  /** Nobody came in their place. */
  readonly onGone: (channelId: ChannelId) => void;
};

type Leaver = { readonly alarm: Alarm; readonly referredTo: ChannelId | undefined };

/**
 * Callers whose phone gave their call with us to whoever it had on the other line. FreeSWITCH ends the caller's channel and sends the other to the
 * dialplan, as if they had dialled: who they are is told by whom they talked with last.
 */
export class Replacements {
  readonly #options: ReplacementsOptions;
  readonly #leaving = new Map<ChannelId, Leaver>();
  /** A phone's other call, by which it was pressed, and the call with us that it named. */
  readonly #named = new Map<ChannelId, ChannelId>();

  constructor(options: ReplacementsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#leaving.size + this.#named.size;
  }

  isLeaving(channelId: ChannelId): boolean {
    return this.#leaving.has(channelId);
  }

  /** A channel says that its phone named another one's call, which is a caller's of ours. */
  named(channelId: ChannelId, caller: ChannelId): void {
    this.#named.set(channelId, caller);
  }

  /** A caller has hung up. `yes`: what comes of it is told later. */
  leaves(channelId: ChannelId, cause: string | undefined, referredTo: ChannelId | undefined): 'yes' | 'no' {
    if (cause !== BROUGHT_TOGETHER) {
      this.#forget(channelId);
      return 'no';
    }
    const alarm = this.#options.clock.setAlarm(ARRIVAL_LIMIT_MS, () => {
      this.#forget(channelId);
      this.#options.onGone(channelId);
    });
    this.#leaving.set(channelId, { alarm, referredTo });
    return 'yes';
  }

  /** Of any channel: one in whose place somebody may still come is waited for. */
  ended(channelId: ChannelId): void {
    if (!this.#leaving.has(channelId)) this.#forget(channelId);
  }

  /** In whose place somebody comes who talked with this channel last; null: in nobody's. Never rejects. */
  async replacedBy(talkedWith: ChannelId): Promise<ChannelId | null> {
    const known = this.#knownBy(talkedWith);
    const replaced = known ?? (await this.#options.askRefer(talkedWith)) ?? this.#knownBy(talkedWith);
    if (replaced === null || !this.#leaving.has(replaced)) return null;
    this.#forget(replaced);
    return replaced;
  }

  #knownBy(talkedWith: ChannelId): ChannelId | null {
    const named = this.#named.get(talkedWith);
    if (named !== undefined) return named;
    for (const [caller, { referredTo }] of this.#leaving) if (referredTo === talkedWith) return caller;
    return null;
  }

  #forget(caller: ChannelId): void {
    this.#leaving.get(caller)?.alarm.cancel();
    this.#leaving.delete(caller);
    for (const [channelId, named] of this.#named) if (named === caller) this.#named.delete(channelId);
  }
}
