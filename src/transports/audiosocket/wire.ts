import { FRAME_MS, samplesPerFrame } from '../../core/units.js';
import type { SampleRateHz } from '../../core/units.js';

/** Hang up, no payload. Either side; Asterisk never sends it (a hang-up is FIN or RST). */
export const KIND_HANG_UP = 0x00;
/** The leg's UUID, 16 raw bytes; the first frame of a connection, and only that. */
export const KIND_UUID = 0x01;
/** One ASCII digit; only from Asterisk, which ends the leg when it gets one. */
export const KIND_DIGIT = 0x03;
/** Signed linear at 8 kHz; the kinds after it are the wider rates. */
export const KIND_AUDIO_FIRST = 0x10;
export const KIND_AUDIO_LAST = 0x18;
/** An error, with an optional code. Asterisk ends the leg as failed when it gets one. */
export const KIND_ERROR = 0xff;

/** kind u8, length u16 big endian (res_audiosocket.c). */
export const HEADER_BYTES = 3;
export const UUID_BYTES = 16;
/** Asterisk sends 20 ms. Three times that is the longest ptime seen anywhere; more is not audio but a lost frame border. */
export const MAX_AUDIO_MS = 60;
/** Error codes are one byte; a few more do not hurt. */
const MAX_ERROR_BYTES = 16;
/** Split frames up to 16 kHz fit without another allocation; a wider peer costs one more, once. */
const FIRST_PAYLOAD_BYTES = maxAudioBytes(16_000);

