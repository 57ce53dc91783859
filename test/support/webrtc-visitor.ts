import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket } from 'werift';
import type { RTCDataChannel } from 'werift';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import { OpusDecoder } from '../../src/media/opus/decoder.js';
import { OpusEncoder } from '../../src/media/opus/encoder.js';

/** A browser as far as a bridge sees one: ICE, DTLS, Opus both ways and a data channel, without a page and without a microphone. */
export class WebRtcVisitor {
  readonly connection: RTCPeerConnection;
  readonly messages: string[] = [];
  /** What was heard, mono s16, 16 kHz. */
  readonly heard: Int16Array[] = [];
  packets = 0;
  readonly #channel: RTCDataChannel;
  readonly #track = new MediaStreamTrack({ kind: 'audio' });
  readonly #encoder = new OpusEncoder();
  readonly #decoder: OpusDecoder;
  readonly #decoded = new Int16Array(1920);
  #sequenceNumber = 7;
  #timestamp = 0;
  /** Lost on the way to the bridge: one in so many. */
  losesEvery = 0;
  /** A deaf one counts packets and decodes none: for loads. */
  hearing: 'hears' | 'deaf' = 'hears';

  private constructor(decoder: OpusDecoder, hosts: readonly string[]) {
    this.#decoder = decoder;
    this.connection = new RTCPeerConnection({
      codecs: {
        audio: [
          new RTCRtpCodecParameters({
            mimeType: 'audio/opus',
            clockRate: 48_000,
            channels: 2,
            payloadType: 109,
            rtcpFeedback: [{ type: 'nack' }],
          }),
        ],
        video: [],
      },
      headerExtensions: { audio: [], video: [] },
      bundlePolicy: 'max-bundle',
      iceServers: [],
      iceUseIpv4: false,
      iceUseIpv6: false,
      iceAdditionalHostAddresses: [...hosts],
    });
    const transceiver = this.connection.addTransceiver(this.#track, { direction: 'sendrecv' });
    transceiver.onTrack.subscribe((track) => track.onReceiveRtp.subscribe(({ payload }) => this.#packet(payload)));
    this.#channel = this.connection.createDataChannel('events');
    this.#channel.onMessage.subscribe((message) => this.messages.push(message.toString()));
  }

  static async open(hosts: readonly string[] = ['127.0.0.1']): Promise<WebRtcVisitor> {
    return new WebRtcVisitor(await OpusDecoder.open(), hosts);
  }

  async offer(options: { iceRestart?: boolean } = {}): Promise<string> {
    const offer = await this.connection.createOffer(options);
    await this.connection.setLocalDescription(offer);
    return this.connection.localDescription?.sdp ?? '';
  }

  async take(answer: string): Promise<void> {
    await this.connection.setRemoteDescription({ type: 'answer', sdp: answer });
  }

  /** One frame of speech. */
  speak(frame: Int16Array): void {
    this.speakPacket(Buffer.from(this.#encoder.encode(frame)));
  }

  /** 20 ms that are encoded already. */
  speakPacket(payload: Buffer): void {
    const header = new RtpHeader({
      payloadType: 109,
      sequenceNumber: this.#sequenceNumber,
      timestamp: this.#timestamp,
    });
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    this.#timestamp = (this.#timestamp + 960) >>> 0;
    const packet = new RtpPacket(header, payload);
    if (this.losesEvery === 0 || this.#sequenceNumber % this.losesEvery !== 0) this.#track.writeRtp(packet);
  }

  say(text: string): void {
    this.#channel.send(text);
  }

  async close(): Promise<void> {
    await this.connection.close();
    this.#encoder.close();
    this.#decoder.close();
  }

  #packet(payload: Buffer): void {
    this.packets += 1;
    if (this.hearing === 'deaf') return;
    const samples = this.#decoder.decode(payload, this.#decoded);
    if (samples === FRAME_SAMPLES) this.heard.push(this.#decoded.slice(0, samples));
  }
}
