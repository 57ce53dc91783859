import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';
import type { ChannelFacts } from './channel-facts.js';
import { APP_VARIABLE, EXTENSION_VARIABLE, NO_APP } from './channel-facts.js';

/** A park takes 20 to 60 ms; a loaded switch is given more. */
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

  /**
   * Parks a channel anew, which ends whatever it does; resolves when CHANNEL_PARK has come. One at a time for a channel. By a transfer:
   * `uuid_park` on a channel that is parked by itself leaves it in no state at all, deaf and mute (1.11).
   */
  async park(facts: ChannelFacts): Promise<void> {
    const { channelId } = facts;
    if (this.#waiters.has(channelId)) throw new LinecardError('CALL_STATE', `channel ${channelId} is being parked`);
    const parked = new Promise<void>((resolve, reject) => {
      const alarm = this.#clock.setAlarm(PARK_TIME_LIMIT_MS, () => {
        reject(new LinecardError('PBX_TIMEOUT', `FreeSWITCH did not park the caller within ${PARK_TIME_LIMIT_MS} ms`));
      });
      this.#waiters.set(channelId, { resolve, reject, alarm });
    });
    try {
      await Promise.all([this.#transferToPark(facts), parked]);
    } finally {
      this.#waiters.get(channelId)?.alarm.cancel();
      this.#waiters.delete(channelId);
    }
  }

  isAwaited(channelId: ChannelId): boolean {
    return this.#waiters.has(channelId);
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

  async #transferToPark(facts: ChannelFacts): Promise<void> {
    const { channelId, extension, context } = facts;
    // The transfer changes the dialled number, by which a later process of ours would not know whose call this is.
    await this.#run(channelId, `uuid_setvar ${channelId} ${EXTENSION_VARIABLE} ${word(extension)}`);
    await this.#run(channelId, `uuid_transfer ${channelId} ${wayToPark(facts)} inline ${word(context)}`);
  }
}

/**
 * The actions that park a channel: those of the drop-in file, so that the fallback comes after `socket` here, too; `park` where the dialplan
 * did not come by it.
 */
export function wayToPark({ socket, fallback, context }: ChannelFacts): string {
  if (socket === null || fallback === null || !/^[\w.:[\]-]+ async full$/.test(socket)) return 'park';
  return `'m:^:socket:${socket}^set:${APP_VARIABLE}=${NO_APP}^transfer:${word(fallback)} XML ${word(context)}'`;
}

/** An argument that is one word: what a caller or a model said cannot add another. */
export function word(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_+*#.@-]/g, '');
}
