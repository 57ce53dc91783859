import type { Clock } from '../../core/clock.js';
import type { LegNetwork } from '../../media/leg.js';
import { OPUS_CLOCK_RATE_HZ } from '../../media/opus/packet.js';
import type { ReceptionReport } from './reception.js';
import { Reception } from './reception.js';
import type { SrtpReader, SrtpWriter } from './srtp.js';
import { RTP_HEADER_BYTES, readRtpPrefix } from './srtp.js';

export type RtpPathOptions = {
  readonly writer: SrtpWriter;
  readonly reader: SrtpReader;
  /** Of what we send. */
  readonly ssrc: number;
  /** Opus, as negotiated; other packets are dropped. */
  readonly payloadType: number;
  readonly clock: Clock;
  /** One datagram to the browser; the buffer is kept here and must not be changed. */
  readonly send: (datagram: Buffer) => void;
  readonly onPacket: (info: PacketInfo, payload: Buffer) => void;
};

/** An RTP packet's header as a jitter buffer needs it. */
export type PacketInfo = {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly marker: boolean;
};

/** What a sender report tells (RFC 3550 §6.4.1), times in its units. */
export type SenderReport = {
  readonly ntpTimestamp: bigint;
  readonly rtpTimestamp: number;
  readonly packetCount: number;
  readonly octetCount: number;
  /** About the browser's packets; null while none came. */
  readonly block: (ReceptionReport & { readonly ssrc: number; readonly lsr: number; readonly dlsr: number }) | null;
};

/** What the browser tells about our packets. */
export type RemoteReport = {
  readonly fractionLost: number;
  readonly packetsLost: number;
  readonly jitter: number;
  readonly lsr: number;
  readonly dlsr: number;
};

/** Packets that are kept in case the browser asks for one again: a second of them. What is older is of no use to it. */
const KEPT_PACKETS = 50;
/** Sender reports that a browser may refer to; it answers the last one. */
const KEPT_REPORTS = 4;
/** From 1900, where NTP begins, to 1970 (RFC 5905 §6). */
const NTP_OFFSET_SECONDS = 2_208_988_800;
const UNITS_PER_MS = OPUS_CLOCK_RATE_HZ / 1000;
/** Of a new round trip, the part that is believed at once. */
const ROUND_TRIP_SMOOTHING = 0.25;

/**
 * The sound's own way through a browser's connection once its keys are known: RTP, SRTP, what is sent again, and the figures of RTCP. One packet
 * costs a cipher and a datagram; werift's own way takes as much again.
 */
export class RtpPath {
  readonly #options: RtpPathOptions;
  readonly #header = Buffer.alloc(RTP_HEADER_BYTES);
  /** What was sent, each at the remainder of its sequence number; null when it was sent twice already. */
  readonly #kept: ({ readonly sequenceNumber: number; readonly packet: Buffer } | null)[] = [];
  readonly #reports: { readonly middle: number; readonly atMs: number }[] = [];
  #reception: Reception | null = null;
  #packetCount = 0;
  #octetCount = 0;
  #lastTimestamp = 0;
  #lastSentAtMs = 0;
  /** The browser's last sender report: the middle of its NTP time, and when it came. */
  #heard: { readonly middle: number; readonly atMs: number } | null = null;
  #downlinkLossPercent: number | null = null;
  #downlinkJitterMs: number | null = null;
  #roundTripMs: number | null = null;

  constructor(options: RtpPathOptions) {
    this.#options = options;
    this.#header[0] = 0x80;
    this.#header.writeUInt32BE(options.ssrc, 8);
  }

  get network(): LegNetwork {
    return {
      uplinkLossPercent: this.#reception?.lossPercent ?? null,
      uplinkJitterMs: this.#reception?.jitterMs ?? null,
      downlinkLossPercent: this.#downlinkLossPercent,
      downlinkJitterMs: this.#downlinkJitterMs,
      roundTripMs: this.#roundTripMs,
    };
  }

  /** A datagram that is RTP by its first bytes. */
  receive(datagram: Buffer): void {
    const { payloadType, reader, clock, onPacket } = this.#options;
    const prefix = readRtpPrefix(datagram);
    if (prefix === null || prefix.payloadType !== payloadType) return;
    const payload = reader.unprotect(datagram, prefix);
    if (payload === null) return;
    if (this.#reception?.ssrc !== prefix.ssrc) {
      this.#reception = new Reception(prefix.ssrc, OPUS_CLOCK_RATE_HZ);
      this.#heard = null;
    }
    this.#reception.add(prefix.sequenceNumber, prefix.timestamp, clock.nowMs());
    onPacket(prefix, payload);
  }

