import type {
  AgentResponseClientEvent,
  AudioClientEvent,
  ClientToolCallClientEvent,
  ClientToolResultClientToOrchestratorEvent,
  ContextualUpdateClientToOrchestratorEvent,
  ConversationInitiationClientToOrchestratorEvent,
  ConversationMetadata,
  ErrorClientEvent,
  Interruption,
  Ping,
  PongClientToOrchestratorEvent,
  UserAudio,
  TentativeUserTranscriptionClientEvent,
  UserMessageClientToOrchestratorEvent,
  UserTranscriptionClientEvent,
  VadScoreClientEvent,
} from '@elevenlabs/types';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { FakeConnection } from './fake-socket-server.js';
import { FakeSocketServer } from './fake-socket-server.js';

/** What a client of ours may send, key by key. */
const clientMessage = z.union([
  z.strictObject({ user_audio_chunk: z.base64() }),
  z.strictObject({
    type: z.literal('conversation_initiation_client_data'),
    conversation_config_override: z
      .strictObject({
        agent: z
          .strictObject({
            first_message: z.string().exactOptional(),
            language: z.enum(['en', 'de']).exactOptional(),
            prompt: z.strictObject({ prompt: z.string() }).exactOptional(),
          })
          .exactOptional(),
        tts: z.strictObject({ voice_id: z.string() }).exactOptional(),
      })
      .exactOptional(),
    dynamic_variables: z.record(z.string(), z.string()),
  }),
  z.strictObject({ type: z.literal('pong'), event_id: z.number() }),
  z.strictObject({ type: z.literal('user_message'), text: z.string().min(1) }),
  z.strictObject({ type: z.literal('contextual_update'), text: z.string().min(1) }),
  z.strictObject({
    type: z.literal('client_tool_result'),
    tool_call_id: z.string(),
    result: z.string(),
    is_error: z.boolean(),
  }),
]) satisfies z.ZodType<ElevenLabsClientMessage>;

/** What the official types say a client may send. */
export type ElevenLabsClientMessage =
  | UserAudio
  | ConversationInitiationClientToOrchestratorEvent
  | PongClientToOrchestratorEvent
  | UserMessageClientToOrchestratorEvent
  | ContextualUpdateClientToOrchestratorEvent
  | ClientToolResultClientToOrchestratorEvent;

/** What they say of those server messages that matter here. */
export type ElevenLabsServerMessage =
  | ConversationMetadata
  | AudioClientEvent
  | AgentResponseClientEvent
  | UserTranscriptionClientEvent
  | TentativeUserTranscriptionClientEvent
  | Interruption
  | Ping
  | ClientToolCallClientEvent
  | ErrorClientEvent
  | VadScoreClientEvent;

type ClientMessage = z.output<typeof clientMessage>;
type Typed = Exclude<ClientMessage, { readonly user_audio_chunk: string }>;
type Format = ConversationMetadata['conversation_initiation_metadata_event']['agent_output_audio_format'];

/** One conversation at the fake: what it was sent, and the rules of the protocol. */
export class FakeElevenLabsSession {
  readonly received: Typed[] = [];
  readonly mistakes: string[] = [];
  readonly connection: FakeConnection;
  readonly format: Format;
  heardBytes = 0;
  readonly #calls = new Set<string>();
  #ids = 0;

