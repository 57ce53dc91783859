import { LinecardError } from '../../core/errors.js';

/** FreeSWITCH writes events of a few kilobytes; a header block beyond this is no event socket. */
const MAX_HEADER_BYTES = 64 * 1024;
/** `show channels` of a thousand calls is about a megabyte. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Keeps one buffer for a stream that arrives in pieces; larger than any usual event. */
const INITIAL_BUFFER_BYTES = 16 * 1024;

const LF = 0x0a;

/**
 * Cuts the byte stream of an event socket into messages, each made harmless for the library that reads it: a stray `%` in a header
 * (which it decodes as a URI) is escaped, an event whose JSON does not parse is left out. Any split of the stream gives the same messages.
 * Throws PBX_REFUSED when the stream cannot be an event socket; the connection is useless then.
 *
 * Format: header lines `Name: value`, an empty line, then `Content-Length` bytes of body (libs/esl, mod_event_socket.c).
 */
export class EslFraming {
  readonly #onMessage: (message: Buffer) => void;
  /** Bytes that are not a whole message yet; `#length` of them are used. */
  #buffer = Buffer.allocUnsafe(INITIAL_BUFFER_BYTES);
  #length = 0;
  /** Where the search for the end of the headers goes on; everything before has none. */
  #searchFrom = 0;
  /** Events left out because their body was not JSON. */
  dropped = 0;

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    this.#append(chunk);
    let start = 0;
    for (;;) {
      const end = this.#take(start);
      if (end === null) break;
      start = end;
    }
    if (start > 0) {
      this.#buffer.copyWithin(0, start, this.#length);
      this.#length -= start;
      this.#searchFrom = 0;
    }
  }

  /** Emits the message at `start` and returns where the next one begins; null when it is not complete. */
  #take(start: number): number | null {
    const headerEnd = this.#findHeaderEnd(Math.max(start, this.#searchFrom));
    if (headerEnd === null) {
      if (this.#length - start > MAX_HEADER_BYTES)
        throw noEventSocket(`headers of more than ${MAX_HEADER_BYTES} bytes`);
      this.#searchFrom = Math.max(start, this.#length - 1);
      return null;
    }
    const headers = this.#buffer.toString('utf8', start, headerEnd);
    const bodyBytes = contentLength(headers);
    if (bodyBytes > MAX_BODY_BYTES) throw noEventSocket(`a body of ${bodyBytes} bytes`);
    const bodyStart = headerEnd + 2;
    const end = bodyStart + bodyBytes;
    if (end > this.#length) {
      this.#searchFrom = start;
      return null;
    }
    const body = this.#buffer.subarray(bodyStart, end);
    if (headerEnd > start) {
      if (isJsonEvent(headers) && !isJsonObject(body)) this.dropped += 1;
      else this.#onMessage(Buffer.concat([Buffer.from(harmless(headers)), Buffer.from('\n\n'), body]));
    }
    return end;
  }

  #findHeaderEnd(from: number): number | null {
    for (let i = from; i < this.#length - 1; i++) {
      if (this.#buffer[i] === LF && this.#buffer[i + 1] === LF) return i;
    }
    return null;
  }

  #append(chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#length);
    this.#length = needed;
  }
}

function noEventSocket(what: string): LinecardError {
  return new LinecardError('PBX_REFUSED', `${what} came from the event socket; is esl.port that of mod_event_socket?`);
}

function contentLength(headers: string): number {
  const match = /^Content-Length: *(\d{1,9})\s*$/im.exec(headers);
  return match === null ? 0 : Number(match[1]);
}

function isJsonEvent(headers: string): boolean {
  return /^Content-Type: *text\/event-json\s*$/im.test(headers);
}

function isJsonObject(body: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false; // what this function is asked
  }
}

/** The library runs decodeURIComponent over every header value: what would make that throw is escaped. */
function harmless(headers: string): string {
  return headers
    .split('\n')
    .map((line) => (decodes(line) ? line : line.replaceAll('%', '%25')))
    .join('\n');
}

function decodes(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false; // what this function is asked
  }
}