  /** One packet; sequence numbers follow each other. */
  send(payload: Uint8Array, info: Pick<PacketInfo, 'sequenceNumber' | 'timestamp' | 'marker'>): void {
    const { payloadType, writer, clock, send } = this.#options;
    const { sequenceNumber, timestamp, marker } = info;
    const header = this.#header;
    header[1] = payloadType | (marker ? 0x80 : 0);
    header.writeUInt16BE(sequenceNumber, 2);
    header.writeUInt32BE(timestamp, 4);
    const packet = writer.protect(header, payload);
    this.#kept[sequenceNumber % KEPT_PACKETS] = { sequenceNumber, packet };
    this.#packetCount += 1;
    this.#octetCount += payload.length;
    this.#lastTimestamp = timestamp;
    this.#lastSentAtMs = clock.nowMs();
    send(packet);
  }

  /** The browser misses packets (RFC 4585 §6.2.1): each is sent once more, as it was, and not a third time. */
  resend(sequenceNumbers: readonly number[]): void {
    for (const sequenceNumber of sequenceNumbers) {
      const at = sequenceNumber % KEPT_PACKETS;
      const kept = this.#kept[at];
      if (kept?.sequenceNumber !== sequenceNumber) continue;
      this.#kept[at] = null;
      this.#options.send(kept.packet);
    }
  }

  /** What is to be reported now; remembered, because the answer tells the round trip. */
  report(): SenderReport {
    const { clock } = this.#options;
    const atMs = clock.nowMs();
    const ntpTimestamp = ntpTime(clock.wallMs());
    this.#reports.push({ middle: middleOf(ntpTimestamp), atMs });
    if (this.#reports.length > KEPT_REPORTS) this.#reports.shift();
    const sincePacket = this.#packetCount === 0 ? 0 : Math.round((atMs - this.#lastSentAtMs) * UNITS_PER_MS);
    const reception = this.#reception;
    const heard = this.#heard;
    const block = reception && {
      ...reception.report(),
      ssrc: reception.ssrc,
      lsr: heard?.middle ?? 0,
      dlsr: heard === null ? 0 : Math.round(((atMs - heard.atMs) * 65_536) / 1000),
    };
    return {
      ntpTimestamp,
      rtpTimestamp: (this.#lastTimestamp + sincePacket) >>> 0,
      packetCount: this.#packetCount,
      octetCount: this.#octetCount,
      block,
    };
  }

  /** A sender report of the browser came. */
  heardReport(ssrc: number, ntpTimestamp: bigint): void {
    if (ssrc !== this.#reception?.ssrc) return;
    this.#heard = { middle: middleOf(ntpTimestamp), atMs: this.#options.clock.nowMs() };
  }

  /** The browser reported how it hears us. */
  reported({ packetsLost, jitter, lsr, dlsr }: RemoteReport): void {
    if (this.#packetCount > 0) {
      this.#downlinkLossPercent = Math.min(100, (Math.max(0, packetsLost) * 100) / this.#packetCount);
    }
    this.#downlinkJitterMs = jitter / UNITS_PER_MS;
    const answered = this.#reports.find(({ middle }) => middle === lsr);
    if (answered === undefined) return;
    const roundTripMs = Math.max(0, this.#options.clock.nowMs() - answered.atMs - (dlsr * 1000) / 65_536);
    this.#roundTripMs =
      this.#roundTripMs === null
        ? roundTripMs
        : this.#roundTripMs + ROUND_TRIP_SMOOTHING * (roundTripMs - this.#roundTripMs);
  }
}

function ntpTime(wallMs: number): bigint {
  const seconds = Math.floor(wallMs / 1000);
  const fraction = Math.floor(((wallMs % 1000) / 1000) * 2 ** 32);
  return (BigInt(seconds + NTP_OFFSET_SECONDS) << 32n) | BigInt(fraction);
}

/** The middle 32 of its 64 bits, as reports refer to it. */
function middleOf(ntpTimestamp: bigint): number {
  return Number((ntpTimestamp >> 16n) & 0xffff_ffffn);
}
