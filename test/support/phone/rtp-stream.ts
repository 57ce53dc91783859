import { randomInt } from 'node:crypto';
import type { RemoteInfo, Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { once as onceEmitted } from 'node:events';
import type { Codec } from './codec.js';
import { createCodec } from './codec.js';
import { Recording } from './recording.js';
import type { CodecName } from './sdp.js';
import { PAYLOAD_TYPES, RTP_CLOCKS_HZ } from './sdp.js';
import type { SipAddress } from './sip-socket.js';
import type { Source } from './sources.js';
import { silence } from './sources.js';
import { Until } from './until.js';

const FRAME_MS = 20;
const FRAME_SAMPLES = 320;
/** Of RFC 4733 events, whatever the codec. */
const EVENT_FRAME_TICKS = 160;
const HEADER_BYTES = 12;
const DIGITS = '0123456789*#ABCD';
/** A digit sounds for 100 ms, then 60 ms nothing: what a quick finger does. */
const DIGIT_FRAMES = 5;
const DIGIT_PAUSE_FRAMES = 3;
const END_PACKETS = 3;
const EVENT_END = 0x80;
const EVENT_VOLUME = 10;

export type ReceivedDigit = { readonly digit: string; readonly atMs: number };

/** How the stream was agreed upon. */
export type RtpFormat = {
  readonly codec: CodecName;
  readonly remote: SipAddress;
  readonly eventPayloadType: number | null;
};

/** The digit that is being sent. */
type SendingDigit = { readonly code: number; readonly timestamp: number; frames: number };

/** One party's audio and digits over RTP (RFC 3550, RFC 4733): sends a frame every 20 ms from `start` to `close`. */
export class RtpStream {
  readonly recording = new Recording();
  readonly digits: ReceivedDigit[] = [];
  readonly #socket: Socket;
  readonly #until = new Until();
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  #ssrc = randomInt(2 ** 32);
  #format: RtpFormat | null = null;
  #codec: Codec | null = null;
  #source: Source = silence;
  #timer: NodeJS.Timeout | null = null;
  #startedAtMs = 0;
  #ticks = 0;
  #sequence = randomInt(2 ** 16);
  #firstTimestamp = randomInt(2 ** 32);
  readonly #toSend: number[] = [];
  #sending: SendingDigit | null = null;
  #pauseFrames = 0;
  #lastEventTimestamp: number | null = null;
  #muted: 'muted' | 'heard' = 'heard';
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (packet, from) => this.#receive(packet, from));
  }

  static async open(): Promise<RtpStream> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await onceEmitted(socket, 'listening');
    return new RtpStream(socket);
  }

  get address(): SipAddress {
    const { address, port } = this.#socket.address();
    return { host: address, port };
  }

  get codec(): CodecName | null {
    return this.#format?.codec ?? null;
  }

  /** Starts to send, or goes on with another format. */
  start(format: RtpFormat): void {
    if (format.codec !== this.#format?.codec) this.#codec = createCodec(format.codec);
    this.#format = format;
    if (this.#timer !== null || this.#isClosed) return;
    this.#startedAtMs = performance.now();
    this.#tick();
  }

  /** Of the next packet; whoever goes on for this phone goes on from here, as Debian's Asterisk drops what seems to come late. */
  get nextSequence(): number {
    return this.#sequence;
  }

  /** What is sent from the next frame on. */
  play(source: Source): void {
    this.#source = source;
  }

  /**
   * From the next packet on its sound is another sender's (RFC 3550 §5.1: an SSRC, a timestamp and a sequence of its own), as when a carrier moves the media or a
   * phone changes its network. `sequenceStep`: where that one's sequence begins, counted from where this one's would go on.
   */
  changeSource({ sequenceStep }: { readonly sequenceStep: number }): void {
    this.#ssrc = randomInt(2 ** 32);
    this.#firstTimestamp = randomInt(2 ** 32);
    this.#sequence = (this.#sequence + sequenceStep) & 0xffff;
  }

  /** muted: nothing at all is sent, as some phones do; their sequence stands still meanwhile. */
  mute(muted: 'muted' | 'heard'): void {
    this.#muted = muted;
  }

  /** Resolves when the last digit and the pause after it went out. */
  sendDigits(digits: string): Promise<void> {
    for (const digit of digits) {
      const code = DIGITS.indexOf(digit);
      if (code < 0) throw new Error(`"${digit}" is on no keypad`);
      this.#toSend.push(code);
    }
    return this.#until.is(`digits ${digits} sent`, () => this.#toSend.length === 0 && this.#sending === null);
  }

  /** Resolves when exactly these digits have come since the call began. */
  receivesDigits(digits: string): Promise<void> {
    const received = (): string => this.digits.map(({ digit }) => digit).join('');
    return this.#until.is(`digits ${digits} received`, () => received() === digits, {
      state: () => `received "${received()}"`,
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket.close();
  }

  /** On an absolute schedule: a late frame does not make the next one late. */
  #tick(): void {
    this.#sendFrame(performance.now());
    this.#ticks += 1;
    const dueMs = this.#startedAtMs + this.#ticks * FRAME_MS;
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, dueMs - performance.now()));
  }

  #sendFrame(atMs: number): void {
    const format = this.#format;
    if (format === null || this.#codec === null) return;
    this.#source(this.#frame, atMs);
    // Encoded in any case, so that the codec's state goes on while a digit takes the frame's place.
    const payload = this.#codec.encode(this.#frame);
    if (this.#muted === 'heard' && !this.#sendDigit(format))
      this.#send(PAYLOAD_TYPES[format.codec], this.#timestamp, payload, 'within');
    this.#until.changed();
  }

  /** True when a digit takes this frame's place (RFC 4733 §2.5.1). */
  #sendDigit(format: RtpFormat): boolean {
    const type = format.eventPayloadType;
    if (type === null) return false;
    if (this.#pauseFrames > 0) {
      this.#pauseFrames -= 1;
      if (this.#pauseFrames === 0) this.#sending = null;
      return false;
    }
    if (this.#sending === null) {
      const code = this.#toSend.shift();
      if (code === undefined) return false;
      this.#sending = { code, timestamp: this.#timestamp, frames: 0 };
    }
    const digit = this.#sending;
    digit.frames += 1;
    const isLast = digit.frames === DIGIT_FRAMES;
    const duration = digit.frames * EVENT_FRAME_TICKS;
    const payload = Buffer.of(digit.code, isLast ? EVENT_END | EVENT_VOLUME : EVENT_VOLUME, 0, 0);
    payload.writeUInt16BE(duration, 2);
    for (let i = 0; i < (isLast ? END_PACKETS : 1); i++) {
      this.#send(type, digit.timestamp, payload, digit.frames === 1 ? 'first' : 'within');
    }
    if (isLast) this.#pauseFrames = DIGIT_PAUSE_FRAMES;
    return true;
  }

  get #timestamp(): number {
    const frameTicks = (RTP_CLOCKS_HZ[this.#format?.codec ?? 'PCMU'] * FRAME_MS) / 1000;
    return (this.#firstTimestamp + this.#ticks * frameTicks) % 2 ** 32;
  }

  #send(payloadType: number, timestamp: number, payload: Uint8Array, place: 'first' | 'within'): void {
    const { remote } = this.#format ?? {};
    if (remote === undefined) return;
    const packet = Buffer.alloc(HEADER_BYTES + payload.length);
    const marker = place === 'first' || this.#ticks === 0 ? 0x80 : 0;
    packet[0] = 0x80;
    packet[1] = marker | payloadType;
    packet.writeUInt16BE(this.#sequence, 2);
    packet.writeUInt32BE(timestamp, 4);
    packet.writeUInt32BE(this.#ssrc, 8);
    packet.set(payload, HEADER_BYTES);
    this.#sequence = (this.#sequence + 1) % 2 ** 16;
    this.#socket.send(packet, remote.port, remote.host);
  }

  #receive(packet: Buffer, from: RemoteInfo): void {
    const atMs = performance.now();
    const format = this.#format;
    // Another phone's RTCP may come to this port: it is one above that phone's own.
    if (format === null || from.port !== format.remote.port || packet.length < HEADER_BYTES) return;
    const payloadType = (packet[1] ?? 0) & 0x7f;
    const timestamp = packet.readUInt32BE(4);
    const start = HEADER_BYTES + 4 * ((packet[0] ?? 0) & 0x0f);
    const payload = packet.subarray(start);
    if (payloadType === format.eventPayloadType) this.#receiveEvent(payload, timestamp, atMs);
    else if (payloadType === PAYLOAD_TYPES[format.codec] && this.#codec !== null) {
      const samples = this.#codec.decode(payload);
      this.recording.add({ atMs, sequence: packet.readUInt16BE(2), timestamp, samples });
    }
  }

  /** All packets of one digit bear the timestamp of its beginning. */
  #receiveEvent(payload: Buffer, timestamp: number, atMs: number): void {
    if (timestamp === this.#lastEventTimestamp) return;
    this.#lastEventTimestamp = timestamp;
    this.digits.push({ digit: DIGITS[payload[0] ?? -1] ?? '?', atMs });
    this.#until.changed();
  }
}
