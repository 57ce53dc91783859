import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { EventStreamCodec } from '@smithy/core/event-streams';
import { z } from 'zod';

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes as Uint8Array).toString('utf8'),
  (text) => Buffer.from(text),
);

const names = { promptName: z.uuid(), contentName: z.uuid() };
const text = z.strictObject({ mediaType: z.literal('text/plain') });
const audio = {
  audioType: z.literal('SPEECH'),
  encoding: z.literal('base64'),
  mediaType: z.literal('audio/lpcm'),
  sampleSizeBits: z.literal(16),
  channelCount: z.literal(1),
};

/** What a client of ours may send, key by key, as Amazon's guide has it. */
const inputEvent = z.union([
  z.strictObject({
    sessionStart: z.strictObject({
      inferenceConfiguration: z.strictObject({ maxTokens: z.number(), topP: z.number(), temperature: z.number() }),
      turnDetectionConfiguration: z
        .strictObject({ endpointingSensitivity: z.enum(['HIGH', 'MEDIUM', 'LOW']) })
        .exactOptional(),
    }),
  }),
  z.strictObject({
    promptStart: z.strictObject({
      promptName: z.uuid(),
      textOutputConfiguration: text,
      audioOutputConfiguration: z.strictObject({ ...audio, sampleRateHertz: z.literal(24_000), voiceId: z.string() }),
      toolUseOutputConfiguration: z.strictObject({ mediaType: z.literal('application/json') }).exactOptional(),
      toolConfiguration: z
        .strictObject({
          tools: z.array(
            z.strictObject({
              toolSpec: z.strictObject({
                name: z.string(),
                description: z.string(),
                inputSchema: z.strictObject({ json: z.string() }),
              }),
            }),
          ),
        })
        .exactOptional(),
    }),
  }),
  z.strictObject({
    contentStart: z.union([
      z.strictObject({
        ...names,
        type: z.literal('TEXT'),
        interactive: z.boolean(),
        role: z.enum(['SYSTEM', 'USER', 'ASSISTANT']),
        textInputConfiguration: text,
      }),
      z.strictObject({
        ...names,
        type: z.literal('AUDIO'),
        interactive: z.literal(true),
        role: z.literal('USER'),
        audioInputConfiguration: z.strictObject({ ...audio, sampleRateHertz: z.literal(16_000) }),
      }),
      z.strictObject({
        ...names,
        type: z.literal('TOOL'),
        interactive: z.literal(false),
        role: z.literal('TOOL'),
        toolResultInputConfiguration: z.strictObject({
          toolUseId: z.string(),
          type: z.literal('TEXT'),
          textInputConfiguration: text,
        }),
      }),
    ]),
  }),
  z.strictObject({ textInput: z.strictObject({ ...names, content: z.string().min(1) }) }),
  z.strictObject({ audioInput: z.strictObject({ ...names, content: z.base64() }) }),
  z.strictObject({ toolResult: z.strictObject({ ...names, content: z.string() }) }),
  z.strictObject({ contentEnd: z.strictObject(names) }),
  z.strictObject({ promptEnd: z.strictObject({ promptName: z.uuid() }) }),
  z.strictObject({ sessionEnd: z.strictObject({}) }),
]);

type InputEvent = z.output<typeof inputEvent>;
type ContentStart = Extract<InputEvent, { readonly contentStart: unknown }>['contentStart'];

