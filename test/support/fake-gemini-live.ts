import type { LiveClientMessage, LiveServerMessage } from '@google/genai';
import { z } from 'zod';
import type { FakeConnection } from './fake-socket-server.js';
import { FakeSocketServer } from './fake-socket-server.js';
import type { Plain } from './plain-types.js';

const empty = z.strictObject({});
const schema = z.strictObject({
  type: z.enum(['STRING', 'NUMBER', 'INTEGER', 'BOOLEAN', 'ARRAY', 'OBJECT']).exactOptional(),
  description: z.string().exactOptional(),
  enum: z.array(z.string()).exactOptional(),
  nullable: z.boolean().exactOptional(),
  required: z.array(z.string()).exactOptional(),
  get properties() {
    return z.record(z.string(), schema).exactOptional();
  },
  get items() {
    return schema.exactOptional();
  },
  get anyOf() {
    return z.array(schema).exactOptional();
  },
});

/** What a client of ours may send, key by key: the server closes a session over a key it does not know. */
const clientMessage = z.union([
  z.strictObject({
    setup: z.strictObject({
      model: z.string().startsWith('models/'),
      generationConfig: z.strictObject({
        responseModalities: z.tuple([z.literal('AUDIO')]),
        speechConfig: z
          .strictObject({
            voiceConfig: z.strictObject({ prebuiltVoiceConfig: z.strictObject({ voiceName: z.string() }) }),
          })
          .exactOptional(),
      }),
      systemInstruction: z
        .strictObject({ parts: z.tuple([z.strictObject({ text: z.string().min(1) })]) })
        .exactOptional(),
      tools: z
        .tuple([
          z.strictObject({
            functionDeclarations: z.array(
              z.strictObject({ name: z.string(), description: z.string(), parameters: schema.exactOptional() }),
            ),
          }),
        ])
        .exactOptional(),
      realtimeInputConfig: z.strictObject({
        automaticActivityDetection: z.union([
          z.strictObject({ disabled: z.literal(true) }),
          z.strictObject({ disabled: z.literal(false), silenceDurationMs: z.int().min(0).exactOptional() }),
        ]),
      }),
      // `null` for a handle is refused.
      sessionResumption: z.strictObject({ handle: z.string().min(1).exactOptional() }),
      contextWindowCompression: z.strictObject({ slidingWindow: empty }),
      inputAudioTranscription: empty,
      outputAudioTranscription: empty,
    }),
  }),
  z.strictObject({
    realtimeInput: z.union([
      z.strictObject({
        audio: z.strictObject({ mimeType: z.literal('audio/pcm;rate=16000'), data: z.base64() }),
      }),
      z.strictObject({ text: z.string().min(1) }),
      z.strictObject({ activityStart: empty }),
      z.strictObject({ activityEnd: empty }),
    ]),
  }),
  z.strictObject({
    toolResponse: z.strictObject({
      functionResponses: z.array(
        z.strictObject({
          id: z.string(),
          name: z.string(),
          response: z.union([z.strictObject({ result: z.unknown() }), z.strictObject({ error: z.string() })]),
        }),
      ),
    }),
  }),
]) satisfies z.ZodType<Plain<LiveClientMessage>>;

type ClientMessage = z.output<typeof clientMessage>;
type Setup = Extract<ClientMessage, { readonly setup: unknown }>['setup'];

/** What the server sends, by the official types. */
export type GeminiServerMessage = Plain<Partial<Omit<LiveServerMessage, 'text' | 'data'>>>;

/** One session at the fake: what it was sent, and the rules of the protocol. */
export class FakeGeminiSession {
  readonly mistakes: string[] = [];
  readonly connection: FakeConnection;
  setup: Setup | null = null;
  readonly texts: string[] = [];
  readonly results: Extract<ClientMessage, { readonly toolResponse: unknown }>['toolResponse']['functionResponses'] =
    [];
  /** Milliseconds of each activity of the caller's; the last one may be under way. */
  readonly activitiesMs: number[] = [];
  /** The first samples of the last activity. */
  firstSamples = new Int16Array(0);
  heardMs = 0;
  #activity: 'none' | 'under way' = 'none';
  readonly #calls = new Set<string>();
  #ids = 0;

