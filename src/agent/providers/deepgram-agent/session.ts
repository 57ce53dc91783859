import type { Alarm } from '../../../core/clock.js';
import { LinecardError } from '../../../core/errors.js';
import { UNKNOWN_WORDS } from '../../captions.js';
import { KeyEntry, keysInWords } from '../../key-entry.js';
import { pcmBytes } from '../../pcm-bytes.js';
import type { AgentContext, AgentSession, HeardSpeech } from '../../port.js';
import { endsCall, runWithJson } from '../../tool-calls.js';
import { ModelSocket } from '../model-socket.js';
import type { Spoken } from '../model-voice.js';
import { ModelVoice } from '../model-voice.js';
import { firstWords, notFromCaller } from '../model-words.js';
import type { ClientMessage, ServerMessage } from './protocol.js';
import { DEEPGRAM_SOUND, deepgramProtocol, settingsOf } from './protocol.js';
import type { DeepgramAgentOptions } from './provider.js';

/** The server ends a session in which it hears nothing for ten seconds: while the phone rings, or the caller is on hold. */
const KEEP_ALIVE_MS = 4000;
/** What was refused because somebody was speaking is tried again in a pause, but not at once. */
const AGAIN_AFTER_MS = 300;

type FunctionCall = Extract<ServerMessage, { readonly type: 'FunctionCallRequest' }>['functions'][number];
type Injection = Extract<ClientMessage, { readonly type: 'InjectAgentMessage' | 'InjectUserMessage' }>;

/** One call with an agent at Deepgram. It finds turns itself, and cannot be told how much was heard. */
export class DeepgramAgentSession implements AgentSession {
  readonly #options: DeepgramAgentOptions;
  readonly #context: AgentContext;
  readonly #socket: ModelSocket<ServerMessage>;
  readonly #voice: ModelVoice;
  readonly #keys: KeyEntry;
  readonly #runningTools = new Set<string>();
  #state: 'waiting' | 'started' | 'talking' | 'closed' = 'waiting';
  /** What the agent is saying; null between its answers. */
  #spoken: Spoken | null = null;
  /** silenced: a key cut it off, and what still comes of its answer is not for the caller. */
  #agent: 'silent' | 'speaking' | 'silenced' = 'silent';
  /** The caller was noticed, and nobody has told what they said. */
  #callerStirs = false;
  /** What was said to the agent last, and may be refused. */
  #injected: Injection | null = null;
  /** What was refused. */
  #refused: { readonly injection: Injection; readonly againAtMs: number } | null = null;
  #keepAlive: Alarm;
  #heard: 'something' | 'nothing' = 'nothing';

