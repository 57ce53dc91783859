import { networkInterfaces } from 'node:os';
import type { RTCDataChannel, RTCIceServer } from 'werift';
import { RTCDtlsTransport, RTCPeerConnection, RTCRtpCodecParameters } from 'werift';
import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError, toLinecardError } from '../../core/errors.js';
import type { LegCloseReason, LegNetwork } from '../../media/leg.js';
import { NOTHING_KNOWN } from '../../media/leg.js';
import type { IceConfig } from './ice.js';
import { hostAddresses, iceServersFor } from './ice.js';
import { ignoreLateHandshakes } from './peer-dtls.js';
import { leaveRelays, lookForWay } from './peer-ice.js';
import { PeerRtp } from './peer-rtp.js';
import type { PacketInfo } from './rtp-path.js';
import type { Fragment } from './sdp.js';
import {
  answerFragment,
  checkOffer,
  credentialsOf,
  readFragment,
  renewOffer,
  tuneAnswer,
  withoutHiddenCandidates,
} from './sdp.js';

/** Dynamic payload type for Opus that browsers use; the offer's own is taken where it differs. */
const OPUS_PAYLOAD_TYPE = 111;
/** From the request for a relay to giving up on it: a server that is there answers in two round trips. */
const GATHER_TIME_LIMIT_MS = 4000;
/** What waits in the data channel for a page that does not read; beyond it messages are dropped. */
const MAX_WAITING_BYTES = 256 * 1024;
/** What is kept for a data channel that is not open yet: the first words of a call, and not all of one whose page opens none. */
const MAX_EARLY_MESSAGES = 64;
/** The longest message of a page: digits. */
const MAX_MESSAGE_BYTES = 4096;
/** From our close to the end of the connection: the last message, why the call ended, is on its way to the page. */
const LINGER_MS = 250;

/** What a peer tells. At most one `connected`, at most one `closed`, and nothing after it. */
export type PeerEvents = {
  connected(): void;
  packet(info: PacketInfo, payload: Uint8Array): void;
  /** A message of the page over the data channel. */
  message(text: string): void;
  /** A report of the other side came: of our packets since its last one, so many percent were lost. */
  reported(recentLossPercent: number): void;
  closed(reason: LegCloseReason, detail: string): void;
};

/** A browser's connection: signalling in, packets and messages both ways. */
export interface Peer {
  readonly network: LegNetwork;
  /** Takes the offer and resolves with the answer. Rejects REQUEST_INVALID. Once. */
  answer(offer: string): Promise<string>;
  /** Candidates (resolves with null) or an ICE restart (resolves with the fragment for the browser). Rejects REQUEST_INVALID, MEDIA_TIMEOUT. */
  fragment(sdp: string): Promise<string | null>;
  /** One Opus packet; what is sent before the connection stands, or while the network is away, is lost. */
  sendAudio(payload: Uint8Array, info: Pick<PacketInfo, 'sequenceNumber' | 'timestamp' | 'marker'>): void;
  /** Dropped when the page opens no data channel, or reads too slowly. */
  sendText(text: string): void;
  /** Idempotent. */
  close(): void;
}

export type PeerOptions = {
  readonly ice: IceConfig;
  /** The address of ours that the browser's HTTP request came to. */
  readonly reachedAt: string;
  readonly clock: Clock;
  readonly events: PeerEvents;
};

/** Makes the certificate that all peers of this thread share: 80 ms, once. */
export async function preparePeers(): Promise<void> {
  await RTCDtlsTransport.SetupCertificate();
}

/** A peer by werift, which does ICE, DTLS, SRTP and SCTP. */
export class WeriftPeer implements Peer {
  readonly #clock: Clock;
  readonly #ice: IceConfig;
  readonly #events: PeerEvents;
  readonly #connection: RTCPeerConnection;
  #rtp: PeerRtp | null = null;
  #channel: RTCDataChannel | null = null;
  readonly #early: string[] = [];
  #offer = '';
  #connected = false;
  #closed = false;

