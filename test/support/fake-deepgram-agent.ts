import type { agent } from '@deepgram/sdk';
import { z } from 'zod';
import type { FakeConnection } from './fake-socket-server.js';
import { FakeSocketServer } from './fake-socket-server.js';

const history = z.strictObject({
  type: z.literal('History'),
  role: z.enum(['user', 'assistant']),
  content: z.string().min(1),
});

/** What a client of ours may send as JSON, key by key: the server refuses what it does not know. */
const clientMessage = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('Settings'),
    audio: z.strictObject({
      input: z.strictObject({ encoding: z.literal('linear16'), sample_rate: z.literal(16_000) }),
      output: z.strictObject({
        encoding: z.literal('linear16'),
        sample_rate: z.literal(16_000),
        container: z.literal('none'),
      }),
    }),
    agent: z.strictObject({
      context: z.strictObject({ messages: z.array(history).min(1) }).exactOptional(),
      listen: z.strictObject({
        provider: z.discriminatedUnion('version', [
          z.strictObject({
            type: z.literal('deepgram'),
            version: z.literal('v1'),
            model: z.string().regex(/^nova-/),
            language: z.string().exactOptional(),
          }),
          z.strictObject({
            type: z.literal('deepgram'),
            version: z.literal('v2'),
            model: z.string().regex(/^flux-/),
            language_hints: z.array(z.string()).exactOptional(),
            eot_timeout_ms: z.int().min(500).max(10_000).exactOptional(),
          }),
        ]),
      }),
      think: z.strictObject({
        provider: z.strictObject({
          type: z.literal('open_ai'),
          model: z.string(),
          temperature: z.number().exactOptional(),
        }),
        prompt: z.string().min(1).exactOptional(),
        functions: z
          .array(
            z.strictObject({
              name: z.string(),
              description: z.string(),
              parameters: z.record(z.string(), z.unknown()),
              defer_until_eot: z.literal(true),
            }),
          )
          .min(1)
          .exactOptional(),
      }),
      speak: z.strictObject({
        provider: z.strictObject({
          type: z.literal('deepgram'),
          version: z.literal('v2').exactOptional(),
          model: z.string(),
        }),
      }),
    }),
  }),
  z.strictObject({
    type: z.literal('InjectAgentMessage'),
    message: z.string().min(1),
    behavior: z.enum(['default', 'queue', 'interrupt']),
  }),
  z.strictObject({ type: z.literal('InjectUserMessage'), content: z.string().min(1) }),
  z.strictObject({ type: z.literal('UpdatePrompt'), prompt: z.string().min(1) }),
  z.strictObject({
    type: z.literal('FunctionCallResponse'),
    id: z.string(),
    name: z.string(),
    content: z.string(),
  }),
  z.strictObject({ type: z.literal('KeepAlive') }),
]) satisfies z.ZodType<DeepgramClientMessage>;

/** What the official client says a client may send. */
export type DeepgramClientMessage =
  | agent.AgentV1Settings
  | agent.AgentV1InjectAgentMessage
  | agent.AgentV1InjectUserMessage
  | agent.AgentV1UpdatePrompt
  | agent.AgentV1SendFunctionCallResponse
  | agent.AgentV1KeepAlive;

/** What it says of those server messages that matter here. */
export type DeepgramServerMessage =
  | agent.AgentV1Welcome
  | agent.AgentV1SettingsApplied
  | agent.AgentV1ConversationText
  | agent.AgentV1UserStartedSpeaking
  | agent.AgentV1AgentThinking
  | agent.AgentV1AgentAudioDone
  | agent.AgentV1FunctionCallRequest
  | agent.AgentV1FunctionCallCancelled
  | agent.AgentV1InjectionRefused
  | agent.AgentV1PromptUpdated
  | agent.AgentV1Warning
  | agent.AgentV1Error;

type ClientMessage = z.output<typeof clientMessage>;

/** One session at the fake: what it was sent, and the rules of the protocol. */
export class FakeDeepgramSession {
  readonly received: ClientMessage[] = [];
  readonly mistakes: string[] = [];
  readonly connection: FakeConnection;
  heardMs = 0;
  readonly #calls = new Set<string>();
  #ids = 0;

  constructor(connection: FakeConnection) {
    this.connection = connection;
    connection.socket.on('message', (data, isBinary) => {
      if (isBinary) this.#sound(data as Buffer);
      else this.#receive((data as Buffer).toString());
    });
    this.send({ type: 'Welcome', request_id: 'request' });
  }