  constructor(options: DeepgramAgentOptions, context: AgentContext) {
    const { url, apiKey, mind } = options;
    const { call, speech, tools, clock, log } = context;
    this.#options = options;
    this.#context = context;
    this.#voice = new ModelVoice(speech, DEEPGRAM_SOUND);
    this.#keys = new KeyEntry(clock, (keys) => this.#tell(keysInWords(keys)));
    this.#keepAlive = this.#armKeepAlive();
    this.#socket = new ModelSocket({
      protocol: deepgramProtocol,
      url,
      headers: { Authorization: `Token ${apiKey}` },
      setUp: JSON.stringify(settingsOf(mind, tools.descriptions, call.history) satisfies ClientMessage),
      clock,
      log,
      listener: {
        ready: () => this.#begin(),
        message: (message) => this.#message(message),
        finished: (reason) => this.#failed(new LinecardError('AGENT_FAILED', `the server ended the session ${reason}`)),
        failed: (error) => this.#failed(error),
      },
    });
  }

  start(): void {
    if (this.#state === 'waiting') this.#state = 'started';
    this.#begin();
  }

  hear(frame: Int16Array): void {
    this.#voice.work();
    if (this.#refused !== null) this.#tryAgain(this.#refused);
    this.#heard = 'something';
    // A copy: a socket that is busy keeps what it is given, and the frame is used again.
    this.#socket.sendMedia(Buffer.from(pcmBytes(frame)));
  }

  digit(digit: string): void {
    if (this.#agent !== 'silent') this.#agent = 'silenced';
    this.#endSpoken();
    this.#keys.press(digit);
  }

  callerStarted(): void {
    // The agent finds turns itself.
  }

  callerFinished(): void {
    // The agent finds turns itself.
  }

  heard(speech: HeardSpeech): void {
    this.#voice.heard(speech);
  }

  say(text: string): void {
    this.#inject({ type: 'InjectAgentMessage', message: text, behavior: 'queue' });
  }

  /** Added to what it is told about its work; it does not answer to that. */
  instruct(text: string): void {
    this.#send({ type: 'UpdatePrompt', prompt: notFromCaller(text) });
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#keys.close();
    this.#keepAlive.cancel();
    this.#socket.close();
    this.#context.log.info({ unsentFrames: this.#socket.dropped }, 'deepgram session closed');
  }

  /** The first thing said, as soon as the caller hears and the session is there. */
  #begin(): void {
    if (this.#state !== 'started' || !this.#socket.ready) return;
    this.#state = 'talking';
    const { greeting } = this.#options;
    const { call } = this.#context;
    const isNew = call.history.length === 0 && call.briefing === undefined;
    if (isNew && greeting !== '') this.say(greeting);
    else this.#tell(firstWords(call, call.history.at(-1), greeting));
  }

  /** Words for the agent that the caller did not say. */
  #tell(what: string): void {
    this.#inject({ type: 'InjectUserMessage', content: `[${what}]` });
  }

  #inject(injection: Injection): void {
    this.#injected = injection;
    this.#send(injection);
    this.#socket.expectAnswer();
  }

  #send(message: ClientMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  #message(message: ServerMessage): void {
    switch (message.type) {
      case 'Audio':
        if (this.#speaks()) this.#said().bytes(message.bytes);
        break;
      case 'ConversationText':
        if (message.role === 'assistant') this.#agentSays(message.content);
        else this.#callerSaid(message.content);
        break;
      case 'UserStartedSpeaking':
        // What was on its way before this has come before it: all that follows is new.
        this.#endSpoken();
        this.#agent = 'silent';
        this.#socket.stopWaiting();
        this.#context.speech.clear();
        this.#callerStirs = true;
        this.#context.events.callerSays(UNKNOWN_WORDS);
        break;
      case 'AgentAudioDone':
        this.#endSpoken();
        this.#agent = 'silent';
        break;
      case 'FunctionCallRequest':
        for (const call of message.functions) if (call.client_side) void this.#runTool(call);
        break;
      case 'FunctionCallCancelled':
        for (const { id } of message.functions) this.#runningTools.delete(id);
        break;
      case 'InjectionRefused':
        this.#refuse();
        break;
      case 'Warning':
        this.#context.log.warn({ code: message.code, description: message.description }, 'deepgram warns');
        break;
      case 'Error':
        this.#complains(`${message.code}: ${message.description}`);
        break;
      default:
        break;
    }
  }

  /** The agent speaks, and it is for the caller. */
  #speaks(): boolean {
    if (this.#callerStirs) this.#context.events.callerSays('');
    this.#callerStirs = false;
    if (this.#agent === 'silent') this.#agent = 'speaking';
    return this.#agent === 'speaking';
  }

  /** Words come ahead of their sound, a sentence at a time; several at once share what follows. */
  #agentSays(text: string): void {
    if (!this.#speaks()) return;
    if (this.#spoken !== null && this.#spoken.receivedMs > 0) this.#endSpoken();
    this.#said().text(`${text} `);
  }

  #callerSaid(text: string): void {
    const said = text.trim();
    // What we told the agent in the caller's place comes back as the caller's words.
    if (said === '' || (this.#injected?.type === 'InjectUserMessage' && said === this.#injected.content)) return;
    this.#callerStirs = false;
    this.#socket.expectAnswer();
    this.#context.events.callerSaid(said);
  }

  #said(): Spoken {
    this.#spoken ??= this.#voice.begin();
    return this.#spoken;
  }

  #endSpoken(): void {
    this.#spoken?.endText();
    this.#spoken?.end();
    this.#spoken = null;
  }

  async #runTool({ id, name, arguments: json }: FunctionCall): Promise<void> {
    this.#runningTools.add(id);
    const result = await runWithJson(this.#context.tools, name, json);
    // The server took the call back, or the call ends: an agent that has no answer says nothing more.
    const isWanted = this.#runningTools.delete(id);
    if (!isWanted || this.#state === 'closed' || endsCall(result)) return;
    const content = JSON.stringify(result.ok ? { result: result.value ?? null } : { error: result.message });
    this.#send({ type: 'FunctionCallResponse', id, name, content });
    this.#socket.expectAnswer();
  }

  #refuse(): void {
    if (this.#injected === null) return;
    const againAtMs = this.#context.clock.nowMs() + AGAIN_AFTER_MS;
    this.#refused = { injection: this.#injected, againAtMs };
    this.#injected = null;
    this.#socket.stopWaiting();
  }

  /** Each tick while something was refused. */
  #tryAgain({ injection, againAtMs }: { readonly injection: Injection; readonly againAtMs: number }): void {
    const { clock, speech } = this.#context;
    const isPause = this.#agent === 'silent' && this.#runningTools.size === 0 && speech.queuedMs === 0;
    if (!isPause || this.#socket.waiting || clock.nowMs() < againAtMs) return;
    this.#refused = null;
    this.#inject(injection);
  }

  #armKeepAlive(): Alarm {
    return this.#context.clock.setAlarm(KEEP_ALIVE_MS, () => {
      if (this.#heard === 'nothing') this.#send({ type: 'KeepAlive' });
      this.#heard = 'nothing';
      this.#keepAlive = this.#armKeepAlive();
    });
  }

  #complains(what: string): void {
    const code = this.#socket.ready ? 'AGENT_FAILED' : 'AGENT_UNAVAILABLE';
    this.#failed(new LinecardError(code, `the agent says: ${what}`));
  }

  #failed(error: LinecardError): void {
    if (this.#state === 'closed') return;
    this.#keepAlive.cancel();
    this.#socket.close();
    this.#context.events.failed(error);
  }
}
