import { LinecardError } from '../../../core/errors.js';
import { KeyEntry, keysInWords } from '../../key-entry.js';
import { pcmBytes } from '../../pcm-bytes.js';
import type { AgentCall, AgentContext, AgentSession, HeardSpeech } from '../../port.js';
import { endsCall } from '../../tool-calls.js';
import { ActivityUplink } from '../activity-uplink.js';
import { ModelSocket } from '../model-socket.js';
import type { Spoken } from '../model-voice.js';
import { ModelVoice } from '../model-voice.js';
import { CUT_OFF, firstWords, notFromCaller, sayExactly, toolAnswered } from '../model-words.js';
import { Renewal } from '../renewal.js';
import type { ClientMessage, GeminiSocket, ServerContent, ServerMessage } from './protocol.js';
import { audioMessage, durationMs, GEMINI_SOUND, geminiProtocol, setupOf } from './protocol.js';
import type { GeminiLiveOptions } from './provider.js';

/** Turns that a new session is told of, where the server has no handle for the old one. */
const MAX_HISTORY = 50;
/** A new session is there this long before the server cuts the old one. */
const RENEW_BEFORE_MS = 3000;
/** What the server says where it does not say when. */
const USUAL_TIME_LEFT_MS = 10_000;

type FunctionCall = NonNullable<NonNullable<ServerMessage['toolCall']>['functionCalls']>[number];

/** One call with a model behind the Gemini Live API. It cannot be told how much was heard; its history is ours. */
export class GeminiLiveSession implements AgentSession {
  readonly #options: GeminiLiveOptions;
  readonly #context: AgentContext;
  readonly #uplink = new ActivityUplink((frame) => this.#sendAudio(frame));
  readonly #keys: KeyEntry;
  readonly #voice: ModelVoice;
  readonly #history: AgentCall['history'][number][];
  #connection: GeminiSocket;
  #state: 'waiting' | 'started' | 'talking' | 'closed' = 'waiting';
  /** By which a new session goes on where this one is; null as long as the server has told none. */
  #handle: string | null = null;
  #renewal: Renewal<GeminiSocket> | null = null;
  /** Whatever moved the conversation on: a session that was made before does not know of it. */
  #moves = 0;
  /** What the model is saying; null between its turns. */
  #spoken: Spoken | null = null;
  /** silenced: it was interrupted, and what still comes of its turn is not for the caller. */
  #model: 'silent' | 'speaking' | 'silenced' = 'silent';
  /** Pieces of what the caller is understood to have said. */
  #callerWords = '';
  readonly #runningTools = new Set<string>();
  /** What could not be told because there was no session. */
  readonly #untold: string[] = [];
  #inputTokens = 0;
  #outputTokens = 0;

  constructor(options: GeminiLiveOptions, context: AgentContext) {
    this.#options = options;
    this.#context = context;
    this.#voice = new ModelVoice(context.speech, GEMINI_SOUND);
    this.#history = [...context.call.history];
    this.#keys = new KeyEntry(context.clock, (keys) => this.#tell(keysInWords(keys)));
    this.#connection = this.#connect();
  }