/** Rate of the kinds 0x10 to 0x18, in their order. */
const AUDIO_RATES_HZ: readonly SampleRateHz[] = [8000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

/** The rate of an audio kind; `null` when the kind is none. */
export function rateOfKind(kind: number): SampleRateHz | null {
  return AUDIO_RATES_HZ[kind - KIND_AUDIO_FIRST] ?? null;
}

/** The kind that carries a rate. */
export function kindOfRate(rateHz: SampleRateHz): number {
  return KIND_AUDIO_FIRST + AUDIO_RATES_HZ.indexOf(rateHz);
}

/** Bytes of the longest audio payload that is taken at a rate. */
export function maxAudioBytes(rateHz: SampleRateHz): number {
  return samplesPerFrame(rateHz) * 2 * (MAX_AUDIO_MS / FRAME_MS);
}

/**
 * What a parser found. Called from within `push`; the bytes are valid during the call only. No method may throw.
 */
export interface WireHandler {
  uuid(bytes: Uint8Array, offset: number): void;
  /** ASCII code, unchecked. */
  digit(code: number): void;
  /** Samples s16 little endian, whole samples, possibly none at all (Asterisk's interpolated frames have no data). */
  audio(rateHz: SampleRateHz, bytes: Uint8Array, offset: number, length: number): void;
  hangUp(): void;
  /** `code` is the first payload byte, null when there is none. */
  error(code: number | null): void;
}

/** Why the stream cannot be read any further: what came and what would have been right. */
export type WireFault = string;

/**
 * Finds the frames in a TCP stream, whatever way it was split. Frames that lie whole within a chunk are handed on in place, others are put
 * together in a buffer that is allocated once: nothing is allocated for a frame. The first fault is final, since the border of the next
 * frame is lost with it.
 */
export class FrameParser {
  readonly #handler: WireHandler;
  readonly #header = new Uint8Array(HEADER_BYTES);
  /** Bytes of the header that are here; HEADER_BYTES while a payload is awaited. */
  #headerBytes = 0;
  #payload = new Uint8Array(FIRST_PAYLOAD_BYTES);
  /** Bytes of the payload that are in `#payload`. */
  #payloadBytes = 0;
  /** Bytes of payload that the header announced; within the limits of its kind. */
  #length = 0;
  #fault: WireFault | null = null;
  #stopped = false;

  constructor(handler: WireHandler) {
    this.#handler = handler;
  }

  /** Whether a frame has begun and not ended: a connection that ends here was cut. */
  get midFrame(): boolean {
    return this.#headerBytes > 0;
  }

  /** Nothing is parsed any more; for a handler that closes its leg amid a chunk. */
  stop(): void {
    this.#stopped = true;
  }

  /** Takes the next bytes of the stream. Returns the fault that ended it, now or earlier; null as long as it is sound. */
  push(chunk: Uint8Array): WireFault | null {
    let at = 0;
    while (at < chunk.length && this.#fault === null && !this.#stopped) {
      if (this.#headerBytes < HEADER_BYTES) {
        this.#header[this.#headerBytes] = chunk[at] as number;
        this.#headerBytes += 1;
        at += 1;
        if (this.#headerBytes === HEADER_BYTES) this.#openFrame();
        continue;
      }
      const missing = this.#length - this.#payloadBytes;
      const here = chunk.length - at;
      if (this.#payloadBytes === 0 && here >= missing) {
        this.#emit(chunk, at);
        at += missing;
        continue;
      }
      const taken = Math.min(missing, here);
      copy(chunk, at, this.#payload, this.#payloadBytes, taken);
      this.#payloadBytes += taken;
      at += taken;
      if (this.#payloadBytes === this.#length) this.#emit(this.#payload, 0);
    }
    return this.#fault;
  }

  /** A header is whole: check it before a single payload byte is taken. */
  #openFrame(): void {
    const kind = this.#header[0] as number;
    this.#length = ((this.#header[1] as number) << 8) | (this.#header[2] as number);
    this.#payloadBytes = 0;
    this.#fault = checkHeader(kind, this.#length);
    if (this.#fault !== null) return;
    if (this.#length > this.#payload.length) {
      this.#payload = new Uint8Array(maxAudioBytes(rateOfKind(kind) as SampleRateHz));
    }
    if (this.#length === 0) this.#emit(this.#payload, 0);
  }

  #emit(bytes: Uint8Array, offset: number): void {
    const kind = this.#header[0] as number;
    const length = this.#length;
    // Before the handler runs: it may look at `midFrame`.
    this.#headerBytes = 0;
    this.#payloadBytes = 0;
    const rateHz = rateOfKind(kind);
    if (rateHz !== null) this.#handler.audio(rateHz, bytes, offset, length);
    else if (kind === KIND_UUID) this.#handler.uuid(bytes, offset);
    else if (kind === KIND_DIGIT) this.#handler.digit(bytes[offset] as number);
    else if (kind === KIND_HANG_UP) this.#handler.hangUp();
    else this.#handler.error(length > 0 ? (bytes[offset] as number) : null);
  }
}

/** A frame of audio ready to be written: header and room for 20 ms at a rate, with the samples aligned for a view. */
export class AudioFrameBuffer {
  /** Header and payload: what goes on the wire, in one write (Asterisk gives the payload 5 ms after its header). */
  readonly bytes: Buffer;
  /** The payload; the machine is little endian as the wire is (checked when the module loads). */
  readonly samples: Int16Array;

  constructor(rateHz: SampleRateHz) {
    const samples = samplesPerFrame(rateHz);
    // The header begins at byte 1, so that the samples begin at byte 4.
    const memory = new ArrayBuffer(1 + HEADER_BYTES + samples * 2);
    this.bytes = Buffer.from(memory, 1);
    this.samples = new Int16Array(memory, 1 + HEADER_BYTES, samples);
    writeHeader(this.bytes, kindOfRate(rateHz), samples * 2);
  }
}

/** A frame of any kind with its payload; for what is sent once in a while. */
export function encodeFrame(kind: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  writeHeader(bytes, kind, payload.length);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Text form of the 16 bytes of a UUID (RFC 9562), lower case. */
export function uuidText(bytes: Uint8Array, offset: number): string {
  let text = '';
  for (let i = 0; i < UUID_BYTES; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += '-';
    text += (bytes[offset + i] as number).toString(16).padStart(2, '0');
  }
  return text;
}

/** The 16 bytes of a UUID in text form. */
export function uuidBytes(text: string): Uint8Array {
  const hex = text.replaceAll('-', '');
  return Uint8Array.from({ length: UUID_BYTES }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

function writeHeader(bytes: Uint8Array, kind: number, length: number): void {
  bytes[0] = kind;
  bytes[1] = length >> 8;
  bytes[2] = length & 0xff;
}

/** `TypedArray.set` wants a view of the source, which would be an allocation for each split frame. */
function copy(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, count: number): void {
  for (let i = 0; i < count; i++) to[toAt + i] = from[fromAt + i] as number;
}

function checkHeader(kind: number, length: number): WireFault | null {
  const rateHz = rateOfKind(kind);
  if (rateHz !== null) {
    if (length % 2 !== 0) return fault(kind, length, `audio at ${rateHz} Hz has an even length`);
    const most = maxAudioBytes(rateHz);
    return length <= most ? null : fault(kind, length, `audio at ${rateHz} Hz has at most ${most} bytes`);
  }
  switch (kind) {
    case KIND_UUID:
      return length === UUID_BYTES ? null : fault(kind, length, `a UUID has ${UUID_BYTES} bytes`);
    case KIND_DIGIT:
      return length === 1 ? null : fault(kind, length, 'a digit has 1 byte');
    case KIND_HANG_UP:
      return length === 0 ? null : fault(kind, length, 'a hang-up has no payload');
    case KIND_ERROR:
      return length <= MAX_ERROR_BYTES ? null : fault(kind, length, `an error has at most ${MAX_ERROR_BYTES} bytes`);
    default:
      return fault(kind, length, 'known kinds are 0x00, 0x01, 0x03, 0x10 to 0x18 and 0xff');
  }
}

function fault(kind: number, length: number, expected: string): WireFault {
  return `frame of kind 0x${kind.toString(16).padStart(2, '0')} with ${length} bytes: ${expected}`;
}

if (new Uint8Array(Uint16Array.of(1).buffer)[0] !== 1) {
  throw new Error('Linecard needs a little endian machine: samples go to the wire as they are in memory');
}