  constructor(options: PeerOptions) {
    const { ice, reachedAt, clock } = options;
    this.#clock = clock;
    this.#ice = ice;
    this.#events = options.events;
    const hosts = ice.policy === 'relay' ? [] : hostAddresses(networkInterfaces(), reachedAt);
    this.#connection = new RTCPeerConnection({
      codecs: { audio: [opusCodec()], video: [] },
      headerExtensions: { audio: [], video: [] },
      bundlePolicy: 'max-bundle',
      iceTransportPolicy: ice.policy,
      // Relays are ours only when nothing else is; `all` is for bridges that can be reached (see docs/design/webrtc.md).
      iceServers: ice.policy === 'relay' ? relaysOf(ice, clock.wallMs()) : [],
      iceUseIpv4: false,
      iceUseIpv6: false,
      iceAdditionalHostAddresses: hosts,
      ...(ice.ports === null ? {} : { icePortRange: portsFrom(ice.ports) }),
    });
    this.#connection.connectionStateChange.subscribe((state) => this.#stateChanged(state));
    this.#connection.onDataChannel.subscribe((channel) => this.#channelOpened(channel));
  }

  get network(): LegNetwork {
    return this.#rtp?.network ?? NOTHING_KNOWN;
  }

  async answer(offer: string): Promise<string> {
    if (this.#offer !== '') throw new LinecardError('CALL_STATE', 'this call has had its offer');
    checkOffer(offer);
    this.#offer = offer;
    const transceiver = this.#connection.addTransceiver('audio', { direction: 'sendrecv' });
    ignoreLateHandshakes(transceiver.dtlsTransport);
    this.#rtp = new PeerRtp({
      transceiver,
      clock: this.#clock,
      onPacket: (info, payload) => this.#events.packet(info, payload),
      onReport: (recentLossPercent) => this.#events.reported(recentLossPercent),
    });
    return tuneAnswer(await this.#negotiate(withoutHiddenCandidates(offer)), this.#ice.announce);
  }

  async fragment(sdp: string): Promise<string | null> {
    if (this.#offer === '') throw new LinecardError('CALL_STATE', 'this call has had no offer yet');
    const fragment = readFragment(sdp);
    const known = credentialsOf(this.#offer);
    if (fragment.ufrag !== null && fragment.ufrag !== known.ufrag) return this.#restart(fragment);
    await this.#addCandidates(fragment);
    return null;
  }

  sendAudio(payload: Uint8Array, info: Pick<PacketInfo, 'sequenceNumber' | 'timestamp' | 'marker'>): void {
    this.#rtp?.send(payload, info);
  }

  sendText(text: string): void {
    const channel = this.#channel;
    if (this.#closed) return;
    if (channel === null) {
      // It opens one or two round trips after the sound, on a bad network a second.
      if (this.#early.length < MAX_EARLY_MESSAGES) this.#early.push(text);
      return;
    }
    if (channel.bufferedAmount > MAX_WAITING_BYTES) return;
    if (channel.readyState === 'closing' || channel.readyState === 'closed') return;
    channel.send(text);
  }

  close(): void {
    this.#ended('local', 'closed by Linecard');
  }

  async #negotiate(offer: string): Promise<string> {
    const connection = this.#connection;
    try {
      await connection.setRemoteDescription({ type: 'offer', sdp: offer });
      const answer = await connection.createAnswer();
      await this.#withinLimit(connection.setLocalDescription(answer));
      const sdp = connection.localDescription?.sdp;
      if (sdp === undefined) throw new LinecardError('INVARIANT', 'werift made no answer');
      if (!/^a=candidate:/m.test(sdp)) throw noCandidate(this.#ice);
      return sdp;
    } catch (thrown) {
      // Whatever werift does not like about it, the browser sent it.
      throw toLinecardError(thrown, 'REQUEST_INVALID');
    }
  }

  /** werift waits five seconds for a TURN server that is silent, and longer for one that is slow. */
  async #withinLimit(work: Promise<unknown>): Promise<void> {
    let alarm: Alarm | null = null;
    const late = new Promise<void>((resolve) => (alarm = this.#clock.setAlarm(GATHER_TIME_LIMIT_MS, resolve)));
    try {
      await Promise.race([work, late]);
    } finally {
      (alarm as Alarm | null)?.cancel();
    }
  }

  async #restart(fragment: Fragment): Promise<string> {
    const offer = renewOffer(this.#offer, fragment);
    const transports = this.#connection.dtlsTransports;
    const servers = iceServersFor(this.#ice.servers, this.#clock.wallMs());
    for (const { iceTransport } of transports) leaveRelays(iceTransport, servers);
    const answer = tuneAnswer(await this.#negotiate(offer), this.#ice.announce);
    this.#offer = offer;
    for (const transport of transports) lookForWay(transport);
    return answerFragment(answer);
  }

  async #addCandidates({ candidates }: Fragment): Promise<void> {
    for (const { line } of candidates) {
      try {
        // All sections are bundled with the first.
        await this.#connection.addIceCandidate({ candidate: line, sdpMLineIndex: 0 });
      } catch (thrown) {
        throw toLinecardError(thrown, 'REQUEST_INVALID');
      }
    }
  }

  #stateChanged(state: RTCPeerConnection['connectionState']): void {
    if (this.#closed) return;
    if (state === 'connected' && !this.#connected) {
      this.#connected = true;
      this.#events.connected();
    } else if (state === 'failed' && !this.#connected) {
      // Later it may look for another way; whether it still does is the leg's to notice.
      this.#ended('timeout', 'no way to the browser was found');
    } else if (state === 'closed') {
      this.#ended('remote', 'the browser closed the connection');
    }
  }

  #channelOpened(channel: RTCDataChannel): void {
    if (this.#closed || this.#channel !== null) return;
    this.#channel = channel;
    channel.onMessage.subscribe((message) => {
      const text = typeof message === 'string' ? message : message.toString('utf8');
      if (!this.#closed && text.length <= MAX_MESSAGE_BYTES) this.#events.message(text);
    });
    for (const text of this.#early.splice(0)) this.sendText(text);
  }

  /** The one way out. */
  #ended(reason: LegCloseReason, detail: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rtp?.close();
    this.#events.closed(reason, detail);
    // The call is over and told; what werift cannot close any more was closed by the other side.
    const end = (): void => void this.#connection.close().catch(() => undefined);
    if (reason === 'local' && this.#channel !== null) this.#clock.setAlarm(LINGER_MS, end);
    else end();
  }
}

function opusCodec(): RTCRtpCodecParameters {
  return new RTCRtpCodecParameters({
    mimeType: 'audio/opus',
    clockRate: 48_000,
    channels: 2,
    payloadType: OPUS_PAYLOAD_TYPE,
    rtcpFeedback: [{ type: 'nack' }],
  });
}

/** werift tries ports one after the other from the first: with many calls each would knock at those of all others before. */
function portsFrom([first, last]: readonly [number, number]): [number, number] {
  return [first + Math.floor(Math.random() * (last - first) * 0.75), last];
}

/** werift asks one TURN server: the first that is configured. */
function relaysOf(ice: IceConfig, wallMs: number): RTCIceServer[] {
  return iceServersFor(ice.servers, wallMs).map(({ urls, ...rest }) => ({ urls: [...urls], ...rest }));
}

function noCandidate(ice: IceConfig): LinecardError {
  return ice.policy === 'relay'
    ? new LinecardError(
        'MEDIA_TIMEOUT',
        'the TURN server of webrtc.iceServers gave no relay; check its address and credentials',
      )
    : new LinecardError('MEDIA_FULL', 'no UDP port could be opened for the browser; check webrtc.ports');
}
