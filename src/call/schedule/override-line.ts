import type { Alarm, Clock } from '../../core/clock.js';
import { toLinecardError } from '../../core/errors.js';
import type { BridgeId, ChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { MediaEngine } from '../../engine/port.js';
import type { CallOffer, Pbx } from '../../pbx/port.js';
import type { LegRoutes } from '../leg-routes.js';
import type { ScheduleDesk } from '../port.js';
import { BriefingLink } from '../transfer/briefing-link.js';
import { overrideText } from './schedule-words.js';

/** Two sentences take five seconds; nobody waits longer for a voice that does not come. */
const LIMIT_MS = 20_000;

export type OverrideLineOptions = {
  readonly pbx: Pbx;
  readonly offer: CallOffer;
  readonly schedule: string;
  readonly schedules: ScheduleDesk;
  readonly engine: MediaEngine;
  readonly routes: LegRoutes;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told once, when nothing of it is left. */
  readonly onEnded: (line: OverrideLine) => void;
};

/** A phone of the house dialled the code of a schedule: it is changed, the phone hears how it is now, and is hung up. */
export class OverrideLine {
  readonly #options: OverrideLineOptions;
  readonly #voice: BriefingLink;
  readonly #removeRoute: () => void;
  readonly #alarm: Alarm;
  #ending = false;

  constructor(options: OverrideLineOptions) {
    const { pbx, offer, engine, routes, clock, log } = options;
    this.#options = options;
    this.#removeRoute = routes.addChannel(pbx, offer.channelId, ({ kind }) => {
      if (kind === 'channelGone') void this.#end('gone');
    });
    this.#voice = new BriefingLink(
      {
        pbx,
        personChannelId: offer.channelId,
        caller: offer.caller,
        extension: offer.extension,
        beside: null,
        engine,
        routes,
        clock,
        log,
      },
      {
        spoken: () => void this.#end('there'),
        said: () => undefined,
        lost: () => void this.#end('there'),
      },
    );
    this.#alarm = clock.setAlarm(LIMIT_MS, () => void this.#end('there'));
  }

  /** What of the PBX belongs to it, its caller's channel included. */
  get belongings(): { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] } {
    const media = this.#voice.pbxMedia;
    const { channelId } = this.#options.offer;
    return {
      channels: [channelId, ...(media === null ? [] : [media.mediaChannelId])],
      bridges: media === null ? [] : [media.bridgeId],
    };
  }

  /** Never rejects. The schedule is changed also where the voice cannot be heard. */
  async serve(): Promise<void> {
    const { pbx, offer, log } = this.#options;
    const text = await this.#change();
    try {
      if (offer.answered === 'no') await pbx.answer(offer.channelId);
      await this.#voice.open();
      this.#voice.say(text);
    } catch (error) {
      log.warn({ err: error }, 'who changed a schedule could not be told so');
      await this.#end('there');
    }
  }

  async #change(): Promise<string> {
    const { schedule, schedules, log } = this.#options;
    try {
      return overrideText(await schedules.toggle(schedule));
    } catch (error) {
      log.error({ err: toLinecardError(error), schedule }, 'schedule could not be changed by its code');
      return 'I am sorry, that did not work. The opening hours are as before.';
    }
  }

  async #end(caller: 'there' | 'gone'): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    const { pbx, offer, log, onEnded } = this.#options;
    this.#alarm.cancel();
    this.#removeRoute();
    await this.#voice.close();
    try {
      if (caller === 'there') await pbx.hangUp(offer.channelId);
    } catch (error) {
      log.warn({ err: error }, 'who changed a schedule could not be hung up');
    }
    onEnded(this);
  }
}