  constructor(connection: FakeConnection) {
    this.connection = connection;
    connection.socket.on('message', (data) => this.#receive((data as Buffer).toString()));
  }

  /** The caller is speaking. */
  get inActivity(): boolean {
    return this.#activity === 'under way';
  }

  /** As the server does: JSON in a binary message. */
  send(message: GeminiServerMessage): void {
    this.connection.socket.send(Buffer.from(JSON.stringify(message)));
  }

  content(serverContent: NonNullable<GeminiServerMessage['serverContent']>): void {
    this.send({ serverContent });
  }

  understood(text: string): void {
    for (const piece of text.match(/.{1,6}/g) ?? []) this.content({ inputTranscription: { text: piece } });
  }

  /** Audio of one level and its words, as much of the turn as is made at once. */
  say(text: string, ms: number, level = 6000): void {
    for (const piece of text.match(/.{1,5}/g) ?? []) this.content({ outputTranscription: { text: piece } });
    const bytes = Buffer.alloc(ms * 48);
    for (let at = 0; at < bytes.length; at += 2) bytes.writeInt16LE(level, at);
    // An odd number: samples are cut in two.
    for (let at = 0; at < bytes.length; at += 9601) {
      const data = bytes.subarray(at, at + 9601).toString('base64');
      this.content({
        modelTurn: { role: 'model', parts: [{ inlineData: { mimeType: 'audio/pcm;rate=24000', data } }] },
      });
    }
  }

  turnComplete(): void {
    this.content({ generationComplete: true });
    this.send({
      serverContent: { turnComplete: true },
      usageMetadata: { promptTokenCount: 100, responseTokenCount: 50 },
    });
  }

  /** A whole answer. */
  answer(text: string, ms: number): void {
    this.say(text, ms);
    this.turnComplete();
  }

  interrupted(): void {
    this.content({ interrupted: true });
    this.content({ turnComplete: true });
  }

  call(name: string, args: Record<string, unknown>): string {
    this.#ids += 1;
    const id = `call_${this.#ids}`;
    this.#calls.add(id);
    this.send({ toolCall: { functionCalls: [{ id, name, args }] } });
    return id;
  }

  cancelCall(id: string): void {
    this.#calls.delete(id);
    this.send({ toolCallCancellation: { ids: [id] } });
  }

  #receive(text: string): void {
    const result = clientMessage.safeParse(JSON.parse(text));
    if (!result.success) {
      this.mistakes.push(`${text.slice(0, 300)}: ${z.prettifyError(result.error)}`);
      return;
    }
    const message = result.data;
    if ('setup' in message !== (this.setup === null)) this.mistakes.push('the setup comes first and once');
    if ('setup' in message) {
      this.setup = message.setup;
      this.send({ setupComplete: {} });
    } else if ('toolResponse' in message) {
      for (const response of message.toolResponse.functionResponses) {
        if (!this.#calls.delete(response.id)) this.mistakes.push(`result of an unknown call ${response.id}`);
        this.results.push(response);
      }
    } else this.#input(message.realtimeInput);
  }

  #input(input: Extract<ClientMessage, { readonly realtimeInput: unknown }>['realtimeInput']): void {
    const isManual = this.setup?.realtimeInputConfig.automaticActivityDetection.disabled === true;
    if ('text' in input) {
      this.texts.push(input.text);
    } else if ('audio' in input) {
      const bytes = Buffer.from(input.audio.data, 'base64');
      this.heardMs += bytes.length / 32;
      if (isManual && !this.inActivity) this.mistakes.push('audio outside of an activity');
      if (!isManual) return;
      const last = this.activitiesMs.length - 1;
      if (this.activitiesMs[last] === 0) this.firstSamples = new Int16Array(new Uint8Array(bytes).buffer);
      this.activitiesMs[last] = (this.activitiesMs[last] ?? 0) + bytes.length / 32;
    } else if (!isManual) {
      this.mistakes.push('an activity that the server looks for itself');
    } else if ('activityStart' in input) {
      if (this.inActivity) this.mistakes.push('an activity within an activity');
      this.#activity = 'under way';
      this.activitiesMs.push(0);
    } else {
      if (!this.inActivity) this.mistakes.push('the end of no activity');
      this.#activity = 'none';
    }
  }
}

/** A server that speaks the Gemini Live protocol by the official types, and says what the test wants. */
export class FakeGeminiLive {
  readonly sessions: FakeGeminiSession[] = [];
  readonly server: FakeSocketServer;
  /** What a session is closed with as soon as it is there, as the server does with a wrong key; null: it is served. */
  closesWith: { readonly code: number; readonly reason: string } | null = null;

  constructor() {
    this.server = new FakeSocketServer((connection) => {
      const session = new FakeGeminiSession(connection);
      this.sessions.push(session);
      const path = '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';
      if (connection.path !== path) session.mistakes.push(`path ${connection.path}`);
      if (connection.headers['x-goog-api-key'] !== 'key-test') session.mistakes.push('key');
      if (this.closesWith !== null) connection.socket.close(this.closesWith.code, this.closesWith.reason);
    });
  }

  get baseUrl(): string {
    return `http://${this.server.host}`;
  }

  get session(): FakeGeminiSession {
    return this.sessions.at(-1)!;
  }

  get mistakes(): string[] {
    return this.sessions.flatMap((session) => session.mistakes);
  }
}