/** One session at the fake: what it was sent, and the order that the guide asks for. */
export class FakeNovaSession {
  readonly mistakes: string[] = [];
  readonly system: string[] = [];
  /** `ROLE: text` of what was told before the sound began. */
  readonly history: string[] = [];
  /** What was told in the middle. */
  readonly texts: string[] = [];
  readonly results: string[] = [];
  tools: string[] = [];
  /** How soon it is to take a turn for finished; null: it was not told. */
  endpointingSensitivity: string | null = null;
  heardMs = 0;
  /** The client has said that it is over. */
  ended = false;
  closed = false;
  /** What the caller says, piece by piece. */
  onSound: (pcm: Buffer) => void = () => undefined;
  /** Words in the middle, which want an answer. */
  onWords: () => void = () => undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #open = new Map<string, ContentStart>();
  readonly #calls = new Set<string>();
  #stage: 'session' | 'prompt' | 'content' | 'sound' | 'closing' = 'session';
  #promptName = '';
  #rest = Buffer.alloc(0);
  #ids = 0;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.closed = true;
    });
  }

  send(event: object): void {
    this.sendText(JSON.stringify({ event }));
  }

  sendText(message: string): void {
    const bytes = Buffer.from(message).toString('base64');
    this.#write('event', 'chunk', JSON.stringify({ bytes }));
  }

  /** As Bedrock tells of a problem within a stream. */
  fail(exception: string, message: string): void {
    this.#write('exception', exception, JSON.stringify({ message }));
    this.#stream.end();
  }

  cut(): void {
    this.#stream.close(2);
  }

  /** What the caller is understood to have said. */
  understood(words: string): void {
    this.#block('TEXT', 'USER', 'FINAL', 'PARTIAL_TURN', [{ textOutput: { content: words, role: 'USER' } }]);
  }

  /** A sentence: its words, and its sound at one level, all at once. */
  say(words: string, ms: number, end: 'END_TURN' | 'PARTIAL_TURN' | 'half' = 'PARTIAL_TURN'): void {
    const ahead = [{ textOutput: { content: words, role: 'ASSISTANT' } }];
    this.#block('TEXT', 'ASSISTANT', 'SPECULATIVE', 'PARTIAL_TURN', ahead);
    const bytes = Buffer.alloc(ms * 48);
    for (let at = 0; at < bytes.length; at += 2) bytes.writeInt16LE(6000, at);
    const pieces: { audioOutput: { content: string } }[] = [];
    // An odd number: samples are cut in two.
    for (let at = 0; at < bytes.length; at += 9601) {
      pieces.push({ audioOutput: { content: bytes.subarray(at, at + 9601).toString('base64') } });
    }
    this.#block('AUDIO', 'ASSISTANT', null, end, pieces);
  }

  /** A whole answer, and what the model believes to have been heard of it. */
  answer(words: string, ms: number): void {
    this.say(words, ms, 'END_TURN');
    this.#block('TEXT', 'ASSISTANT', 'FINAL', 'END_TURN', [{ textOutput: { content: words, role: 'ASSISTANT' } }]);
    const totals = { totalInputTokens: 100, totalOutputTokens: 50, totalTokens: 150 };
    this.send({ usageEvent: { ...this.#about(), ...totals, details: {} } });
  }

  interrupted(): void {
    const mark = [{ textOutput: { content: '{ "interrupted" : true }', role: 'ASSISTANT' } }];
    this.#block('TEXT', 'ASSISTANT', 'FINAL', 'INTERRUPTED', mark);
  }

  call(toolName: string, input: unknown): void {
    const toolUseId = this.#id();
    this.#calls.add(toolUseId);
    const use = { toolUse: { toolName, toolUseId, content: JSON.stringify(input), role: 'TOOL' } };
    this.#block('TOOL', 'TOOL', null, 'TOOL_USE', [use]);
  }

  #block(type: string, role: string, stage: string | null, stopReason: string, events: readonly object[]): void {
    const contentId = this.#id();
    const fields = stage === null ? {} : { additionalModelFields: JSON.stringify({ generationStage: stage }) };
    this.send({ contentStart: { ...this.#about(), contentId, type, role, ...fields } });
    for (const event of events) {
      const [[key, value]] = Object.entries(event) as [[string, object]];
      this.send({ [key]: { ...this.#about(), contentId, ...value } });
    }
    if (stopReason !== 'half') this.send({ contentEnd: { ...this.#about(), contentId, type, stopReason } });
  }

  #about(): object {
    return { sessionId: 's', promptName: this.#promptName, completionId: 'c' };
  }

  #write(messageType: string, eventType: string, body: string): void {
    if (this.#stream.destroyed) return;
    const string = (value: string): { type: 'string'; value: string } => ({ type: 'string', value });
    const headers = {
      [messageType === 'event' ? ':event-type' : ':exception-type']: string(eventType),
      ':message-type': string(messageType),
      ':content-type': string('application/json'),
    };
    this.#stream.write(codec.encode({ headers, body: Buffer.from(body) }));
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 4 && this.#rest.length >= this.#rest.readUInt32BE(0)) {
      const length = this.#rest.readUInt32BE(0);
      const signed = codec.decode(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
      if (signed.headers[':chunk-signature'] === undefined) this.mistakes.push('a message without a signature');
      // An empty one is the end.
      if (signed.body.length === 0) continue;
      const inner = JSON.parse(Buffer.from(codec.decode(signed.body).body).toString()) as { readonly bytes: string };
      this.#receive(Buffer.from(inner.bytes, 'base64').toString());
    }
  }

  #receive(message: string): void {
    const { event } = JSON.parse(message) as { readonly event: unknown };
    const result = inputEvent.safeParse(event);
    if (result.success) this.#follow(result.data);
    else this.mistakes.push(`${message.slice(0, 300)}: ${z.prettifyError(result.error)}`);
  }

  #follow(event: InputEvent): void {
    if ('sessionStart' in event) {
      this.#step('session', 'prompt', event);
      this.endpointingSensitivity = event.sessionStart.turnDetectionConfiguration?.endpointingSensitivity ?? null;
    } else if ('promptStart' in event) {
      this.#step('prompt', 'content', event);
      this.#promptName = event.promptStart.promptName;
      this.tools = event.promptStart.toolConfiguration?.tools.map(({ toolSpec }) => toolSpec.name) ?? [];
    } else if ('contentStart' in event) this.#begins(event.contentStart);
    else if ('textInput' in event) this.#words(event.textInput.contentName, event.textInput.content);
    else if ('audioInput' in event) {
      if (this.#content(event.audioInput.contentName)?.type !== 'AUDIO') this.mistakes.push('sound in no sound');
      const pcm = Buffer.from(event.audioInput.content, 'base64');
      this.heardMs += pcm.length / 32;
      this.onSound(pcm);
    } else if ('toolResult' in event) {
      const content = this.#content(event.toolResult.contentName);
      const id = content?.type === 'TOOL' ? content.toolResultInputConfiguration.toolUseId : '';
      if (!this.#calls.delete(id)) this.mistakes.push(`result of an unknown call ${id}`);
      this.results.push(event.toolResult.content);
    } else if ('contentEnd' in event) {
      const content = this.#content(event.contentEnd.contentName);
      if (content?.type === 'AUDIO') this.#stage = 'closing';
      this.#open.delete(event.contentEnd.contentName);
    } else if ('promptEnd' in event) {
      if (this.#stage !== 'closing') this.mistakes.push('the end of the prompt before that of the sound');
    } else {
      this.ended = true;
      this.#stream.end();
    }
  }

  #step(from: string, to: 'prompt' | 'content', event: InputEvent): void {
    if (this.#stage !== from) this.mistakes.push(`${JSON.stringify(event)} at ${this.#stage}`);
    this.#stage = to;
  }

  #begins(start: ContentStart): void {
    if (start.promptName !== this.#promptName) this.mistakes.push('another prompt');
    this.#open.set(start.contentName, start);
    if (start.type === 'AUDIO') {
      if (this.system.length !== 1) this.mistakes.push('sound before the instructions');
      this.#stage = 'sound';
    } else if (start.type === 'TEXT' && start.interactive !== (this.#stage === 'sound')) {
      this.mistakes.push('words that are interactive before the sound, or are not in it');
    }
  }

  #words(contentName: string, content: string): void {
    const start = this.#content(contentName);
    if (start?.type !== 'TEXT') return;
    if (start.role === 'SYSTEM') this.system.push(content);
    else if (start.interactive) {
      this.texts.push(content);
      this.onWords();
    } else this.history.push(`${start.role}: ${content}`);
  }

  #content(contentName: string): ContentStart | undefined {
    const content = this.#open.get(contentName);
    if (content === undefined) this.mistakes.push('a content that was not begun');
    return content;
  }

  #id(): string {
    this.#ids += 1;
    return `id_${this.#ids}`;
  }
}

/** A Bedrock that has one model: HTTP/2 with event messages both ways, by Amazon's own codec. */
export class FakeNovaSonic {
  readonly sessions: FakeNovaSession[] = [];
  readonly mistakesOfRequests: string[] = [];
  onSession: (session: FakeNovaSession) => void = () => undefined;
  /** What a request is answered with at once; null: it is served. */
  refusesWith: { readonly status: number; readonly exception: string } | null = null;
  readonly #server = createServer();
  readonly #connections = new Set<ServerHttp2Session>();

  constructor() {
    this.#server.on('session', (session) => {
      this.#connections.add(session);
      session.on('error', () => undefined);
      session.on('close', () => this.#connections.delete(session));
    });
    this.#server.on('stream', (stream, headers) => {
      if (headers[':path'] !== '/model/nova-test/invoke-with-bidirectional-stream')
        this.mistakesOfRequests.push(`path ${headers[':path']}`);
      if (!/^AWS4-HMAC-SHA256 Credential=AKTEST\/\d+\/us-east-1\/bedrock\//.test(String(headers['authorization'])))
        this.mistakesOfRequests.push('authorization');
      stream.on('error', () => undefined);
      const { refusesWith } = this;
      if (refusesWith !== null) {
        const about = { 'x-amzn-errortype': refusesWith.exception, 'content-type': 'application/json' };
        stream.respond({ ':status': refusesWith.status, ...about });
        stream.end('{"message":"not today"}');
        return;
      }
      stream.respond({ ':status': 200, 'content-type': 'application/vnd.amazon.eventstream' });
      const session = new FakeNovaSession(stream);
      this.sessions.push(session);
      this.onSession(session);
    });
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get session(): FakeNovaSession {
    return this.sessions.at(-1)!;
  }

  get mistakes(): string[] {
    return [...this.mistakesOfRequests, ...this.sessions.flatMap(({ mistakes }) => mistakes)];
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  /** Cuts every connection without a word. */
  cut(): void {
    for (const session of this.#connections) session.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
