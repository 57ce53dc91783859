import type { Outcome } from '../core/calls.js';
import type { LinecardError } from '../core/errors.js';
import { toLinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { Line } from './call-services.js';
import type { CallLedger } from './ledger.js';
import type { MediaLink } from './media-link.js';

/** A PBX that is busy answers late: each try takes some seconds, and the caller would be hung up otherwise. */
const HAND_BACK_TRIES = 3;

export type CallEndingOptions = {
  readonly line: Line | null;
  readonly ledger: CallLedger;
  readonly media: MediaLink;
  /** The caller hears music of ours, which the fallback's ringing must not. */
  readonly hearsMusic: () => boolean;
  /** Told once, before anything is closed: whatever is under way with others is given up. */
  readonly onEnding: () => void;
  /** Told once, when the call is over for us. */
  readonly onEnded: () => void;
  /** Told after it when the PBX did not do what it was told: the caller may still be there, with nobody. */
  readonly onLeftBehind: () => void;
  readonly log: Logger;
};

/** The ways out of one call. Whoever comes first ends it; everything after that is ignored. None of them rejects. */
export class CallEnding {
  readonly #options: CallEndingOptions;

  constructor(options: CallEndingOptions) {
    this.#options = options;
  }

  get hasEnded(): boolean {
    return this.#options.ledger.outcome !== null;
  }

  /** The caller is out of our hands already, or has no channel that we could hang up. */
  async end(outcome: Outcome): Promise<void> {
    if (this.hasEnded) return;
    const { ledger, media, log } = this.#options;
    this.#options.onEnding();
    // The event first: a browser's page is told of it over the leg that closes.
    ledger.ended(outcome);
    media.close(outcome.result === 'completed' || outcome.result === 'abandoned' ? 'completed' : 'handover');
    this.#options.onEnded();
    try {
      await media.closePbxMedia();
    } catch (error) {
      // Not lost: the reconcile run finds what is left when the PBX answers again.
      log.warn({ err: error }, 'media of the call could not be taken away');
    }
  }

  async hangUp(outcome: Outcome): Promise<void> {
    if (this.hasEnded) return;
    const { line, log } = this.#options;
    const ending = this.end(outcome);
    try {
      await line?.pbx.hangUp(line.offer.channelId);
    } catch (error) {
      log.warn({ err: error }, 'channel could not be hung up');
    }
    await ending;
  }

  /** To a person; hung up where the extension has nobody, or nobody could be reached. */
  async toFallback(outcome: Outcome): Promise<void> {
    const { line, ledger, log } = this.#options;
    if (line === null) {
      await this.end(outcome);
      return;
    }
    if (line.fallback === null) {
      await this.hangUp({ ...outcome, reason: `${outcome.reason}; the extension has no fallback` });
      return;
    }
    ledger.changeState('transferring');
    if (this.#options.hearsMusic()) await this.endMusic(line);
    try {
      await this.#handBack(line, line.fallback);
      await this.end({ ...outcome, reason: `${outcome.reason}; the caller went to ${line.fallback}` });
    } catch (thrown) {
      const error = toLinecardError(thrown);
      const failed = { ...outcome, reason: `${outcome.reason}; the fallback failed: ${error.message}` };
      if (error.code !== 'CHANNEL_GONE') log.error({ err: error }, 'caller could not be brought to the fallback');
      if (error.code !== 'CHANNEL_GONE' && !error.retryable) {
        await this.hangUp(failed);
        return;
      }
      // Hung up, or in the dialplan already: in either case not ours to hang up.
      await this.end(failed);
      if (error.retryable) this.#options.onLeftBehind();
    }
  }

  /** A PBX that does not answer in time may have done it all the same; then the channel has left us when it is asked again. */
  async #handBack({ pbx, offer }: Line, extension: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await pbx.handBack(offer.channelId, { context: offer.context, extension });
        return;
      } catch (thrown) {
        const { code } = toLinecardError(thrown);
        if (code === 'CHANNEL_GONE' && attempt > 1) return;
        if (code !== 'PBX_TIMEOUT' || attempt === HAND_BACK_TRIES || this.hasEnded) throw thrown;
      }
    }
  }

  /** What happened leaves the caller without an agent. */
  async cannotServe(error: LinecardError): Promise<void> {
    if (this.hasEnded) return;
    if (error.code === 'CHANNEL_GONE') {
      await this.callerGone();
      return;
    }
    this.#options.log.error({ err: error }, 'call cannot be served');
    await this.toFallback({ result: 'failed', fault: error.fault, reason: error.message });
  }

  async callerGone(): Promise<void> {
    await this.end(
      this.#options.ledger.answered
        ? { result: 'completed', fault: 'none', reason: 'the caller hung up' }
        : { result: 'abandoned', fault: 'caller', reason: 'the caller hung up before the answer' },
    );
  }

  async beginMusic({ pbx, offer }: Line): Promise<void> {
    try {
      await pbx.hold(offer.channelId, 'held');
    } catch (error) {
      this.#options.log.warn({ err: error }, 'music could not be begun');
    }
  }

  async endMusic({ pbx, offer }: Line): Promise<void> {
    try {
      await pbx.hold(offer.channelId, 'resumed');
    } catch (error) {
      this.#options.log.debug({ err: error }, 'music could not be ended, it may not have been on');
    }
  }
}