  of<Type extends ClientMessage['type']>(type: Type): Extract<ClientMessage, { readonly type: Type }>[] {
    return this.received.filter((message) => message.type === type) as Extract<ClientMessage, { type: Type }>[];
  }

  get settings(): Extract<ClientMessage, { readonly type: 'Settings' }> | undefined {
    return this.of('Settings')[0];
  }

  send(message: DeepgramServerMessage): void {
    this.connection.socket.send(JSON.stringify(message));
  }

  callerStarts(): void {
    this.send({ type: 'UserStartedSpeaking' });
  }

  callerSaid(content: string): void {
    this.send({ type: 'ConversationText', role: 'user', content });
    this.send({ type: 'AgentThinking', content: '' });
  }

  /** A sentence: its words, then its sound at one level. */
  say(content: string, ms: number): void {
    this.send({ type: 'ConversationText', role: 'assistant', content });
    this.sound(ms);
  }

  sound(ms: number): void {
    const bytes = Buffer.alloc(ms * 32);
    for (let at = 0; at < bytes.length; at += 2) bytes.writeInt16LE(6000, at);
    // An odd number: samples are cut in two.
    for (let at = 0; at < bytes.length; at += 6401) this.connection.socket.send(bytes.subarray(at, at + 6401));
  }

  done(): void {
    this.send({ type: 'AgentAudioDone' });
  }

  /** A whole answer. */
  answer(content: string, ms: number): void {
    this.say(content, ms);
    this.done();
  }

  call(name: string, input: unknown, side: 'client' | 'server' = 'client'): string {
    this.#ids += 1;
    const id = `call_${this.#ids}`;
    if (side === 'client') this.#calls.add(id);
    const text = typeof input === 'string' ? input : JSON.stringify(input);
    this.send({
      type: 'FunctionCallRequest',
      functions: [{ id, name, arguments: text, client_side: side === 'client' }],
    });
    return id;
  }

  cancelCall(id: string, name: string): void {
    this.#calls.delete(id);
    this.send({ type: 'FunctionCallCancelled', functions: [{ id, name }] });
  }

  #sound(bytes: Buffer): void {
    if (this.settings === undefined) this.mistakes.push('audio before the settings');
    if (bytes.length % 2 !== 0) this.mistakes.push('half a sample');
    this.heardMs += bytes.length / 32;
  }

  #receive(text: string): void {
    const result = clientMessage.safeParse(JSON.parse(text));
    if (!result.success) {
      this.mistakes.push(`${text.slice(0, 300)}: ${z.prettifyError(result.error)}`);
      return;
    }
    const message = result.data;
    if ((message.type === 'Settings') !== (this.received.length === 0)) {
      this.mistakes.push('the settings come first and once');
    }
    this.received.push(message);
    if (message.type === 'Settings') this.send({ type: 'SettingsApplied' });
    if (message.type === 'UpdatePrompt') this.send({ type: 'PromptUpdated' });
    // As the server does: what stands for the caller's words is told as such.
    if (message.type === 'InjectUserMessage') {
      this.send({ type: 'ConversationText', role: 'user', content: message.content });
    }
    if (message.type === 'FunctionCallResponse' && !this.#calls.delete(message.id)) {
      this.mistakes.push(`result of an unknown call ${message.id}`);
    }
  }
}

/** A server that speaks the protocol of Deepgram's Voice Agent API by the official types, and says what the test wants. */
export class FakeDeepgramAgent {
  readonly sessions: FakeDeepgramSession[] = [];
  readonly server: FakeSocketServer;
  /** What a session is told instead of being served; null: it is served. */
  complains: { readonly code: string; readonly description: string } | null = null;

  constructor() {
    this.server = new FakeSocketServer((connection) => {
      const session = new FakeDeepgramSession(connection);
      this.sessions.push(session);
      if (connection.path !== '/v1/agent/converse') session.mistakes.push(`path ${connection.path}`);
      if (connection.headers.authorization !== 'Token key-test') session.mistakes.push('key');
      if (this.complains !== null) session.send({ type: 'Error', ...this.complains });
    });
  }

  get baseUrl(): string {
    return `http://${this.server.host}`;
  }

  get session(): FakeDeepgramSession {
    return this.sessions.at(-1)!;
  }

  get mistakes(): string[] {
    return this.sessions.flatMap((session) => session.mistakes);
  }
}
