import type {
  RealtimeClientEvent,
  RealtimeConversationItemFunctionCallOutput,
  RealtimeServerEvent,
} from 'openai/resources/realtime/realtime';
import { z } from 'zod';
import { pcmu } from '../../src/media/g711.js';
import { FakeSocketServer } from './fake-socket-server.js';
import type { FakeConnection } from './fake-socket-server.js';

const format = z.union([
  z.strictObject({ type: z.literal('audio/pcm'), rate: z.literal(24_000) }),
  z.strictObject({ type: z.literal('audio/pcmu') }),
]);
const message = <Role extends string, Part extends string>(role: Role, part: Part) =>
  z.strictObject({
    type: z.literal('message'),
    role: z.literal(role),
    content: z.tuple([z.strictObject({ type: z.literal(part), text: z.string() })]),
  });

const answers = { create_response: z.literal(true), interrupt_response: z.literal(true) };

/** What a client of ours may send, key by key: a server refuses what it does not know. */
const clientEvent = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('session.update'),
    session: z.strictObject({
      type: z.literal('realtime'),
      output_modalities: z.tuple([z.literal('audio')]),
      instructions: z.string().exactOptional(),
      audio: z.strictObject({
        input: z.strictObject({
          format,
          turn_detection: z
            .discriminatedUnion('type', [
              z.strictObject({
                type: z.literal('server_vad'),
                ...answers,
                silence_duration_ms: z.int().min(200).exactOptional(),
              }),
              z.strictObject({
                type: z.literal('semantic_vad'),
                ...answers,
                eagerness: z.enum(['low', 'medium', 'high']).exactOptional(),
              }),
            ])
            .nullable(),
          transcription: z.strictObject({ model: z.string() }).exactOptional(),
        }),
        output: z.strictObject({ format, voice: z.string() }),
      }),
      tools: z.array(
        z.strictObject({
          type: z.literal('function'),
          name: z.string(),
          description: z.string(),
          parameters: z.record(z.string(), z.unknown()),
        }),
      ),
      tool_choice: z.literal('auto'),
    }),
  }),
  z.strictObject({ type: z.literal('input_audio_buffer.append'), audio: z.base64() }),
  z.strictObject({ type: z.literal('input_audio_buffer.commit') }),
  z.strictObject({
    type: z.literal('conversation.item.create'),
    item: z.union([
      message('user', 'input_text'),
      message('system', 'input_text'),
      message('assistant', 'output_text'),
      z.strictObject({ type: z.literal('function_call_output'), call_id: z.string(), output: z.string() }),
    ]),
  }),
  z.strictObject({
    type: z.literal('conversation.item.truncate'),
    item_id: z.string(),
    content_index: z.literal(0),
    audio_end_ms: z.number().int().min(0),
  }),
  z.strictObject({ type: z.literal('response.cancel') }),
  z.strictObject({
    type: z.literal('response.create'),
    response: z.strictObject({ instructions: z.string() }).exactOptional(),
  }),
]) satisfies z.ZodType<RealtimeClientEvent>;

type ClientEvent = z.output<typeof clientEvent>;

/** One session at the fake: what it was sent, and the rules of the protocol. */
export class FakeRealtimeSession {
  readonly received: ClientEvent[] = [];
  readonly mistakes: string[] = [];
  readonly connection: FakeConnection;
  inputSamples = 0;
  /** Of these, what was not committed yet; with the server's own turn taking nobody commits. */
  uncommittedSamples = 0;
  /** The response under way. */
  active: string | null = null;
  /** Milliseconds of audio of each item that was said. */
  readonly #items = new Map<string, number>();
  readonly #calls = new Set<string>();
  readonly #toneHz: number | null;
  #coding: 'pcm' | 'ulaw' = 'pcm';
  #ids = 0;

