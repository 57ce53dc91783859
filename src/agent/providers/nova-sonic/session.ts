import type { LinecardError } from '../../../core/errors.js';
import { KeyEntry, keysInWords } from '../../key-entry.js';
import { pcmBytes } from '../../pcm-bytes.js';
import type { AgentCall, AgentContext, AgentSession, HeardSpeech } from '../../port.js';
import { endsCall, runWithJson } from '../../tool-calls.js';
import type { Spoken } from '../model-voice.js';
import { ModelVoice } from '../model-voice.js';
import { CUT_OFF, firstWords, notFromCaller, sayExactly, toolAnswered } from '../model-words.js';
import { Renewal } from '../renewal.js';
import { NovaConnection } from './connection.js';
import type { OutputEvent } from './protocol.js';
import { NOVA_RATE_HZ } from './protocol.js';
import type { NovaSonicOptions } from './provider.js';

/** Turns that a new session is told of; the model takes 40 KB of them. */
const MAX_HISTORY = 50;
/** Sessions end after eight minutes: from the sixth on a pause is used for a new one, */
const RENEW_AFTER_MS = 6 * 60_000;
/** and at this age there is no waiting for one. */
const RENEW_AT_LAST_MS = 7.5 * 60_000;

/** A block of the model's: its sound, words, or the call of a tool. */
type Block = {
  readonly kind: 'caller' | 'about to be said' | 'sound' | 'tool' | 'other';
  tool: NonNullable<OutputEvent['toolUse']> | null;
};

/** One call with Nova Sonic. The model finds turns; it cannot be told how much was heard, and keeps its own account of it. */
export class NovaSonicSession implements AgentSession {
  readonly #options: NovaSonicOptions;
  readonly #context: AgentContext;
  readonly #keys: KeyEntry;
  readonly #voice: ModelVoice;
  readonly #history: AgentCall['history'][number][];
  readonly #blocks = new Map<string, Block>();
  #connection: NovaConnection;
  #openedAtMs: number;
  #renewal: Renewal<NovaConnection> | null = null;
  #state: 'waiting' | 'started' | 'talking' | 'closed' = 'waiting';
  /** Whatever moved the conversation on: a session that was made before does not know of it. */
  #moves = 0;
  /** What the model is saying; null between its sentences. */
  #spoken: Spoken | null = null;
  /** silenced: a key cut it off, and what still comes of its turn is not for the caller. */
  #model: 'silent' | 'speaking' | 'silenced' = 'silent';
  #callerWords = '';
  #runningTools = 0;
  /** What could not be told because there was no session. */
  readonly #untold: string[] = [];
  /** Of sessions that have ended, and of the present one. */
  #tokensBefore = { input: 0, output: 0 };
  #tokens = { input: 0, output: 0 };

  constructor(options: NovaSonicOptions, context: AgentContext) {
    this.#options = options;
    this.#context = context;
    this.#voice = new ModelVoice(context.speech, { coding: 'pcm', rateHz: NOVA_RATE_HZ });
    this.#history = [...context.call.history];
    this.#keys = new KeyEntry(context.clock, (keys) => this.#tell(keysInWords(keys)));
    this.#openedAtMs = context.clock.nowMs();
    this.#connection = this.#connect();
  }

