import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';

type Waiter = {
  readonly resolve: () => void;
  readonly reject: (error: LinecardError) => void;
  readonly alarm: Alarm;
};

export type ExpectedOptions = {
  readonly clock: Clock;
  readonly limitMs: number;
  /** What FreeSWITCH did not do when the time is up: `did not park the caller`. */
  readonly failure: string;
};

/** Things that FreeSWITCH was asked for and has not told of yet: a reply says only that it heard. One at a time for a channel. */
export class Expected {
  readonly #options: ExpectedOptions;
  readonly #waiters = new Map<ChannelId, Waiter>();

  constructor(options: ExpectedOptions) {
    this.#options = options;
  }

  has(channelId: ChannelId): boolean {
    return this.#waiters.has(channelId);
  }

  /** Asks, and resolves when it was told of, however early. Rejects with what `ask`, `fail` or the time limit says. */
  async after(channelId: ChannelId, ask: () => Promise<unknown>): Promise<void> {
    if (this.#waiters.has(channelId)) {
      throw new LinecardError('CALL_STATE', `something is asked of channel ${channelId} already`);
    }
    const told = new Promise<void>((resolve, reject) => {
      const { clock, limitMs, failure } = this.#options;
      const alarm = clock.setAlarm(limitMs, () => {
        reject(new LinecardError('PBX_TIMEOUT', `FreeSWITCH ${failure} within ${limitMs} ms`));
      });
      this.#waiters.set(channelId, { resolve, reject, alarm });
    });
    try {
      await Promise.all([ask(), told]);
    } finally {
      this.#waiters.get(channelId)?.alarm.cancel();
      this.#waiters.delete(channelId);
    }
  }

  met(channelId: ChannelId): void {
    this.#waiters.get(channelId)?.resolve();
  }

  fail(channelId: ChannelId, error: LinecardError): void {
    this.#waiters.get(channelId)?.reject(error);
  }

  failAll(error: LinecardError): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error);
  }
}