  start(): void {
    if (this.#state === 'waiting') this.#state = 'started';
    this.#begin();
  }

  hear(frame: Int16Array): void {
    this.#voice.work();
    if (this.#renewal !== null) this.#renew(this.#renewal);
    if (this.#options.voice.turnTaking === 'linecard') this.#uplink.hear(frame);
    else this.#sendAudio(frame);
  }

  digit(digit: string): void {
    this.#silence();
    this.#keys.press(digit);
  }

  callerStarted(spokenMs: number): void {
    this.#moves += 1;
    this.#silence();
    this.#connection.stopWaiting();
    this.#beginActivity(spokenMs);
  }

  callerFinished(): void {
    if (!this.#uplink.speaking) return;
    this.#uplink.end();
    this.#send({ realtimeInput: { activityEnd: {} } });
    this.#connection.expectAnswer();
  }

  /** For the history of a session without a handle. The protocol has no words for it. */
  heard(speech: HeardSpeech): void {
    this.#voice.heard(speech);
    if (speech.text !== '') this.#remember('agent', speech.text);
  }

  say(text: string): void {
    this.#tell(sayExactly(text));
  }

  instruct(text: string): void {
    this.#tell(notFromCaller(text));
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#keys.close();
    this.#connection.close();
    this.#renewal?.close();
    const tokens = { inputTokens: this.#inputTokens, outputTokens: this.#outputTokens };
    this.#context.log.info({ ...tokens, unsentFrames: this.#connection.dropped }, 'gemini session closed');
  }

  #connect(): GeminiSocket {
    const { url, apiKey, voice } = this.#options;
    const { clock, log, tools } = this.#context;
    const resume = this.#handle === null ? { history: this.#history } : { handle: this.#handle };
    const connection: GeminiSocket = new ModelSocket({
      protocol: geminiProtocol,
      url,
      headers: { 'x-goog-api-key': apiKey },
      setUp: JSON.stringify({ setup: setupOf(voice, tools.descriptions, resume) } satisfies ClientMessage),
      clock,
      log,
      listener: {
        ready: () => {
          if (connection === this.#connection) this.#begin();
        },
        message: (message) => {
          if (connection === this.#connection) this.#message(message);
        },
        finished: (reason) => {
          this.#failed(connection, new LinecardError('AGENT_FAILED', `the server ended the session ${reason}`));
        },
        failed: (error) => this.#failed(connection, error),
      },
    });
    return connection;
  }

  /** The first thing said, as soon as the caller hears and the session is there. */
  #begin(): void {
    if (this.#state !== 'started' || !this.#connection.ready) return;
    this.#state = 'talking';
    this.#tell(firstWords(this.#context.call, this.#history.at(-1), this.#options.greeting));
  }

  /** Words for the model that the caller did not say. */
  #tell(what: string): void {
    this.#moves += 1;
    if (!this.#connection.ready) {
      this.#untold.push(what);
      return;
    }
    this.#send({ realtimeInput: { text: `[${what}]` } });
    this.#connection.expectAnswer();
  }

  #beginActivity(spokenMs: number): void {
    this.#send({ realtimeInput: { activityStart: {} } });
    this.#uplink.begin(spokenMs);
  }

  #sendAudio(frame: Int16Array): void {
    this.#connection.sendMedia(audioMessage(pcmBytes(frame).toString('base64')));
  }

  #send(message: ClientMessage): void {
    this.#connection.send(JSON.stringify(message));
  }

  #message({ serverContent, toolCall, toolCallCancellation, ...about }: ServerMessage): void {
    const { newHandle = '', resumable = false } = about.sessionResumptionUpdate ?? {};
    if (resumable && newHandle !== '') this.#handle = newHandle;
    if (serverContent !== undefined) this.#content(serverContent);
    for (const call of toolCall?.functionCalls ?? []) void this.#runTool(call);
    for (const id of toolCallCancellation?.ids ?? []) this.#runningTools.delete(id);
    if (about.goAway !== undefined) this.#goingAway(durationMs(about.goAway.timeLeft, USUAL_TIME_LEFT_MS));
    const { promptTokenCount: input = 0, responseTokenCount: output = 0 } = about.usageMetadata ?? {};
    if (input + output > 0) this.#context.events.used({ input, output });
    this.#inputTokens += input;
    this.#outputTokens += output;
  }

  #content(content: ServerContent): void {
    const { modelTurn, inputTranscription, outputTranscription } = content;
    if (content.interrupted === true) this.#interrupted();
    if (inputTranscription?.text !== undefined) this.#callerSays(inputTranscription.text);
    if (this.#model === 'silent' && (modelTurn !== undefined || outputTranscription !== undefined)) {
      this.#moves += 1;
      this.#model = 'speaking';
      this.#callerSaid();
    }
    if (this.#model === 'speaking') {
      for (const { inlineData } of modelTurn?.parts ?? []) this.#said().audio(inlineData?.data ?? '');
      if (outputTranscription?.text !== undefined) this.#said().text(outputTranscription.text);
    }
    if (content.generationComplete === true) this.#endSpoken();
    if (content.turnComplete === true) {
      this.#callerSaid();
      this.#endSpoken();
      this.#spoken = null;
      // An answer without a word is one as well.
      if (this.#model !== 'silenced' && !this.#uplink.speaking) this.#connection.stopWaiting();
      this.#model = 'silent';
    }
  }

  /** The server has stopped what it was saying; with its own turn taking that is how we learn of it. */
  #interrupted(): void {
    this.#endSpoken();
    this.#spoken = null;
    this.#model = 'silent';
    if (this.#options.voice.turnTaking === 'provider') this.#context.speech.clear();
  }

  /** What still comes of the present turn is not for the caller. */
  #silence(): void {
    if (this.#model === 'silent') return;
    this.#model = 'silenced';
    this.#endSpoken();
    this.#spoken = null;
  }

  #said(): Spoken {
    this.#spoken ??= this.#voice.begin();
    return this.#spoken;
  }