  start(): void {
    if (this.#state === 'waiting') this.#state = 'started';
    this.#begin();
  }

  hear(frame: Int16Array): void {
    this.#voice.work();
    this.#renew();
    this.#connection.sendAudio(pcmBytes(frame).toString('base64'));
  }

  digit(digit: string): void {
    if (this.#model !== 'silent') this.#model = 'silenced';
    this.#endSpoken();
    this.#keys.press(digit);
  }

  callerStarted(): void {
    // The model finds turns itself.
  }

  callerFinished(): void {
    // The model finds turns itself.
  }

  /** For the history of the next session. */
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
    const inputTokens = this.#tokensBefore.input + this.#tokens.input;
    const outputTokens = this.#tokensBefore.output + this.#tokens.output;
    const unsentFrames = this.#connection.dropped;
    this.#context.log.info({ inputTokens, outputTokens, unsentFrames }, 'nova session closed');
  }

  #connect(): NovaConnection {
    const { streams, voice } = this.#options;
    const { clock, log, tools } = this.#context;
    const connection: NovaConnection = new NovaConnection({
      streams,
      voice,
      tools: tools.descriptions,
      history: this.#history,
      clock,
      log,
      listener: {
        ready: () => {
          if (connection === this.#connection) this.#begin();
        },
        event: (event) => {
          if (connection === this.#connection) this.#event(event);
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
    if (this.#connection.ready) this.#connection.tell(`[${what}]`);
    else this.#untold.push(what);
  }

  #event(event: OutputEvent): void {
    const { contentStart, textOutput, audioOutput, toolUse, contentEnd, usageEvent } = event;
    if (contentStart !== undefined) this.#blocks.set(contentStart.contentId, blockOf(contentStart));
    if (textOutput !== undefined) this.#text(textOutput.contentId, textOutput.content);
    if (audioOutput !== undefined && this.#speaks()) this.#said().audio(audioOutput.content);
    if (toolUse !== undefined) {
      const block = this.#blocks.get(toolUse.contentId);
      if (block !== undefined) block.tool = toolUse;
    }
    if (contentEnd !== undefined) this.#blockEnds(contentEnd.contentId, contentEnd.stopReason);
    if (usageEvent !== undefined) {
      const { totalInputTokens: input, totalOutputTokens: output } = usageEvent;
      this.#context.events.used({ input: input - this.#tokens.input, output: output - this.#tokens.output });
      this.#tokens = { input, output };
    }
  }

  #text(contentId: string, content: string): void {
    // What comes in place of words when the caller speaks into them; the end of the block says so as well.
    if (/^\s*\{\s*"interrupted"\s*:\s*true\s*\}\s*$/.test(content)) {
      this.#interrupted();
      return;
    }
    switch (this.#blocks.get(contentId)?.kind) {
      case 'caller':
        this.#callerWords += ` ${content}`;
        this.#context.events.callerSays(this.#callerWords.trim());
        break;
      case 'about to be said':
        if (this.#speaks()) this.#said().text(`${content} `);
        break;
      default:
        break;
    }
  }

  #blockEnds(contentId: string, stopReason: string | undefined): void {
    const block = this.#blocks.get(contentId);
    this.#blocks.delete(contentId);
    if (stopReason === 'INTERRUPTED') {
      this.#interrupted();
      return;
    }
    switch (block?.kind) {
      case 'caller':
        this.#callerSaid();
        break;
      case 'sound':
        // The next sentence comes with words of its own.
        this.#endSpoken();
        break;
      case 'tool':
        if (block.tool !== null && this.#model !== 'silenced') void this.#runTool(block.tool);
        break;
      default:
        break;
    }
    if (stopReason === 'END_TURN') {
      this.#endSpoken();
      this.#model = 'silent';
    }
  }

  /** The model speaks, and it is for the caller. */
  #speaks(): boolean {
    if (this.#model === 'silent') {
      this.#moves += 1;
      this.#model = 'speaking';
      this.#connection.stopWaiting();
    }
    return this.#model === 'speaking';
  }

  #interrupted(): void {
    this.#moves += 1;
    this.#endSpoken();
    this.#model = 'silent';
    this.#context.speech.clear();
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

  #callerSaid(): void {
    const text = this.#callerWords.trim();
    this.#callerWords = '';
    if (text === '') return;
    this.#moves += 1;
    this.#connection.expectAnswer();
    this.#remember('caller', text);
    this.#context.events.callerSaid(text);
  }

  async #runTool({ toolName, toolUseId, content }: NonNullable<Block['tool']>): Promise<void> {
    const connection = this.#connection;
    this.#runningTools += 1;
    connection.stopWaiting();
    const result = await runWithJson(this.#context.tools, toolName, content);
    this.#runningTools -= 1;
    // Without a result the model says nothing more, which is what is wanted when the call ends.
    if (this.#isClosed() || endsCall(result)) return;
    const answer = JSON.stringify(result.ok ? { result: result.value ?? null } : { error: result.message });
    if (connection === this.#connection) connection.toolResult(toolUseId, answer);
    else this.#tell(toolAnswered(toolName, answer));
  }

  /** Each tick: when the session grows old, and when it has broken because of it. */
  #renew(): void {
    const { clock, speech } = this.#context;
    if (this.#renewal === null) {
      if (clock.nowMs() < this.#openedAtMs + RENEW_AFTER_MS) return;
      const dueAtMs = this.#openedAtMs + RENEW_AT_LAST_MS;
      this.#renewal = new Renewal({ dueAtMs, connect: () => this.#connect(), clock });
    }
    const busy = this.#owesAnswer() || this.#callerWords !== '' || speech.queuedMs > 0;
    const successor = this.#renewal.work({ busy, version: `${this.#moves} ${this.#history.length}` });
    if (successor !== null) this.#changeOver(successor);
  }

  #changeOver(successor: NovaConnection): void {
    const owesAnswer = this.#owesAnswer();
    this.#context.log.info({ turns: this.#history.length }, 'nova session was renewed');
    this.#connection.close();
    this.#connection = successor;
    this.#openedAtMs = this.#context.clock.nowMs();
    this.#renewal = null;
    this.#blocks.clear();
    this.#endSpoken();
    this.#model = 'silent';
    this.#tokensBefore.input += this.#tokens.input;
    this.#tokensBefore.output += this.#tokens.output;
    this.#tokens = { input: 0, output: 0 };
    if (this.#state === 'started') this.#begin();
    else if (owesAnswer && this.#runningTools === 0) this.#tell(CUT_OFF);
    for (const what of this.#untold.splice(0)) this.#tell(what);
  }

  #owesAnswer(): boolean {
    return this.#connection.waiting || this.#model !== 'silent' || this.#runningTools > 0;
  }

  #failed(connection: NovaConnection, error: LinecardError): void {
    if (this.#state === 'closed') return;
    const renewal = this.#renewal;
    const isOwn = connection === this.#connection;
    if (renewal === null || (renewal.isCut && !isOwn)) this.#context.events.failed(error);
    else if (isOwn) renewal.cut();
    else {
      renewal.failed();
      this.#context.log.warn({ err: error }, 'nova session could not be renewed');
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

function blockOf({ type, role, additionalModelFields = '' }: NonNullable<OutputEvent['contentStart']>): Block {
  if (type === 'AUDIO') return { kind: 'sound', tool: null };
  if (type === 'TOOL') return { kind: 'tool', tool: null };
  if (role === 'USER') return { kind: 'caller', tool: null };
  // What was said comes once more when it was; our own account of it is exact.
  const isAhead = role === 'ASSISTANT' && additionalModelFields.includes('SPECULATIVE');
  return { kind: isAhead ? 'about to be said' : 'other', tool: null };
}
