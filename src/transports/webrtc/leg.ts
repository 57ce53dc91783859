import type { Clock } from '../../core/clock.js';
import type { LegId } from '../../core/ids.js';
import { FRAME_MS } from '../../core/units.js';
import type {
  FrameKind,
  LegCloseReason,
  LegCounters,
  LegListener,
  LegNetwork,
  MediaLeg,
  Playout,
} from '../../media/leg.js';
import { FRAME_SILENCE } from '../../media/leg.js';
import { OPUS_CLOCK_RATE_HZ } from '../../media/opus/packet.js';
import type { FrameEncoder } from './downlink.js';
import { Downlink } from './downlink.js';
import { readPageMessage } from './page-message.js';
import type { Peer } from './peer.js';
import type { PacketInfo } from './rtp-path.js';

/** A browser sends twice a second even when its user is silent or muted; one that sends nothing for so long is gone. */
const DEAF_TICKS = 15_000 / FRAME_MS;
/** Three of its signs of life are missing: what is said now is said to nobody. */
const AWAY_TICKS = 1500 / FRAME_MS;
/** Digits that may come at once; then one each tick is more than a finger can do. */
const DIGIT_BURST = 32;
/** Part of a new loss report that is believed at once. */
const LOSS_SMOOTHING = 0.3;

/** What the leg needs of the jitter buffer. */
export interface PacketUplink extends Playout {
  insert(info: PacketInfo, payload: Uint8Array, arrivalMs: number): void;
  /** Writes one frame, mono s16, 16 kHz, 320 samples. */
  pull(dst: Int16Array, nowMs: number): FrameKind;
  describe(): string[];
  close(): void;
}

export type WebRtcLegOptions = {
  readonly id: LegId;
  /** These three are owned by the leg from now on. */
  readonly peer: Peer;
  readonly uplink: PacketUplink;
  readonly encoder: FrameEncoder;
  /** Shared with the uplink, which counts what it does. */
  readonly counters: LegCounters;
  readonly clock: Clock;
  readonly onClosed: () => void;
};

/** A browser's leg: Opus packets both ways through a peer, digits and events over its data channel. */
export class WebRtcLeg implements MediaLeg {
  readonly id: LegId;
  readonly codec = 'opus';
  readonly wireRateHz = OPUS_CLOCK_RATE_HZ;
  readonly counters: LegCounters;
  listener: LegListener | null = null;
  readonly #peer: Peer;
  readonly #uplink: PacketUplink;
  readonly #downlink: Downlink;
  readonly #clock: Clock;
  readonly #onClosed: () => void;
  #lossPercent = 0;
  #digitCredit = DIGIT_BURST;
  /** Ticks since the last packet, or since the last other sign of life where that came later than a packet should have. */
  #deafTicks = 0;
  #closed = false;

  constructor(options: WebRtcLegOptions) {
    this.id = options.id;
    this.counters = options.counters;
    this.#peer = options.peer;
    this.#uplink = options.uplink;
    this.#downlink = new Downlink(options.encoder);
    this.#clock = options.clock;
    this.#onClosed = options.onClosed;
  }

  get playout(): Playout {
    return this.#uplink;
  }

  get network(): LegNetwork {
    return this.#peer.network;
  }

  get presence(): 'here' | 'away' {
    return this.#deafTicks < AWAY_TICKS ? 'here' : 'away';
  }

  pull(dst: Int16Array): FrameKind {
    if (this.#digitCredit < DIGIT_BURST) this.#digitCredit += 1;
    this.#deafTicks += 1;
    if (this.#deafTicks === DEAF_TICKS) {
      dst.fill(0);
      this.#end('timeout', 'the browser has sent nothing for 15 s');
      return FRAME_SILENCE;
    }
    return this.#uplink.pull(dst, this.#clock.nowMs());
  }

  push(src: Int16Array): void {
    if (this.#closed) return;
    this.#downlink.push(src, this.#peer);
    this.counters.framesOut += 1;
  }

  notify(text: string): void {
    if (!this.#closed) this.#peer.sendText(text);
  }

  describe(): string[] {
    return [
      'webrtc, SRTP, opus, forward error correction',
      ...this.#uplink.describe(),
      'opus, 16000 Hz, mono, forward error correction, silence is not sent',
    ];
  }

  close(reason: LegCloseReason): void {
    this.#end(reason, 'closed by Linecard');
  }

  /** A packet came; told by the door, as the following. */
  packet(info: PacketInfo, payload: Uint8Array): void {
    if (this.#closed) return;
    this.#deafTicks = 0;
    this.counters.framesIn += 1;
    this.#uplink.insert(info, payload, this.#clock.nowMs());
  }

  /** The browser looks for another way: it is there, and gets its time for that. */
  seeksWay(): void {
    this.#isThere();
  }

  /** A message of the page. What it cannot mean is ignored: a page of another version may say more. */
  message(text: string): void {
    if (this.#closed) return;
    const message = readPageMessage(text);
    if (message === null) return;
    for (const digit of message.digits) {
      if (this.#digitCredit < 1) return;
      this.#digitCredit -= 1;
      this.listener?.digit(digit, this.#clock.nowMs());
    }
  }

  /** The browser reported how it hears us. */
  reported(recentLossPercent: number): void {
    // A telephone that rings takes the microphone from the page, and nothing of it comes but this.
    this.#isThere();
    this.#lossPercent += LOSS_SMOOTHING * (recentLossPercent - this.#lossPercent);
    this.#downlink.setLossPercent(this.#lossPercent);
  }

  /** The peer is gone. */
  gone(reason: LegCloseReason, detail: string): void {
    this.#ended(reason, detail);
  }

  #isThere(): void {
    this.#deafTicks = Math.min(this.#deafTicks, AWAY_TICKS);
  }

  #end(reason: LegCloseReason, detail: string): void {
    this.#ended(reason, detail);
    this.#peer.close();
  }

  /** The one way out, whoever began it. */
  #ended(reason: LegCloseReason, detail: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#uplink.close();
    this.#downlink.close();
    this.#onClosed();
    const { listener } = this;
    this.listener = null;
    listener?.closed(reason, detail);
  }
}
