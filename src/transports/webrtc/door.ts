import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { LegId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import { newLegCounters } from '../../media/leg.js';
import type { LegCounters } from '../../media/leg.js';
import type { FrameEncoder } from './downlink.js';
import type { PacketUplink } from './leg.js';
import { WebRtcLeg } from './leg.js';
import type { Peer, PeerEvents } from './peer.js';

export type WebRtcDoorOptions = {
  readonly openPeer: (options: { readonly reachedAt: string; readonly events: PeerEvents }) => Peer;
  /** The uplink of a leg; it counts into these counters. */
  readonly openUplink: (counters: LegCounters) => Promise<PacketUplink>;
  readonly openEncoder: () => FrameEncoder;
  /** Loads what all legs share: the first call must not wait for it. */
  readonly prepare: () => Promise<void>;
  readonly maxLegs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** A leg is connected; its listener is to be set before this returns. */
  readonly onLeg: (leg: WebRtcLeg) => void;
};

/** A leg that was announced and has not connected. */
type Expected = { readonly onTimeout: () => void; readonly alarm: Alarm };

/** A browser from its offer on. Packets may come before the connection counts as made: the leg takes them from the first one. */
type Visitor = { readonly peer: Peer; readonly leg: WebRtcLeg };

/**
 * The browsers' door of a media thread: expects legs, makes a peer of the first offer for each, and lets it in when ICE and DTLS are up. One that
 * fails before that is a leg that never came.
 */
export class WebRtcDoor {
  readonly #options: WebRtcDoorOptions;
  readonly #log: Logger;
  readonly #expected = new Map<LegId, Expected>();
  readonly #visitors = new Map<LegId, Visitor>();

  constructor(options: WebRtcDoorOptions) {
    this.#options = options;
    this.#log = options.log;
  }

  /** Browsers with an offer, connected or on their way. */
  get visitorCount(): number {
    return this.#visitors.size;
  }

  start(): Promise<void> {
    return this.#options.prepare();
  }

  /** Throws MEDIA_FULL. When nobody came in time, or the way was not found, `onTimeout` is called and the leg is unknown again. */
  expect(legId: LegId, { timeLimitMs, onTimeout }: { timeLimitMs: number; onTimeout: () => void }): void {
    const { maxLegs, clock } = this.#options;
    if (this.#expected.size + this.#visitors.size >= maxLegs) {
      throw new LinecardError('MEDIA_FULL', `${maxLegs} browser calls are here already`);
    }
    this.unexpect(legId);
    const alarm = clock.setAlarm(timeLimitMs, () => this.#giveUp(legId));
    this.#expected.set(legId, { onTimeout, alarm });
  }

  /** The leg is not wanted any more. Idempotent. */
  unexpect(legId: LegId): void {
    if (this.#forget(legId) !== undefined) this.#visitors.get(legId)?.leg.close('local');
  }

  /** The browser's offer; resolves with the answer. Rejects REQUEST_INVALID, CALL_UNKNOWN, CALL_STATE, MEDIA_TIMEOUT, MEDIA_FULL. */
  async offer(legId: LegId, sdp: string, reachedAt: string): Promise<string> {
    if (this.#visitors.has(legId)) throw new LinecardError('CALL_STATE', 'this call has had its offer');
    const counters = newLegCounters();
    const uplink = await this.#options.openUplink(counters);
    if (!this.#expected.has(legId) || this.#visitors.has(legId)) {
      uplink.close();
      throw unknownLeg();
    }
    const { openPeer, openEncoder, clock } = this.#options;
    const peer: Peer = openPeer({
      reachedAt,
      events: {
        connected: () => this.#connected(legId, leg),
        packet: (info, payload) => leg.packet(info, payload),
        message: (text) => leg.message(text),
        reported: (recentLossPercent) => leg.reported(recentLossPercent),
        closed: (reason, detail) => {
          this.#log.debug({ legId, reason, detail }, 'browser connection closed');
          leg.gone(reason, detail);
        },
      },
    });
    const leg: WebRtcLeg = new WebRtcLeg({
      id: legId,
      peer,
      uplink,
      encoder: openEncoder(),
      counters,
      clock,
      onClosed: () => this.#left(legId),
    });
    this.#visitors.set(legId, { peer, leg });
    try {
      return await peer.answer(sdp);
    } catch (error) {
      // Control hears of it here, and not once more as a leg that never came.
      this.#forget(legId);
      leg.close('error');
      throw error;
    }
  }

  /** Candidates or an ICE restart; resolves with the fragment for the browser, null when there is nothing to say. */
  async fragment(legId: LegId, sdp: string): Promise<string | null> {
    const visitor = this.#visitors.get(legId);
    if (visitor === undefined) throw unknownLeg();
    visitor.leg.seeksWay();
    return visitor.peer.fragment(sdp);
  }

  /** Closes every leg. Idempotent. */
  stop(): Promise<void> {
    for (const legId of [...this.#expected.keys()]) this.unexpect(legId);
    for (const { leg } of [...this.#visitors.values()]) leg.close('local');
    return Promise.resolve();
  }

  #connected(legId: LegId, leg: WebRtcLeg): void {
    if (this.#forget(legId) === undefined) leg.close('local');
    else this.#options.onLeg(leg);
  }

  /** The leg is closed, by whomever. */
  #left(legId: LegId): void {
    this.#visitors.delete(legId);
    this.#forget(legId)?.onTimeout();
  }

  #giveUp(legId: LegId): void {
    const expected = this.#forget(legId);
    this.#visitors.get(legId)?.leg.close('timeout');
    expected?.onTimeout();
  }

  #forget(legId: LegId): Expected | undefined {
    const expected = this.#expected.get(legId);
    this.#expected.delete(legId);
    expected?.alarm.cancel();
    return expected;
  }
}

function unknownLeg(): LinecardError {
  return new LinecardError('CALL_UNKNOWN', 'this call is not waiting for a browser any more');
}
