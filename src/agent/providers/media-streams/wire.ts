import { z } from 'zod';

/**
 * What a bot may send (Twilio, "Media Streams - WebSocket Messages", bidirectional streams). The stream's id is not checked: there is one
 * stream a connection, and bots that leave it out work.
 */
const message = z.discriminatedUnion('event', [
  z.object({ event: z.literal('media'), media: z.object({ payload: z.base64() }) }),
  z.object({ event: z.literal('mark'), mark: z.object({ name: z.string().max(500) }) }),
  z.object({ event: z.literal('clear') }),
]);

export type BotMessage = z.output<typeof message>;

/** Reads a message of the bot's; null when it is none that the protocol knows. */
export function readBotMessage(text: string): BotMessage | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const result = message.safeParse(json);
  return result.success ? result.data : null;
}

/** The names by which Twilio's protocol calls a stream, its call and whose it is: two letters and 32 hexadecimal digits. */
export type StreamIds = { readonly streamSid: string; readonly callSid: string; readonly accountSid: string };

/** Writes what Twilio sends, numbered as Twilio does. Numbers are text there. */
export class StreamWriter {
  readonly #ids: StreamIds;
  #sequence = 0;
  #chunk = 0;

  constructor(ids: StreamIds) {
    this.#ids = ids;
  }

  connected(): string {
    return JSON.stringify({ event: 'connected', protocol: 'Call', version: '1.0.0' });
  }

  start(customParameters: Readonly<Record<string, string>>): string {
    return this.#message('start', {
      ...this.#ids,
      tracks: ['inbound'],
      customParameters,
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
    });
  }

  /** @param payload µ-law in base64; @param atMs since the stream began. Sent every 20 ms, so put together without JSON. */
  media(payload: string, atMs: number): string {
    this.#chunk += 1;
    const media = `{"track":"inbound","chunk":"${this.#chunk}","timestamp":"${atMs}","payload":"${payload}"}`;
    return `{"event":"media","sequenceNumber":"${this.#next()}","media":${media},"streamSid":"${this.#ids.streamSid}"}`;
  }

  mark(name: string): string {
    return this.#message('mark', { name });
  }

  digit(digit: string): string {
    return this.#message('dtmf', { track: 'inbound_track', digit });
  }

  stop(): string {
    const { accountSid, callSid } = this.#ids;
    return this.#message('stop', { accountSid, callSid });
  }

  #message(event: string, content: unknown): string {
    return JSON.stringify({
      event,
      sequenceNumber: String(this.#next()),
      streamSid: this.#ids.streamSid,
      [event]: content,
    });
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}
