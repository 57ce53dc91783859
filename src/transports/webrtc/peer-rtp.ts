import type { RTCDtlsTransport, RTCRtpTransceiver, RtcpPacket, SrtpSession } from 'werift';
import {
  GenericNack,
  ProtectionProfileAeadAes128Gcm,
  RtcpReceiverInfo,
  RtcpRrPacket,
  RtcpSenderInfo,
  RtcpSourceDescriptionPacket,
  RtcpSrPacket,
  RtcpTransportLayerFeedback,
  SourceDescriptionChunk,
  SourceDescriptionItem,
} from 'werift';
import type { Alarm, Clock } from '../../core/clock.js';
import type { LegNetwork } from '../../media/leg.js';
import { NOTHING_KNOWN } from '../../media/leg.js';
import type { PacketInfo, SenderReport } from './rtp-path.js';
import { RtpPath } from './rtp-path.js';
import type { SrtpKeys } from './srtp.js';
import { SrtpReader, SrtpWriter, isRtp } from './srtp.js';

/** RFC 3550 §6.2 allows a report every 360/kbps seconds; browsers send theirs at this pace. */
const REPORT_INTERVAL_MS = 1000;
/** RFC 3550 §6.5.1: a name for what we send; of no use here, but it has to be there. */
const CNAME_ITEM = 1;
const CNAME = 'linecard';

export type PeerRtpOptions = {
  readonly transceiver: RTCRtpTransceiver;
  readonly clock: Clock;
  readonly onPacket: (info: PacketInfo, payload: Buffer) => void;
  /** The browser's report of our packets came; the loss since its last one. */
  readonly onReport: (recentLossPercent: number) => void;
};

/**
 * Puts the sound's own way (`RtpPath`) between werift's ICE and our leg: werift finds the way, agrees on keys and protects RTCP; RTP packets never
 * enter it. There is one writer and one reader for a key, this one: two would give it away.
 */
export class PeerRtp {
  readonly #options: PeerRtpOptions;
  readonly #transport: RTCDtlsTransport;
  #path: RtpPath | null = null;
  #alarm: Alarm | null = null;
  #closed = false;

  /** Before the keys are agreed on. */
  constructor(options: PeerRtpOptions) {
    this.#options = options;
    const transport = options.transceiver.dtlsTransport;
    this.#transport = transport;
    const { onData } = transport.iceTransport.connection;
    const others = onData.execute;
    onData.execute = (datagram) => {
      if (isRtp(datagram)) this.#path?.receive(datagram);
      else others(datagram);
    };
    transport.onRtcp.subscribe((packet) => this.#rtcp(packet));
    if (transport.state === 'connected') this.#open();
    else transport.onStateChange.subscribe((state) => state === 'connected' && this.#open());
  }

  get network(): LegNetwork {
    return this.#path?.network ?? NOTHING_KNOWN;
  }

  /** Dropped while there is no connection. */
  send(payload: Uint8Array, info: Pick<PacketInfo, 'sequenceNumber' | 'timestamp' | 'marker'>): void {
    if (!this.#closed) this.#path?.send(payload, info);
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#alarm?.cancel();
    this.#alarm = null;
  }

  #open(): void {
    if (this.#closed || this.#path !== null) return;
    const { transceiver, clock, onPacket } = this.#options;
    const { sender } = transceiver;
    const { srtp, iceTransport } = this.#transport;
    const { codec } = sender;
    if (codec === undefined) return;
    this.#path = new RtpPath({
      writer: new SrtpWriter(keysOf(srtp, 'local')),
      reader: new SrtpReader(keysOf(srtp, 'remote')),
      ssrc: sender.ssrc,
      payloadType: codec.payloadType,
      clock,
      // What the network does not take is a lost packet; that the way is gone, ICE says.
      send: (datagram) => void iceTransport.connection.send(datagram).catch(() => undefined),
      onPacket: (info, payload) => {
        if (!this.#closed) onPacket(info, payload);
      },
    });
    this.#reportLater();
  }

  #reportLater(): void {
    this.#alarm = this.#options.clock.setAlarm(REPORT_INTERVAL_MS, () => {
      this.#report();
      this.#reportLater();
    });
  }

  #report(): void {
    if (this.#path === null || this.#transport.state !== 'connected') return;
    const packets = rtcpOf(this.#path.report(), this.#options.transceiver.sender.ssrc);
    // As with sound: lost is lost.
    this.#transport.sendRtcp(packets).catch(() => undefined);
  }

  #rtcp(packet: RtcpPacket): void {
    const path = this.#path;
    if (this.#closed || path === null) return;
    const { ssrc } = this.#options.transceiver.sender;
    if (packet instanceof RtcpTransportLayerFeedback) {
      const { feedback } = packet;
      if (feedback instanceof GenericNack && feedback.mediaSourceSsrc === ssrc) path.resend(feedback.lost);
      return;
    }
    if (packet instanceof RtcpSrPacket) path.heardReport(packet.ssrc, packet.senderInfo.ntpTimestamp);
    if (!(packet instanceof RtcpSrPacket) && !(packet instanceof RtcpRrPacket)) return;
    const report = packet.reports.find((each) => each.ssrc === ssrc);
    if (report === undefined) return;
    path.reported(report);
    this.#options.onReport((report.fractionLost * 100) / 256);
  }
}

function keysOf(srtp: SrtpSession, whose: 'local' | 'remote'): SrtpKeys {
  const { profile, srtpSessionKey, srtpSessionSalt, srtpSessionAuthTag } =
    whose === 'local' ? srtp.localContext : srtp.remoteContext;
  return {
    profile: profile === ProtectionProfileAeadAes128Gcm ? 'gcm' : 'cm',
    key: srtpSessionKey,
    salt: srtpSessionSalt,
    authKey: srtpSessionAuthTag,
  };
}

function rtcpOf({ block, ...senderInfo }: SenderReport, ssrc: number): RtcpPacket[] {
  const reports = block === null ? [] : [new RtcpReceiverInfo(block)];
  const item = new SourceDescriptionItem({ type: CNAME_ITEM, text: CNAME });
  return [
    new RtcpSrPacket({ ssrc, senderInfo: new RtcpSenderInfo(senderInfo), reports }),
    new RtcpSourceDescriptionPacket({ chunks: [new SourceDescriptionChunk({ source: ssrc, items: [item] })] }),
  ];
}
