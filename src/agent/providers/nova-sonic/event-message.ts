import * as crypto from 'node:crypto';
import * as zlib from 'node:zlib';

/** What a stream's messages are signed with, and what they are signed for. */
export type SigningScope = {
  readonly secretAccessKey: string;
  readonly region: string;
  readonly service: string;
  /** Of the request that opened the stream, in hexadecimal: each message's signature has the one before in it. */
  readonly priorSignature: string;
};

/** Header types of the protocol. */
const BYTES = 6;
const TEXT = 7;
const TIME = 8;
/** Two lengths and their checksum before the headers, a checksum behind the body. */
const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;
const SHA256_BYTES = 32;
const HMAC_BLOCK_BYTES = 64;

/**
 * Messages of a stream as Bedrock takes them: an event in an envelope with the time and a signature ("Amazon event stream encoding", "Signing event
 * messages" in Amazon's guides). Amazon's client does the same in a dozen asynchronous steps a message: twice the time, and so much garbage that with a hundred
 * calls the collector makes ticks late. `test/agent/providers/nova-sonic-signing.test.ts` holds us to it byte by byte.
 */
export class EventMessages {
  readonly #scope: SigningScope;
  #priorSignature: string;
  #day = '';
  #key: Buffer = Buffer.alloc(0);

  constructor(scope: SigningScope) {
    this.#scope = scope;
    this.#priorSignature = scope.priorSignature;
  }

  /** @param message of the model's protocol */
  event(message: string, wallMs: number): Buffer {
    const body = `{"bytes":"${base64Of(message)}"}`;
    const inner = PRELUDE_BYTES + EVENT_HEADERS.length + body.length + CHECKSUM_BYTES;
    const envelope = Buffer.allocUnsafe(BODY_AT + inner + CHECKSUM_BYTES);
    EVENT_HEADERS.copy(envelope, BODY_AT + PRELUDE_BYTES);
    envelope.write(body, BODY_AT + PRELUDE_BYTES + EVENT_HEADERS.length, 'latin1');
    frame(envelope.subarray(BODY_AT, BODY_AT + inner), EVENT_HEADERS.length);
    return this.#sealed(envelope, wallMs);
  }

  /** The last one. */
  end(wallMs: number): Buffer {
    return this.#sealed(Buffer.allocUnsafe(BODY_AT + CHECKSUM_BYTES), wallMs);
  }

  /** @param envelope with the body in its place, and nothing else yet */
  #sealed(envelope: Buffer, wallMs: number): Buffer {
    const { region, service } = this.#scope;
    DATE_HEADER.copy(envelope, PRELUDE_BYTES);
    envelope.writeBigInt64BE(BigInt(Math.round(wallMs)), SIGNATURE_HEADER_AT - 8);
    SIGNATURE_HEADER.copy(envelope, SIGNATURE_HEADER_AT);
    const time = new Date(wallMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const day = time.slice(0, 8);
    const date = sha256(envelope.subarray(PRELUDE_BYTES, SIGNATURE_HEADER_AT), 'hex');
    const body = sha256(envelope.subarray(BODY_AT, envelope.length - CHECKSUM_BYTES), 'hex');
    const scope = `${day}/${region}/${service}/aws4_request`;
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${time}\n${scope}\n${this.#priorSignature}\n${date}\n${body}`;
    this.#priorSignature = hmac(this.#keyOf(day), text, 'hex');
    envelope.write(this.#priorSignature, BODY_AT - SHA256_BYTES, 'hex');
    frame(envelope, BODY_AT - PRELUDE_BYTES);
    return envelope;
  }

  /** A key is good for a day. */
  #keyOf(day: string): Buffer {
    if (day !== this.#day) {
      const { secretAccessKey, region, service } = this.#scope;
      this.#day = day;
      const secret = Buffer.from(`AWS4${secretAccessKey}`);
      const derived = (key: Buffer, text: string): Buffer => Buffer.from(hmac(key, text, 'binary'), 'latin1');
      this.#key = [day, region, service, 'aws4_request'].reduce(derived, secret);
    }
    return this.#key;
  }
}

type HashOutput = 'hex' | 'binary';

/** In one step where Node has it (20.12): an object for each would be one that the collector has to ask about its end, 15,000 times a second. */
const sha256: (bytes: Buffer, output: HashOutput) => string =
  'hash' in crypto
    ? (bytes, output) => crypto.hash('sha256', bytes, output)
    : (bytes, output) => hashedByObject(bytes, output);

/** The same in every Node. */
export function hashedByObject(bytes: Buffer, output: HashOutput): string {
  return crypto.createHash('sha256').update(bytes).digest(output);
}

/** HMAC with SHA-256 (RFC 2104), of two hashes for the same reason. */
function hmac(key: Buffer, text: string, output: HashOutput): string {
  const short = key.length <= HMAC_BLOCK_BYTES ? key : Buffer.from(sha256(key, 'binary'), 'latin1');
  padded(short, 0x36);
  const inner = sha256(SCRATCH.subarray(0, HMAC_BLOCK_BYTES + SCRATCH.write(text, HMAC_BLOCK_BYTES)), 'binary');
  padded(short, 0x5c);
  SCRATCH.write(inner, HMAC_BLOCK_BYTES, 'latin1');
  return sha256(SCRATCH.subarray(0, HMAC_BLOCK_BYTES + SHA256_BYTES), output);
}

/** Lays the first block of a hash into the scratch. */
function padded(key: Buffer, pad: number): void {
  for (let at = 0; at < HMAC_BLOCK_BYTES; at++) SCRATCH[at] = (at < key.length ? (key[at] as number) : 0) ^ pad;
}

/** What goes before the headers and behind the body. */
function frame(message: Buffer, headerBytes: number): void {
  const end = message.length - CHECKSUM_BYTES;
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(headerBytes, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  message.writeUInt32BE(crc32(message.subarray(0, end)), end);
}

function base64Of(text: string): string {
  if (text.length * 3 > SCRATCH.length) return Buffer.from(text).toString('base64');
  return SCRATCH.toString('base64', 0, SCRATCH.write(text));
}

/** A header's name and type, and the length of its value. */
function headerStart(name: string, type: number, valueBytes: number | null): Buffer {
  const length = valueBytes === null ? [] : [valueBytes >> 8, valueBytes & 0xff];
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([type, ...length])]);
}

function textHeader(name: string, value: string): Buffer {
  return Buffer.concat([headerStart(name, TEXT, value.length), Buffer.from(value)]);
}

/** For a moment, within a function that runs to its end. */
const SCRATCH = Buffer.alloc(8192);

const EVENT_HEADERS = Buffer.concat([
  textHeader(':event-type', 'chunk'),
  textHeader(':message-type', 'event'),
  textHeader(':content-type', 'application/json'),
]);
const DATE_HEADER = headerStart(':date', TIME, null);
const SIGNATURE_HEADER = headerStart(':chunk-signature', BYTES, SHA256_BYTES);
const SIGNATURE_HEADER_AT = PRELUDE_BYTES + DATE_HEADER.length + 8;
const BODY_AT = SIGNATURE_HEADER_AT + SIGNATURE_HEADER.length + SHA256_BYTES;

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xed_b8_83_20 : crc >>> 1;
  return crc;
});

/** CRC-32 (ISO 3309) of a Node before 20.15, which has none. */
export function tableCrc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let at = 0; at < bytes.length; at++) {
    crc = (CRC_TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

const crc32 = (zlib as { readonly crc32?: (bytes: Uint8Array) => number }).crc32 ?? tableCrc32;