  /** @param toneHz what it says sounds like; null: one level */
  constructor(connection: FakeConnection, toneHz: number | null = null) {
    this.connection = connection;
    this.#toneHz = toneHz;
    connection.socket.on('message', (data) => this.#receive((data as Buffer).toString()));
  }

  of<Type extends ClientEvent['type']>(type: Type): Extract<ClientEvent, { readonly type: Type }>[] {
    return this.received.filter((event) => event.type === type) as Extract<ClientEvent, { type: Type }>[];
  }

  /** Results of tools, in order. */
  get toolOutputs(): RealtimeConversationItemFunctionCallOutput[] {
    return this.of('conversation.item.create').flatMap(({ item }) =>
      item.type === 'function_call_output' ? [item] : [],
    );
  }

  send(event: RealtimeServerEvent): void {
    this.connection.socket.send(JSON.stringify(event));
  }

  created(expiresAtSeconds?: number): void {
    const session = {
      type: 'realtime' as const,
      ...(expiresAtSeconds === undefined ? {} : { expires_at: expiresAtSeconds }),
    };
    this.send({ type: 'session.created', event_id: this.#id('event'), session });
  }

  /** Begins a response, as after a turn of the caller or a request; returns its id. */
  respond(): string {
    const id = this.#id('resp');
    this.active = id;
    this.send({ type: 'response.created', event_id: this.#id('event'), response: { id, status: 'in_progress' } });
    return id;
  }

  /** Says something in the response under way: all of it at once, in pieces of 200 ms. Returns the item's id. */
  say(transcript: string, ms: number, end: 'whole' | 'half' = 'whole'): string {
    const part = { response_id: this.active ?? 'none', item_id: this.#id('item'), output_index: 0, content_index: 0 };
    const event_id = this.#id('event');
    this.#items.set(part.item_id, ms);
    for (const piece of transcript.match(/.{1,5}/g) ?? []) {
      this.send({ type: 'response.output_audio_transcript.delta', event_id, ...part, delta: piece });
    }
    const bytes = this.#coding === 'pcm' ? this.#pcm(ms) : this.#mulaw(ms);
    // An odd number: samples are cut in two.
    for (let at = 0; at < bytes.length; at += 9601) {
      const delta = bytes.subarray(at, at + 9601).toString('base64');
      this.send({ type: 'response.output_audio.delta', event_id, ...part, delta });
    }
    if (end === 'half') return part.item_id;
    this.send({ type: 'response.output_audio.done', event_id, ...part });
    this.send({ type: 'response.output_audio_transcript.done', event_id, ...part, transcript });
    return part.item_id;
  }

  call(name: string, input: unknown): string {
    const call_id = this.#id('call');
    this.#calls.add(call_id);
    this.send({
      type: 'response.function_call_arguments.done',
      event_id: this.#id('event'),
      response_id: this.active ?? 'none',
      item_id: this.#id('item'),
      output_index: 1,
      call_id,
      name,
      arguments: typeof input === 'string' ? input : JSON.stringify(input),
    });
    return call_id;
  }

  done(status: 'completed' | 'cancelled' | 'failed' = 'completed', code?: string): void {
    const id = this.active ?? 'none';
    this.active = null;
    this.send({
      type: 'response.done',
      event_id: this.#id('event'),
      response: {
        id,
        status,
        ...(code === undefined ? {} : { status_details: { type: 'failed', error: { code, type: 'server_error' } } }),
        usage: { input_tokens: 100, output_tokens: 50, total_tokens: 150 },
      },
    });
  }

  /** A whole answer: response, item, end. */
  answer(transcript: string, ms: number): string {
    this.respond();
    const item = this.say(transcript, ms);
    this.done();
    return item;
  }

  callerStarts(): void {
    const event_id = this.#id('event');
    this.send({ type: 'input_audio_buffer.speech_started', event_id, audio_start_ms: 0, item_id: 'turn' });
    // As `interrupt_response` asks for.
    if (this.active !== null) this.done('cancelled');
  }

  callerStops(transcript: string): void {
    const event_id = this.#id('event');
    this.send({ type: 'input_audio_buffer.speech_stopped', event_id, audio_end_ms: 1, item_id: 'turn' });
    this.understood(transcript);
  }

  /** What the caller said, in words. */
  understood(transcript: string): void {
    const event_id = this.#id('event');
    this.send({
      type: 'conversation.item.input_audio_transcription.completed',
      event_id,
      item_id: 'turn',
      content_index: 0,
      transcript,
      usage: { type: 'duration', seconds: 1 },
    });
  }

  fail(code: string | null, text: string, type = 'invalid_request_error'): void {
    this.send({ type: 'error', event_id: this.#id('event'), error: { type, code, message: text } });
  }

  #receive(text: string): void {
    const result = clientEvent.safeParse(JSON.parse(text));
    if (!result.success) {
      this.mistakes.push(`${text}: ${z.prettifyError(result.error)}`);
      return;
    }
    const event = result.data;
    this.received.push(event);
    if (this.received.length === 1 && event.type !== 'session.update') this.mistakes.push(`${event.type} came first`);
    switch (event.type) {
      case 'session.update':
        if (event.session.audio.input.format.type === 'audio/pcmu') this.#coding = 'ulaw';
        if (event.session.audio.input.format.type !== event.session.audio.output.format.type) {
          this.mistakes.push('one format each way');
        }
        this.send({ type: 'session.updated', event_id: this.#id('event'), session: event.session });
        break;
      case 'input_audio_buffer.append':
        this.#heard(Buffer.from(event.audio, 'base64').length / (this.#coding === 'pcm' ? 2 : 1));
        break;
      case 'input_audio_buffer.commit':
        this.#commit();
        break;
      case 'conversation.item.truncate':
        this.#truncate(event.item_id, event.audio_end_ms);
        break;
      case 'response.create':
        if (this.active !== null) this.mistakes.push('response.create while one is under way');
        break;
      case 'response.cancel':
        if (this.active === null) this.mistakes.push('response.cancel of nothing');
        else this.done('cancelled');
        break;
      case 'conversation.item.create':
        if (event.item.type === 'function_call_output' && !this.#calls.delete(event.item.call_id)) {
          this.mistakes.push(`result of an unknown call ${event.item.call_id}`);
        }
        break;
    }
  }

  #heard(samples: number): void {
    this.inputSamples += samples;
    this.uncommittedSamples += samples;
  }

  #commit(): void {
    const session = this.of('session.update')[0]?.session;
    if (session?.audio.input.turn_detection !== null) this.mistakes.push('a commit where the server finds turns');
    const leastSamples = this.#coding === 'pcm' ? 2400 : 800;
    if (this.uncommittedSamples < leastSamples) this.fail('input_audio_buffer_commit_empty', 'less than 100 ms');
    this.uncommittedSamples = 0;
  }

  #pcm(ms: number): Buffer {
    const bytes = Buffer.alloc(ms * 48);
    for (let i = 0; i < bytes.length; i += 2) bytes.writeInt16LE(this.#sample(i / 2, 24_000), i);
    return bytes;
  }

  #mulaw(ms: number): Buffer {
    const bytes = Buffer.alloc(ms * 8);
    pcmu.encode(
      Int16Array.from({ length: bytes.length }, (_, i) => this.#sample(i, 8000)),
      bytes,
    );
    return bytes;
  }

  #sample(index: number, rateHz: number): number {
    const hz = this.#toneHz;
    return hz === null ? 6000 : Math.round(8000 * Math.sin((2 * Math.PI * hz * index) / rateHz));
  }

  #truncate(itemId: string, endMs: number): void {
    const ms = this.#items.get(itemId);
    if (ms === undefined || endMs > ms) this.mistakes.push(`truncation of ${itemId} to ${endMs} of ${ms ?? 'nothing'}`);
  }

  #id(kind: string): string {
    this.#ids += 1;
    return `${kind}_${this.#ids}`;
  }
}

/** A server that speaks the OpenAI Realtime protocol (GA) by the official types, and says what the test wants. */
export class FakeOpenAiRealtime {
  readonly sessions: FakeRealtimeSession[] = [];
  readonly server: FakeSocketServer;
  /** Seconds since 1970 at which sessions say they end; absent: they do not say. */
  expiresAtSeconds: number | undefined;
  /** `mute`: connections are taken and nothing is ever said. */
  manner: 'normal' | 'mute' = 'normal';
  /** What its sessions sound like; null: one level. */
  toneHz: number | null = null;

  constructor() {
    this.server = new FakeSocketServer((connection) => {
      const session = new FakeRealtimeSession(connection, this.toneHz);
      this.sessions.push(session);
      if (connection.path !== '/v1/realtime?model=gpt-realtime') session.mistakes.push(`path ${connection.path}`);
      if (connection.headers.authorization !== 'Bearer sk-test') session.mistakes.push('authorization');
      if (this.manner === 'normal') session.created(this.expiresAtSeconds);
    });
  }

  get baseUrl(): string {
    return `http://${this.server.host}/v1`;
  }

  get session(): FakeRealtimeSession {
    return this.sessions.at(-1)!;
  }

  get mistakes(): string[] {
    return this.sessions.flatMap((session) => session.mistakes);
  }
}