  /** All audio is there; words may still come. */
  #endSpoken(): void {
    this.#spoken?.endText();
    this.#spoken?.end();
  }

  /** A server that finds turns itself does not tell where they end: its last words are the nearest there is. */
  #callerSays(words: string): void {
    this.#callerWords += words;
    this.#context.events.callerSays(this.#callerWords.trim());
    if (this.#options.voice.turnTaking === 'provider' && this.#model === 'silent') this.#connection.expectAnswer();
  }

  #callerSaid(): void {
    const text = this.#callerWords.trim();
    this.#callerWords = '';
    if (text === '') return;
    this.#remember('caller', text);
    this.#context.events.callerSaid(text);
  }

  async #runTool({ id = '', name = '', args = {} }: FunctionCall): Promise<void> {
    const connection = this.#connection;
    this.#callerSaid();
    this.#runningTools.add(id);
    const result = await this.#context.tools.run(name, args);
    // The server took the call back, or the call ends: a model that has no answer says nothing more.
    const isWanted = this.#runningTools.delete(id);
    if (!isWanted || this.#isClosed() || endsCall(result)) return;
    const response = result.ok ? { result: result.value ?? null } : { error: result.message };
    if (connection === this.#connection) {
      this.#send({ toolResponse: { functionResponses: [{ id, name, response }] } });
      connection.expectAnswer();
    } else this.#tell(toolAnswered(name, JSON.stringify(response)));
  }

  #goingAway(timeLeftMs: number): void {
    const { clock, log } = this.#context;
    if (this.#renewal !== null) return;
    log.info({ timeLeftMs, handle: this.#handle === null ? 'none' : 'known' }, 'gemini session is renewed');
    const dueAtMs = clock.nowMs() + Math.max(0, timeLeftMs - RENEW_BEFORE_MS);
    this.#renewal = new Renewal({ dueAtMs, connect: () => this.#connect(), clock });
  }

  /** Each tick while the end of the session is near. */
  #renew(renewal: Renewal<GeminiSocket>): void {
    const busy = this.#owesAnswer() || this.#uplink.speaking || this.#context.speech.queuedMs > 0;
    const successor = renewal.work({ busy, version: `${this.#moves} ${this.#handle ?? ''}` });
    if (successor !== null) this.#changeOver(successor);
  }

  #changeOver(successor: GeminiSocket): void {
    const owesAnswer = this.#owesAnswer();
    this.#connection.close();
    this.#connection = successor;
    this.#renewal = null;
    this.#silence();
    this.#model = 'silent';
    if (this.#state === 'started') this.#begin();
    if (this.#uplink.speaking) this.#beginActivity(0);
    else if (owesAnswer && this.#runningTools.size === 0) this.#tell(CUT_OFF);
    for (const what of this.#untold.splice(0)) this.#tell(what);
  }

  #owesAnswer(): boolean {
    return this.#connection.waiting || this.#model !== 'silent' || this.#runningTools.size > 0;
  }

  #failed(connection: GeminiSocket, error: LinecardError): void {
    if (this.#state === 'closed') return;
    const renewal = this.#renewal;
    const isOwn = connection === this.#connection;
    if (renewal === null || (renewal.isCut && !isOwn)) this.#context.events.failed(error);
    else if (isOwn) renewal.cut();
    else {
      renewal.failed();
      this.#context.log.warn({ err: error }, 'gemini session could not be renewed');
    }
  }

  #remember(who: 'caller' | 'agent', text: string): void {
    this.#history.push({ who, text });
    if (this.#history.length > MAX_HISTORY) this.#history.shift();
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}
