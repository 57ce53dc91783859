import type { Clock } from '../core/clock.js';
import { wait } from '../core/clock.js';
import { toLinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { ReceivedSound, UplinkPbx } from '../pbx/port.js';
import type { Line } from './call-services.js';
import type { CallLedger } from './ledger.js';
import type { MediaLink } from './media-link.js';

export type UplinkCareOptions = {
  /** Null: the dialplan keeps the caller, and nobody can be asked. */
  readonly line: Line | null;
  readonly ledger: Pick<CallLedger, 'state' | 'callerUnheard'>;
  readonly link: Pick<MediaLink, 'pbxMedia' | 'connected'>;
  readonly clock: Clock;
  readonly log: Logger;
};

/** What the PBX said, and when. Null: it cannot tell; failed: it did not answer. */
type Look = { readonly atMs: number; readonly received: ReceivedSound | null | 'failed' };

/** Between the first two looks: at 60 ms a packet two have come. */
const FIRST_LOOK_MS = 120;
/** A party that sends nothing is looked at ever more seldom. One that comes back from another source is not heard for the longest pause at most. */
const SILENT_PAUSE_MS = 500;
const LONGEST_SILENT_PAUSE_MS = 2000;
/** At 60 ms a packet there are 16. Comfort noise (RFC 3389) comes up to ten times a second. */
const LEAST_PACKETS_PER_S = 12;
/** Keys (RFC 4733) and comfort noise have 4 to 11, the smallest codec of telephony (G.729) 20. */
const LEAST_BYTES_PER_PACKET = 12;
/** What was begun anew is heard after 20 to 60 ms, or never; on a machine that is busy it is told later. */
const EFFECT_MS = 800;
/** Doubled each time: what helps nothing must not be done often, and not for ever. */
const PAUSE_IN_VAIN_MS = 1000;
const MOST_IN_VAIN = 5;
/** Of a caller whom the dialplan keeps nothing is known, and a phone that is muted may send nothing. */
const TELL_AFTER_MS = 5000;

const CAUSE =
  "its sound came from a new RTP source in mid-call, which Debian's and Ubuntu's Asterisk take for packets that are late; Asterisk as its makers publish it does not";

/**
 * Looks after the way up of one call. When nothing comes although the call goes on, it asks the PBX whether it gets anything from the caller, and if so has it begin
 * anew; a caller who sends nothing is left alone.
 */
export class UplinkCare {
  readonly #options: UplinkCareOptions;
  /** Set while nothing comes. */
  #stopped: { readonly atMs: number; readonly over: AbortController } | null = null;
  /** Infinite while the PBX is at it. */
  #refreshedAtMs: number | null = null;
  #silentPauseMs = SILENT_PAUSE_MS;
  /** Refreshes since the last that helped. */
  #inVain = 0;
  /** Said once, and nothing more is tried in this call. */
  #gaveUp = false;

  constructor(options: UplinkCareOptions) {
    this.#options = options;
  }

  /** Nothing comes any more. */
  stopped(): void {
    if (this.#stopped !== null || this.#gaveUp) return;
    const { line, clock, log } = this.#options;
    const over = new AbortController();
    this.#stopped = { atMs: clock.nowMs(), over };
    const care = line === null ? this.#tell(over.signal) : this.#attend(line, over.signal);
    care.catch((error: unknown) => {
      if (!over.signal.aborted) log.error({ err: error }, 'a caller who is not heard was not looked after');
    });
  }

  /** It comes again. */
  resumed(missingMs: number): void {
    const { clock, ledger, log } = this.#options;
    const refreshedAtMs = this.#refreshedAtMs;
    this.forget();
    if (refreshedAtMs === null || clock.nowMs() - refreshedAtMs > EFFECT_MS) return;
    this.#inVain = 0;
    ledger.callerUnheard({ missingMs, cause: 'pbx', mended: 'yes' });
    log.warn({ missingMs, cause: CAUSE }, 'the PBX did not hand on what it got from the caller; it does again');
  }

  /** The leg is another one, or the call is over. Idempotent. */
  forget(): void {
    this.#stopped?.over.abort();
    this.#stopped = null;
    this.#refreshedAtMs = null;
  }

  async #attend(line: Line, signal: AbortSignal): Promise<void> {
    const { uplink } = line.pbx;
    if (uplink === undefined) return;
    let before: Look | null = null;
    this.#silentPauseMs = SILENT_PAUSE_MS;
    for (;;) {
      const now = this.#isOurs ? await this.#look(line, uplink) : null;
      signal.throwIfAborted();
      let pauseMs: number | null = now === null ? SILENT_PAUSE_MS : FIRST_LOOK_MS;
      if (before !== null && now !== null) pauseMs = await this.#act(whatCame(before, now), line, uplink);
      if (pauseMs === null) return;
      before = now;
      signal.throwIfAborted();
      await wait(this.#options.clock, pauseMs, signal);
    }
  }

  /** Returns when to look again; null: not any more. */
  async #act(came: 'sound' | 'nothing' | 'unknown', line: Line, uplink: UplinkPbx): Promise<number | null> {
    if (came === 'nothing') {
      const pauseMs = this.#silentPauseMs;
      this.#silentPauseMs = Math.min(pauseMs * 2, LONGEST_SILENT_PAUSE_MS);
      return pauseMs;
    }
    if (this.#inVain === MOST_IN_VAIN) {
      this.#giveUp(came === 'sound' ? 'pbx' : 'unknown');
      return null;
    }
    const pauseMs = PAUSE_IN_VAIN_MS * 2 ** this.#inVain;
    // Until it helps, which may be before the PBX has answered.
    this.#inVain += 1;
    await this.#refresh(line, uplink);
    if (this.#refreshedAtMs !== null) this.#refreshedAtMs = this.#options.clock.nowMs();
    return pauseMs;
  }

  async #tell(signal: AbortSignal): Promise<void> {
    await wait(this.#options.clock, TELL_AFTER_MS, signal);
    this.#giveUp('unknown');
  }

  /** The caller is with the agent: nobody else puts them into a bridge. */
  get #isOurs(): boolean {
    const { ledger, link } = this.#options;
    return ledger.state === 'talking' && link.connected && link.pbxMedia !== null;
  }

  async #look(line: Line, uplink: UplinkPbx): Promise<Look> {
    const { clock, log } = this.#options;
    try {
      const received = await uplink.received(line.offer.channelId);
      return { atMs: clock.nowMs(), received };
    } catch (error) {
      log.debug({ err: error }, 'the PBX did not tell what it gets from the caller');
      return { atMs: clock.nowMs(), received: 'failed' };
    }
  }

  async #refresh(line: Line, uplink: UplinkPbx): Promise<void> {
    const { link, log } = this.#options;
    const media = link.pbxMedia;
    if (media === null) return;
    // Sound may be faster than the answer.
    this.#refreshedAtMs = Infinity;
    try {
      const { mediaChannelId, bridgeId } = media;
      await uplink.refresh({ callerChannelId: line.offer.channelId, mediaChannelId, bridgeId });
    } catch (thrown) {
      this.#refreshedAtMs = null;
      const error = toLinecardError(thrown);
      if (error.code !== 'CHANNEL_GONE') log.warn({ err: error }, 'the way of a caller’s sound could not be made anew');
    }
  }

  #giveUp(cause: 'pbx' | 'unknown'): void {
    const { clock, ledger, log } = this.#options;
    const missingMs = Math.round(clock.nowMs() - (this.#stopped?.atMs ?? clock.nowMs()));
    this.#gaveUp = true;
    ledger.callerUnheard({ missingMs, cause, mended: 'no' });
    if (cause === 'pbx') {
      log.warn(
        { missingMs, cause: CAUSE },
        'the PBX does not hand on what it gets from the caller, whatever was tried',
      );
    } else {
      log.warn(
        { missingMs, cause: CAUSE },
        'nothing comes from the caller any more: a phone that is muted, or a PBX that does not hand it on',
      );
    }
  }
}

/** unknown: the PBX has no figures of this channel. */
function whatCame(before: Look, now: Look): 'sound' | 'nothing' | 'unknown' {
  if (before.received === null && now.received === null) return 'unknown';
  if (before.received === null || now.received === null) return 'nothing';
  if (before.received === 'failed' || now.received === 'failed') return 'nothing';
  // A new source begins at zero.
  const isNew = now.received.packets < before.received.packets;
  const packets = now.received.packets - (isNew ? 0 : before.received.packets);
  if (packets < 2 || packets < ((now.atMs - before.atMs) * LEAST_PACKETS_PER_S) / 1000) return 'nothing';
  if (before.received.bytes === null || now.received.bytes === null) return 'sound';
  const bytes = now.received.bytes - (isNew ? 0 : before.received.bytes);
  return bytes / packets >= LEAST_BYTES_PER_PACKET ? 'sound' : 'nothing';
}
