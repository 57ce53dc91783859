import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';

/** `uuid_park` parks within 50 ms; a loaded switch is given more. */
const PARK_TIME_LIMIT_MS = 2000;

type Waiter = {
  readonly resolve: () => void;
  readonly reject: (error: LinecardError) => void;
  readonly alarm: Alarm;
};

/** Runs an `api` command about a channel; CHANNEL_GONE when there is no such channel any more. */
export type RunOnChannel = (channelId: ChannelId, line: string) => Promise<string>;

/** Parks that were asked for and not told of yet. */
export class Parking {
  readonly #run: RunOnChannel;
  readonly #clock: Clock;
  readonly #waiters = new Map<ChannelId, Waiter>();

  constructor(options: { readonly run: RunOnChannel; readonly clock: Clock }) {
    this.#run = options.run;
    this.#clock = options.clock;
  }

  /** Parks a channel (again), which ends whatever it does; resolves when CHANNEL_PARK has come. One at a time for a channel. */
  async park(channelId: ChannelId): Promise<void> {
    if (this.#waiters.has(channelId)) throw new LinecardError('CALL_STATE', `channel ${channelId} is being parked`);
    const parked = new Promise<void>((resolve, reject) => {
      const alarm = this.#clock.setAlarm(PARK_TIME_LIMIT_MS, () => {
        reject(new LinecardError('PBX_TIMEOUT', `FreeSWITCH did not park the caller within ${PARK_TIME_LIMIT_MS} ms`));
      });
      this.#waiters.set(channelId, { resolve, reject, alarm });
    });
    try {
      await Promise.all([this.#run(channelId, `uuid_park ${channelId}`), parked]);
    } finally {
      this.#waiters.get(channelId)?.alarm.cancel();
      this.#waiters.delete(channelId);
    }
  }

  parked(channelId: ChannelId): void {
    this.#waiters.get(channelId)?.resolve();
  }

  fail(channelId: ChannelId, error: LinecardError): void {
    this.#waiters.get(channelId)?.reject(error);
  }

  failAll(error: LinecardError): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error);
  }
}
