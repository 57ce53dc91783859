import { assertNever } from '../../core/assert-never.js';
import { toLinecardError } from '../../core/errors.js';
import type { BridgeId, CallId, ChannelId } from '../../core/ids.js';
import { newChannelId } from '../../core/ids.js';
import type { ConsultPbx, DialLeg, HangUpCause } from '../../pbx/port.js';
import type { ChannelEvent } from '../leg-routes.js';
import type { BriefingLinkOptions } from './briefing-link.js';
import { BriefingLink } from './briefing-link.js';
import type { Refusal, TransferEvent } from './transfer-machine.js';

export type PersonLegOptions = Omit<BriefingLinkOptions, 'personChannelId'> & {
  readonly consult: ConsultPbx;
  readonly attempt: number;
  readonly dial: Omit<DialLeg, 'channelId'>;
  readonly onEvent: (event: TransferEvent) => void;
};

/** One person who is rung for a caller: their channel, and what they hear until they take the call or are let go. */
export class PersonLeg {
  readonly channelId: ChannelId = newChannelId();
  readonly #options: PersonLegOptions;
  readonly #removeRoute: () => void;
  #briefing: BriefingLink | null = null;
  #dialling: Promise<void> = Promise.resolve();
  #state: 'live' | 'gone' | 'hungUp' | 'released' = 'live';

  constructor(options: PersonLegOptions) {
    const { pbx, routes } = options;
    this.#options = options;
    this.#removeRoute = routes.addChannel(pbx, this.channelId, (event) => this.#onPbx(event));
  }

  /** The media session that the person hears; null when there is none. */
  get mediaCallId(): CallId | null {
    return this.#briefing?.callId ?? null;
  }

  /** It ended by itself. */
  get gone(): boolean {
    return this.#state === 'gone';
  }

  /** What of the PBX belongs to it: for the leak check. */
  get belongings(): { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] } {
    const media = this.#briefing?.pbxMedia ?? null;
    return {
      channels: media === null ? [this.channelId] : [this.channelId, media.mediaChannelId],
      bridges: media === null ? [] : [media.bridgeId],
    };
  }

  dial(): void {
    this.#dialling = this.#dial();
  }

  openBriefing(): void {
    void this.#openBriefing();
  }

  say(text: string): void {
    this.#briefing?.say(text);
  }

  /** The voice leaves, the person stays. Never rejects. */
  async closeBriefing(): Promise<void> {
    await this.#briefing?.close();
  }

  /** It is the PBX's from now on. */
  async release(): Promise<void> {
    this.#state = 'released';
    this.#removeRoute();
    await this.closeBriefing();
  }

  /** Also one that is only being made. Idempotent, never rejects. */
  async hangUp(): Promise<void> {
    if (this.#state === 'hungUp' || this.#state === 'released') return;
    const wasGone = this.#state === 'gone';
    this.#state = 'hungUp';
    const { pbx, log } = this.#options;
    const closing = this.closeBriefing();
    try {
      // A channel that is hung up before it is made would ring afterwards.
      await this.#dialling;
      if (!wasGone) await pbx.hangUp(this.channelId);
    } catch (error) {
      log.warn({ err: error, channelId: this.channelId }, 'leg of a transfer could not be hung up');
    }
    this.#removeRoute();
    await closing;
  }

  async #dial(): Promise<void> {
    const { consult, dial, log } = this.#options;
    try {
      await consult.dial({ ...dial, channelId: this.channelId });
    } catch (thrown) {
      const error = toLinecardError(thrown);
      log.warn({ err: error, to: dial.extension }, 'person could not be rung');
      this.#gone(error.code === 'PBX_REFUSED' || error.code === 'PBX_UNSUPPORTED' ? 'unreachable' : 'failed');
    }
  }

  async #openBriefing(): Promise<void> {
    const { attempt, onEvent, log } = this.#options;
    const briefing = new BriefingLink(
      { ...this.#options, personChannelId: this.channelId },
      {
        spoken: () => onEvent({ kind: 'spoken', attempt }),
        said: (text) => onEvent({ kind: 'said', attempt, text }),
        lost: (detail) => {
          log.warn({ detail }, 'voice of a briefing was lost');
          onEvent({ kind: 'briefingFailed', attempt });
        },
      },
    );
    this.#briefing = briefing;
    try {
      await briefing.open();
      onEvent({ kind: 'briefingOpened', attempt });
    } catch (error) {
      if (this.#state === 'live') log.warn({ err: error }, 'person could not be briefed');
      onEvent({ kind: 'briefingFailed', attempt });
    }
  }

  #onPbx(event: ChannelEvent): void {
    const { attempt, onEvent } = this.#options;
    switch (event.kind) {
      case 'legAnswered':
        onEvent({ kind: 'answered', attempt });
        break;
      case 'digitPressed':
        onEvent({ kind: 'digit', attempt, digit: event.digit });
        break;
      case 'channelGone':
        this.#gone(refusalOf(event.cause));
        break;
      case 'holdChanged':
        // A person who puts the briefing on hold hears it no more, and is nobody soon.
        break;
      default:
        assertNever(event);
    }
  }

  #gone(refusal: Refusal): void {
    if (this.#state === 'live') this.#state = 'gone';
    this.#options.onEvent({ kind: 'legGone', attempt: this.#options.attempt, refusal });
  }
}

function refusalOf(cause: HangUpCause): Refusal {
  switch (cause) {
    case 'busy':
    case 'declined':
    case 'noAnswer':
    case 'unreachable':
    case 'failed':
      return cause;
    case 'cancelled':
      return 'noAnswer';
    case 'lost':
      return 'failed';
    case 'normal':
      return 'hungUp';
    default:
      return assertNever(cause);
  }
}