  constructor(connection: FakeConnection, format: Format) {
    this.connection = connection;
    this.format = format;
    connection.socket.on('message', (data) => this.#receive((data as Buffer).toString()));
  }

  of<Type extends Typed['type']>(type: Type): Extract<Typed, { readonly type: Type }>[] {
    return this.received.filter((message) => message.type === type) as Extract<Typed, { type: Type }>[];
  }

  get initiation(): Extract<Typed, { readonly type: 'conversation_initiation_client_data' }> | undefined {
    return this.of('conversation_initiation_client_data')[0];
  }

  send(message: ElevenLabsServerMessage): void {
    this.connection.socket.send(JSON.stringify(message));
  }

  interrupted(): void {
    this.send({ type: 'interruption', interruption_event: { event_id: this.#id() } });
  }

  callerSaid(user_transcript: string): void {
    this.send({ type: 'user_transcript', user_transcription_event: { user_transcript, event_id: this.#id() } });
  }

  callerMaySay(user_transcript: string): void {
    const tentative_user_transcription_event = { user_transcript, event_id: this.#id() };
    this.send({ type: 'tentative_user_transcript', tentative_user_transcription_event });
  }

  /** Sound at one level, in pieces of 200 ms, each with the id of an event. */
  sound(ms: number, eventId?: number): void {
    const bytes = Buffer.alloc(ms * 32);
    for (let at = 0; at < bytes.length; at += 2) bytes.writeInt16LE(6000, at);
    const id = eventId ?? this.#id();
    // An odd number: samples are cut in two.
    for (let at = 0; at < bytes.length; at += 6401) {
      this.#audio(bytes.subarray(at, at + 6401).toString('base64'), id);
    }
  }

  /** Sound with the times of its characters, each of them as long. */
  aligned(text: string, msPerCharacter: number): void {
    const chars = Array.from(text);
    const bytes = Buffer.alloc(chars.length * msPerCharacter * 32);
    for (let at = 0; at < bytes.length; at += 2) bytes.writeInt16LE(6000, at);
    this.send({
      type: 'audio',
      audio_event: {
        audio_base_64: bytes.toString('base64'),
        event_id: this.#id(),
        alignment: {
          chars,
          char_start_times_ms: chars.map((_, i) => i * msPerCharacter),
          char_durations_ms: chars.map(() => msPerCharacter),
        },
      },
    });
  }

  text(agent_response: string): void {
    this.send({ type: 'agent_response', agent_response_event: { agent_response, event_id: this.#id() } });
  }

  /** A whole answer: nothing tells that it is. */
  answer(text: string, ms: number): void {
    this.text(text);
    this.sound(ms);
  }

  call(tool_name: string, parameters: Record<string, unknown>): void {
    const event_id = this.#id();
    const tool_call_id = `call_${event_id}`;
    this.#calls.add(tool_call_id);
    this.send({ type: 'client_tool_call', client_tool_call: { tool_name, tool_call_id, parameters, event_id } });
  }

  ping(): void {
    this.send({ type: 'ping', ping_event: { event_id: this.#id() } });
  }

  #audio(audio_base_64: string, event_id: number): void {
    this.send({ type: 'audio', audio_event: { audio_base_64, event_id } });
  }

  #receive(text: string): void {
    const result = clientMessage.safeParse(JSON.parse(text));
    if (!result.success) {
      this.mistakes.push(`${text.slice(0, 300)}: ${z.prettifyError(result.error)}`);
      return;
    }
    const message = result.data;
    const isInitiation = 'type' in message && message.type === 'conversation_initiation_client_data';
    if (isInitiation !== (this.received.length === 0)) this.mistakes.push('the initiation comes first and once');
    if ('user_audio_chunk' in message) {
      this.heardBytes += Buffer.from(message.user_audio_chunk, 'base64').length;
      return;
    }
    this.received.push(message);
    if (isInitiation) this.#begin();
    if (message.type === 'client_tool_result' && !this.#calls.delete(message.tool_call_id)) {
      this.mistakes.push(`result of an unknown call ${message.tool_call_id}`);
    }
  }

  #begin(): void {
    this.send({
      type: 'conversation_initiation_metadata',
      conversation_initiation_metadata_event: {
        conversation_id: 'conversation',
        agent_output_audio_format: this.format,
        user_input_audio_format: this.format,
      },
    });
  }

  #id(): number {
    this.#ids += 1;
    return this.#ids;
  }
}

/** A server that speaks the protocol of ElevenLabs Agents by the official types, and says what the test wants. */
export class FakeElevenLabsAgent {
  readonly sessions: FakeElevenLabsSession[] = [];
  readonly mistakes: string[] = [];
  readonly server: FakeSocketServer;
  format: Format = 'pcm_16000';
  /** What who asks for an address is answered: `hang` is no answer at all. */
  signs: 'yes' | 'no' | 'nonsense' | 'hang' = 'yes';
  /** What a conversation is closed with as soon as it is there; null: it is served. */
  closesWith: { readonly code: number; readonly reason: string } | null = null;
  readonly #tokens = new Set<string>();

  constructor() {
    this.server = new FakeSocketServer(
      (connection) => this.#connected(connection),
      (request, response) => this.#sign(request, response),
    );
  }

  get baseUrl(): string {
    return `http://${this.server.host}`;
  }

  get session(): FakeElevenLabsSession {
    return this.sessions.at(-1)!;
  }

  get allMistakes(): string[] {
    return [...this.mistakes, ...this.sessions.flatMap((session) => session.mistakes)];
  }

  #sign(request: IncomingMessage, response: ServerResponse): void {
    if (request.url !== '/v1/convai/conversation/get-signed-url?agent_id=agent-test') {
      this.mistakes.push(`path ${request.url}`);
    }
    if (this.signs === 'hang') return;
    if (request.headers['xi-api-key'] !== 'key-test' || this.signs === 'no') {
      response.writeHead(401).end('{"detail":"invalid key"}');
      return;
    }
    const token = `token-${this.#tokens.size}`;
    this.#tokens.add(token);
    const url = `ws://${this.server.host}/v1/convai/conversation?agent_id=agent-test&token=${token}`;
    response.end(JSON.stringify(this.signs === 'yes' ? { signed_url: url } : { signed_url: 'javascript:1' }));
  }

  #connected(connection: FakeConnection): void {
    const { pathname, searchParams } = new URL(connection.path, 'http://fake');
    const session = new FakeElevenLabsSession(connection, this.format);
    this.sessions.push(session);
    if (pathname !== '/v1/convai/conversation') session.mistakes.push(`path ${pathname}`);
    if (!this.#tokens.delete(searchParams.get('token') ?? '')) session.mistakes.push('an address that is not good');
    if (this.closesWith !== null) connection.socket.close(this.closesWith.code, this.closesWith.reason);
  }
}
