import { createHash, createHmac } from 'node:crypto';
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
const EMPTY = Buffer.alloc(0);

/**
 * Messages of a stream as Bedrock takes them: an event in an envelope with the time and a signature ("Amazon event stream encoding", "Signing event
 * messages" in Amazon's guides). Amazon's client does the same in a dozen asynchronous steps a message: twice the time, and so much garbage that with a hundred
 * calls the collector makes ticks late. `test/agent/providers/nova-sonic-signing.test.ts` holds us to it byte by byte.
 */
export class EventMessages {
  readonly #scope: SigningScope;
  #priorSignature: string;
  #day = '';
  #key: Buffer = EMPTY;

  constructor(scope: SigningScope) {
    this.#scope = scope;
    this.#priorSignature = scope.priorSignature;
  }

  /** @param message of the model's protocol */
  event(message: string, wallMs: number): Buffer {
    const bytes = Buffer.from(message).toString('base64');
    return this.#signed(encoded(EVENT_HEADERS, Buffer.from(`{"bytes":"${bytes}"}`, 'latin1')), wallMs);
  }

  /** The last one. */
  end(wallMs: number): Buffer {
    return this.#signed(EMPTY, wallMs);
  }

  #signed(body: Buffer, wallMs: number): Buffer {
    const { region, service } = this.#scope;
    const time = new Date(wallMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const day = time.slice(0, 8);
    const date = dateHeader(wallMs);
    const scope = `${day}/${region}/${service}/aws4_request`;
    const text = ['AWS4-HMAC-SHA256-PAYLOAD', time, scope, this.#priorSignature, sha256(date), sha256(body)].join('\n');
    const signature = hmac(this.#keyOf(day), text);
    this.#priorSignature = signature.toString('hex');
    return encoded(Buffer.concat([date, SIGNATURE_HEADER, signature]), body);
  }

  /** A key is good for a day. */
  #keyOf(day: string): Buffer {
    if (day !== this.#day) {
      const { secretAccessKey, region, service } = this.#scope;
      this.#day = day;
      this.#key = [day, region, service, 'aws4_request'].reduce(hmac, Buffer.from(`AWS4${secretAccessKey}`));
    }
    return this.#key;
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function encoded(headers: Buffer, body: Buffer): Buffer {
  const length = PRELUDE_BYTES + headers.length + body.length + CHECKSUM_BYTES;
  const message = Buffer.allocUnsafe(length);
  message.writeUInt32BE(length, 0);
  message.writeUInt32BE(headers.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  headers.copy(message, PRELUDE_BYTES);
  body.copy(message, PRELUDE_BYTES + headers.length);
  message.writeUInt32BE(crc32(message.subarray(0, length - CHECKSUM_BYTES)), length - CHECKSUM_BYTES);
  return message;
}

/** A header's name and type, and the length of its value. */
function headerStart(name: string, type: number, valueBytes: number | null): Buffer {
  const length = valueBytes === null ? [] : [valueBytes >> 8, valueBytes & 0xff];
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([type, ...length])]);
}

function textHeader(name: string, value: string): Buffer {
  return Buffer.concat([headerStart(name, TEXT, value.length), Buffer.from(value)]);
}

function dateHeader(wallMs: number): Buffer {
  const value = Buffer.allocUnsafe(8);
  value.writeBigInt64BE(BigInt(Math.round(wallMs)));
  return Buffer.concat([DATE_HEADER, value]);
}

const EVENT_HEADERS = Buffer.concat([
  textHeader(':event-type', 'chunk'),
  textHeader(':message-type', 'event'),
  textHeader(':content-type', 'application/json'),
]);
const DATE_HEADER = headerStart(':date', TIME, null);
const SIGNATURE_HEADER = headerStart(':chunk-signature', BYTES, 32);

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
