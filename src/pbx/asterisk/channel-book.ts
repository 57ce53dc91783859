import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';
import type { HangUpCause } from '../port.js';

type Entry = {
  readonly enteredAtMs: number;
  /** When the last digit was pressed, as the PBX said: a repeated event has the same. */
  digitStamp: string;
  /** Set while the channel is on its way back to the dialplan: that it leaves us is no news then. */
  departure: Departure | null;
};

type Departure = { goneCause: HangUpCause | null };

/** A leg that rings: what the PBX said last of it, and since when it is sure to be listed; null while the PBX is only asked for it. */
type Ringing = { status: string; madeAtMs: number | null };

/** What a list of channels shows and no event told: legs that were picked up meanwhile, and channels that are no more. */
export type Missed = { readonly answered: readonly ChannelId[]; readonly gone: readonly ChannelId[] };

type Arrival = { readonly resolve: () => void; readonly reject: (error: LinecardError) => void; readonly alarm: Alarm };

/**
 * The channels that are in our application, so that each is offered once, and said to be gone once, however often and in whatever
 * order the PBX tells.
 */
export class ChannelBook {
  readonly #clock: Clock;
  readonly #present = new Map<ChannelId, Entry>();
  /** Media channels that were asked for and have not come in yet. */
  readonly #arrivals = new Map<ChannelId, Arrival>();
  readonly #dialled = new Map<ChannelId, Ringing>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Channels and arrivals: for tests of leaks. */
  get size(): number {
    return this.#present.size + this.#arrivals.size + this.#dialled.size;
  }

  has(channelId: ChannelId): boolean {
    return this.#present.has(channelId);
  }

  /** Returns `known` when it had been told before. */
  enter(channelId: ChannelId): 'new' | 'awaited' | 'answered' | 'known' {
    if (this.#present.has(channelId)) return 'known';
    this.#present.set(channelId, { enteredAtMs: this.#clock.nowMs(), digitStamp: '', departure: null });
    if (this.#dialled.delete(channelId)) return 'answered';
    const arrival = this.#arrivals.get(channelId);
    if (arrival === undefined) return 'new';
    arrival.resolve();
    return 'awaited';
  }

  /** A leg is about to be dialled: it is told when it answers, and when it ends before that. */
  dial(channelId: ChannelId): void {
    this.#dialled.set(channelId, { status: '', madeAtMs: null });
  }

  /** The PBX has made it, and rings. */
  dialled(channelId: ChannelId): void {
    const ringing = this.#dialled.get(channelId);
    if (ringing !== undefined) ringing.madeAtMs = this.#clock.nowMs();
  }

  dialStatus(channelId: ChannelId, status: string): void {
    const ringing = this.#dialled.get(channelId);
    if (ringing !== undefined) ringing.status = status;
  }

  /** The PBX did not even begin to ring it: nothing will be told. */
  undial(channelId: ChannelId): void {
    this.#dialled.delete(channelId);
  }

  /** Returns the cause when control has to hear of it, else null. */
  leave(channelId: ChannelId, cause: HangUpCause): HangUpCause | null {
    this.#arrivals
      .get(channelId)
      ?.reject(new LinecardError('PBX_REFUSED', `the media channel ended before it came in (${cause})`));
    const ringing = this.#dialled.get(channelId);
    if (ringing !== undefined) {
      this.#dialled.delete(channelId);
      return causeOfDial(ringing.status, cause);
    }
    const entry = this.#present.get(channelId);
    if (entry === undefined) return null;
    this.#present.delete(channelId);
    if (entry.departure === null) return cause;
    entry.departure.goneCause = cause;
    return null;
  }

  /** A digit of a channel of ours; `known` when this very press was told before. */
  press(channelId: ChannelId, stamp: string): 'news' | 'known' {
    const entry = this.#present.get(channelId);
    if (entry === undefined || (stamp !== '' && entry.digitStamp === stamp)) return 'known';
    entry.digitStamp = stamp;
    return 'news';
  }

  /** From here on the channel may leave without a word. `cancel` returns why it left meanwhile, null when it is still here. */
  depart(channelId: ChannelId): { cancel(): HangUpCause | null } {
    const entry = this.#present.get(channelId);
    const departure: Departure = { goneCause: null };
    if (entry !== undefined) entry.departure = departure;
    return {
      cancel: () => {
        if (entry !== undefined) entry.departure = null;
        return departure.goneCause;
      },
    };
  }

  /** Resolves when the channel comes in. Call it before it is asked for: the event may be faster than the reply. */
  async expect(channelId: ChannelId, limitMs: number): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        const alarm = this.#clock.setAlarm(limitMs, () => {
          reject(new LinecardError('PBX_TIMEOUT', `the media channel did not come in within ${limitMs} ms`));
        });
        this.#arrivals.set(channelId, { resolve, reject, alarm });
      });
    } finally {
      this.giveUp(channelId);
    }
  }

  /** Nobody waits for it any more; the promise of `expect` is left to whoever holds it. */
  giveUp(channelId: ChannelId): void {
    const arrival = this.#arrivals.get(channelId);
    if (arrival === undefined) return;
    this.#arrivals.delete(channelId);
    arrival.alarm.cancel();
    arrival.reject(new LinecardError('PBX_REFUSED', 'the media channel is not wanted any more'));
  }

  /**
   * What is really there, listed at or after `askedAtMs`: events may have been lost. `here` are the channels in our application, `ringing` those that
   * are on their way into it.
   */
  correct(here: readonly ChannelId[], ringing: readonly ChannelId[], askedAtMs: number): Missed {
    const listed = new Set(here);
    const onTheWay = new Set(ringing);
    const missed = { answered: [] as ChannelId[], gone: [] as ChannelId[] };
    for (const [channelId, { enteredAtMs, departure }] of this.#present) {
      if (listed.has(channelId) || enteredAtMs >= askedAtMs) continue;
      this.#present.delete(channelId);
      if (departure === null) missed.gone.push(channelId);
    }
    for (const [channelId, { madeAtMs }] of this.#dialled) {
      if (listed.has(channelId) || onTheWay.has(channelId) || madeAtMs === null || madeAtMs >= askedAtMs) continue;
      this.#dialled.delete(channelId);
      missed.gone.push(channelId);
    }
    for (const channelId of listed) {
      if (!this.#arrivals.has(channelId) && this.enter(channelId) === 'answered') missed.answered.push(channelId);
    }
    return missed;
  }

  /** The connection is lost: no event will come for those. */
  failArrivals(reason: string): void {
    for (const arrival of this.#arrivals.values()) arrival.reject(new LinecardError('PBX_UNREACHABLE', reason));
  }
}

/**
 * Why a leg that was never answered ended. A dialplan that runs `Busy()` or `Congestion()` ends it without a cause
 * (app `Dial` of Asterisk 22), but the dial status tells; one that just hangs up, after it has rung, was not answered.
 */
function causeOfDial(status: string, cause: HangUpCause): HangUpCause {
  if (cause !== 'normal') return cause;
  if (status === 'BUSY') return 'busy';
  return status === 'CONGESTION' || status === 'CHANUNAVAIL' ? 'unreachable' : 'noAnswer';
}
