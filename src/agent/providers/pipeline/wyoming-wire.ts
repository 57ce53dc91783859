import { z } from 'zod';
import { LinecardError } from '../../../core/errors.js';

/** An event is a line of JSON, then more JSON, then bytes (github.com/rhasspy/wyoming). A line that is longer is none. */
const MAX_LINE_BYTES = 64 * 1024;
/** Of the parts behind the line: speech comes in chunks of kilobytes. */
const MAX_PART_BYTES = 4 * 1024 * 1024;
const LINE_END = 0x0a;

const part = z.number().int().min(0).max(MAX_PART_BYTES).nullish();
const header = z.object({
  type: z.string().max(100),
  data: z.record(z.string(), z.unknown()).nullish(),
  data_length: part,
  payload_length: part,
});

export type WyomingEvent = {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly payload: Buffer;
};

/** An event as it goes over the wire. */
export function writeEvent(type: string, data: Readonly<Record<string, unknown>>, payload?: Uint8Array): Buffer {
  const about = payload === undefined ? {} : { payload_length: payload.length };
  const line = Buffer.from(`${JSON.stringify({ type, data, ...about })}\n`);
  return payload === undefined ? line : Buffer.concat([line, payload]);
}

/** Reads events from a stream that is cut anywhere. */
export class WyomingReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The events that are complete now. Throws AGENT_FAILED at what is no Wyoming. */
  push(bytes: Buffer): WyomingEvent[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const events: WyomingEvent[] = [];
    for (let event = this.#next(); event !== null; event = this.#next()) events.push(event);
    return events;
  }

  #next(): WyomingEvent | null {
    const end = this.#rest.indexOf(LINE_END);
    if (end < 0) {
      if (this.#rest.length > MAX_LINE_BYTES) throw nonsense();
      return null;
    }
    const line = readJson(header, this.#rest.subarray(0, end));
    const dataEnd = end + 1 + (line.data_length ?? 0);
    const payloadEnd = dataEnd + (line.payload_length ?? 0);
    if (this.#rest.length < payloadEnd) return null;
    const behind = this.#rest.subarray(end + 1, dataEnd);
    const more = behind.length === 0 ? {} : readJson(z.record(z.string(), z.unknown()), behind);
    const payload = this.#rest.subarray(dataEnd, payloadEnd);
    this.#rest = this.#rest.subarray(payloadEnd);
    return { type: line.type, data: { ...line.data, ...more }, payload };
  }
}

function readJson<Schema extends z.ZodType>(schema: Schema, bytes: Buffer): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    throw nonsense(error);
  }
}

function nonsense(cause?: unknown): LinecardError {
  return new LinecardError('AGENT_FAILED', 'the server does not speak the Wyoming protocol', { cause });
}
