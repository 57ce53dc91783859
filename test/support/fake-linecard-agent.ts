import { z } from 'zod';
import { FakeSocketServer } from './fake-socket-server.js';
import type { FakeConnection } from './fake-socket-server.js';

const call = z.strictObject({
  id: z.uuid(),
  caller: z.strictObject({ number: z.string(), name: z.string() }),
  extension: z.string().nullable(),
});
const audio = z.strictObject({
  encoding: z.literal('s16le'),
  sampleRateHz: z.literal(16_000),
  channels: z.literal(1),
  frameMs: z.literal(20),
});

/** What the documentation promises to an agent, to the letter. */
const fromLinecard = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('start'),
    version: z.literal(1),
    audio,
    call,
    history: z.array(z.strictObject({ who: z.enum(['caller', 'agent', 'human']), text: z.string() })),
    briefing: z.string().exactOptional(),
    greeting: z.string(),
    instructions: z.string(),
    voice: z.string(),
    parameters: z.record(z.string(), z.string()),
    tools: z.array(
      z.strictObject({ name: z.string(), description: z.string(), inputSchema: z.record(z.string(), z.unknown()) }),
    ),
    turnTaking: z.enum(['linecard', 'agent']),
  }),
  z.strictObject({ type: z.literal('answered') }),
  z.strictObject({ type: z.literal('digit'), digit: z.string().regex(/^[0-9*#A-D]$/) }),
  z.strictObject({ type: z.literal('callerStarted'), spokenMs: z.int().min(0) }),
  z.strictObject({ type: z.literal('callerFinished') }),
  z.strictObject({
    type: z.literal('heard'),
    segment: z.string().nullable(),
    heardMs: z.number().int().min(0),
    text: z.string(),
    interrupted: z.boolean(),
  }),
  z.strictObject({
    type: z.literal('toolResult'),
    id: z.string(),
    ok: z.boolean(),
    value: z.unknown().optional(),
    message: z.string().exactOptional(),
  }),
  z.strictObject({ type: z.literal('say'), text: z.string() }),
  z.strictObject({ type: z.literal('instruct'), text: z.string() }),
  z.strictObject({ type: z.literal('mistake'), message: z.string() }),
  z.strictObject({ type: z.literal('ended') }),
]);

type LinecardMessage = z.output<typeof fromLinecard>;

/** A program behind our own protocol: checks all it is sent, says what the test wants. */
export class FakeLinecardAgent {
  readonly received: LinecardMessage[] = [];
  readonly mistakes: string[] = [];
  readonly frames: Int16Array[] = [];
  readonly server: FakeSocketServer;

  constructor() {
    this.server = new FakeSocketServer((connection) => {
      this.received.length = 0;
      connection.socket.on('message', (data, isBinary) => {
        if (isBinary) this.#frame(data as Buffer);
        else this.#receive((data as Buffer).toString());
      });
    });
  }

  get url(): string {
    return `ws://${this.server.host}/agent`;
  }

  get connection(): FakeConnection {
    return this.server.connections.at(-1)!;
  }

  of<Type extends LinecardMessage['type']>(type: Type): Extract<LinecardMessage, { readonly type: Type }>[] {
    return this.received.filter((message) => message.type === type) as Extract<LinecardMessage, { type: Type }>[];
  }

  send(message: unknown): void {
    this.connection.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Audio of one level. */
  say(ms: number, level = 6000): void {
    this.connection.socket.send(new Int16Array(ms * 16).fill(level));
  }

  #frame(bytes: Buffer): void {
    if (bytes.length !== 640) this.mistakes.push(`a frame of ${bytes.length} bytes`);
    if (this.of('answered').length === 0) this.mistakes.push('audio before answered');
    this.frames.push(new Int16Array(new Uint8Array(bytes).buffer));
  }

  #receive(text: string): void {
    const result = fromLinecard.safeParse(JSON.parse(text));
    if (!result.success) {
      this.mistakes.push(`${text}: ${z.prettifyError(result.error)}`);
      return;
    }
    const message = result.data;
    if ((this.received.length === 0) !== (message.type === 'start')) this.mistakes.push(`${message.type} out of order`);
    if (this.of('ended').length > 0) this.mistakes.push(`${message.type} after the end`);
    this.received.push(message);
  }
}
