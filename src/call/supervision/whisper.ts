import type { Caller } from '../../core/calls.js';
import type { Clock } from '../../core/clock.js';
import type { BridgeId, ChannelId } from '../../core/ids.js';
import { newChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { MediaEngine } from '../../engine/port.js';
import { EAR_AGENT } from '../../engine/port.js';
import type { Pbx } from '../../pbx/port.js';
import type { LegRoutes } from '../leg-routes.js';
import { BriefingLink } from '../transfer/briefing-link.js';

export type WhisperOptions = {
  readonly pbx: Pbx;
  readonly overhear: NonNullable<NonNullable<Pbx['consult']>['overhear']>;
  readonly personChannelId: ChannelId;
  /** Whose ears understand the supervisor. */
  readonly agent: string;
  readonly caller: Caller;
  readonly engine: MediaEngine;
  readonly routes: LegRoutes;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onSaid: (text: string) => void;
};

/** What a supervisor says, as words: only their own voice, heard by a media session of its own and by nobody else. */
export class Whisper {
  readonly #options: WhisperOptions;
  readonly #snoopChannelId = newChannelId();
  readonly #ear: BriefingLink;

  constructor(options: WhisperOptions) {
    const { agent, log, onSaid } = options;
    this.#options = options;
    this.#ear = new BriefingLink(
      {
        ...options,
        agent: `${EAR_AGENT}${agent}`,
        personChannelId: this.#snoopChannelId,
        extension: null,
        beside: null,
      },
      {
        spoken: () => undefined,
        said: onSaid,
        lost: (detail) => log.warn({ detail }, 'a supervisor is not understood any more'),
      },
    );
  }

  /** What of the PBX belongs to it: for the leak check. */
  get belongings(): { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] } {
    const media = this.#ear.pbxMedia;
    return {
      channels: [this.#snoopChannelId, ...(media === null ? [] : [media.mediaChannelId])],
      bridges: media === null ? [] : [media.bridgeId],
    };
  }

  /** Resolves when the supervisor is heard. After a rejection only `close` is left. */
  async open(): Promise<void> {
    const { overhear, personChannelId } = this.#options;
    await overhear({ personChannelId, snoopChannelId: this.#snoopChannelId });
    await this.#ear.open();
  }

  /** Idempotent, never rejects. */
  async close(): Promise<void> {
    const { pbx, log } = this.#options;
    await this.#ear.close();
    try {
      await pbx.hangUp(this.#snoopChannelId);
    } catch (error) {
      log.warn({ err: error }, 'the ear at a supervisor could not be taken away');
    }
  }
}
