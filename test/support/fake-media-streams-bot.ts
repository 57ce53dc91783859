import { z } from 'zod';
import { FakeSocketServer } from './fake-socket-server.js';
import type { FakeConnection } from './fake-socket-server.js';

const digits = z.string().regex(/^\d+$/);
const sid = (letters: string): z.ZodString => z.string().regex(new RegExp(`^${letters}[0-9a-f]{32}$`));
const streamSid = sid('MZ');
const common = { sequenceNumber: digits, streamSid };

/** What Twilio sends to a bot, to the letter. */
const fromTwilio = z.discriminatedUnion('event', [
  z.strictObject({ event: z.literal('connected'), protocol: z.literal('Call'), version: z.literal('1.0.0') }),
  z.strictObject({
    event: z.literal('start'),
    ...common,
    start: z.strictObject({
      streamSid,
      accountSid: sid('AC'),
      callSid: sid('CA'),
      tracks: z.tuple([z.literal('inbound')]),
      customParameters: z.record(z.string(), z.string()),
      mediaFormat: z.strictObject({
        encoding: z.literal('audio/x-mulaw'),
        sampleRate: z.literal(8000),
        channels: z.literal(1),
      }),
    }),
  }),
  z.strictObject({
    event: z.literal('media'),
    ...common,
    media: z.strictObject({ track: z.literal('inbound'), chunk: digits, timestamp: digits, payload: z.base64() }),
  }),
  z.strictObject({ event: z.literal('mark'), ...common, mark: z.strictObject({ name: z.string() }) }),
  z.strictObject({
    event: z.literal('dtmf'),
    ...common,
    dtmf: z.strictObject({ track: z.literal('inbound_track'), digit: z.string().regex(/^[0-9*#A-D]$/) }),
  }),
  z.strictObject({
    event: z.literal('stop'),
    ...common,
    stop: z.strictObject({ accountSid: sid('AC'), callSid: sid('CA') }),
  }),
]);

type TwilioMessage = z.output<typeof fromTwilio>;

/** A bot behind Twilio Media Streams: checks all it is sent against the protocol, says what the test wants. */
export class FakeMediaStreamsBot {
  readonly received: TwilioMessage[] = [];
  /** What no Twilio would have sent; a test ends by looking that there is none. */
  readonly mistakes: string[] = [];
  readonly server: FakeSocketServer;
  #sequence = 0;
  #chunk = 0;

  constructor() {
    this.server = new FakeSocketServer((connection) => {
      connection.socket.on('message', (data, isBinary) => {
        if (isBinary) this.mistakes.push('a binary message');
        else this.#receive((data as Buffer).toString());
      });
    });
  }

  get url(): string {
    return `ws://${this.server.host}/media?tenant=a%20b`;
  }

  get connection(): FakeConnection {
    return this.server.connections.at(-1)!;
  }

  of<Event extends TwilioMessage['event']>(event: Event): Extract<TwilioMessage, { readonly event: Event }>[] {
    return this.received.filter((message) => message.event === event) as Extract<TwilioMessage, { event: Event }>[];
  }

  /** µ-law of everything heard. */
  get heard(): Buffer {
    return Buffer.concat(this.of('media').map(({ media }) => Buffer.from(media.payload, 'base64')));
  }

  send(message: unknown): void {
    this.connection.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Says µ-law bytes of one value. */
  say(ms: number, code = 0x80): void {
    this.send({ event: 'media', streamSid: 'MZ', media: { payload: Buffer.alloc(ms * 8, code).toString('base64') } });
  }

  mark(name: string): void {
    this.send({ event: 'mark', streamSid: 'MZ', mark: { name } });
  }

  clear(): void {
    this.send({ event: 'clear', streamSid: 'MZ' });
  }

  #receive(text: string): void {
    const result = fromTwilio.safeParse(JSON.parse(text));
    if (!result.success) {
      this.mistakes.push(`${text}: ${z.prettifyError(result.error)}`);
      return;
    }
    const message = result.data;
    this.#checkOrder(message);
    this.received.push(message);
  }

  #checkOrder(message: TwilioMessage): void {
    const place = this.received.length;
    if ((place === 0) !== (message.event === 'connected')) this.mistakes.push(`${message.event} at ${place}`);
    if ((place === 1) !== (message.event === 'start')) this.mistakes.push(`${message.event} at ${place}`);
    if (this.received.some(({ event }) => event === 'stop')) this.mistakes.push(`${message.event} after stop`);
    if (message.event === 'connected') return;
    this.#sequence += 1;
    if (message.sequenceNumber !== String(this.#sequence)) this.mistakes.push(`sequence at ${place}`);
    if (message.event !== 'media') return;
    this.#chunk += 1;
    if (message.media.chunk !== String(this.#chunk)) this.mistakes.push(`chunk at ${place}`);
  }
}
