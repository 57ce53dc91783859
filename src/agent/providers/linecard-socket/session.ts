import { assertNever } from '../../../core/assert-never.js';
import { LinecardError } from '../../../core/errors.js';
import type { SegmentId } from '../../../core/ids.js';
import { SAMPLES_PER_MS } from '../../../core/units.js';
import { PcmReader, pcmBytes } from '../../pcm-bytes.js';
import type { AgentContext, AgentSession, HeardSpeech } from '../../port.js';
import { AgentSocket } from '../agent-socket.js';
import type { LinecardSocketOptions } from './provider.js';
import type { AgentMessage, LinecardMessage } from './wire.js';
import { heardMessage, readAgentMessage, resultMessage, write, writeStart } from './wire.js';

/** Its author is told of each; a program that makes this many does not speak our protocol. */
const MAX_MISTAKES = 100;
/** Segments that were begun and not heard: far more than anybody says ahead. */
const MAX_SEGMENTS = 200;

/** One call with a program that speaks our protocol: connects while the phone rings, so that it is there when the caller hears. */
export class LinecardSocketSession implements AgentSession {
  readonly #options: LinecardSocketOptions;
  readonly #context: AgentContext;
  readonly #socket: AgentSocket;
  /** The agent's names for segments that were not heard to their end yet; null for one that it did not name. */
  readonly #names = new Map<SegmentId, string | null>();
  #pcm = new PcmReader();
  /** The segment that audio and text belong to; null: the next audio begins one. */
  #open: SegmentId | null = null;
  #state: 'waiting' | 'answered' | 'closed' = 'waiting';
  /** The agent has said its last word; what it goes on to send is not heard. */
  #isDone = false;
  #mistakes = 0;
  #lostSamples = 0;

  constructor(options: LinecardSocketOptions, context: AgentContext) {
    this.#options = options;
    this.#context = context;
    const { url, token } = options;
    this.#socket = new AgentSocket({
      url,
      headers: token === null ? {} : { Authorization: `Bearer ${token}` },
      listener: {
        opened: () => this.#opened(),
        text: (message) => this.#message(message),
        binary: (message) => this.#audio(message),
        finished: (reason) => this.#done(reason === '' ? 'the agent closed the connection' : reason),
        failed: (error) => this.#failed(error),
      },
      clock: context.clock,
    });
  }

  start(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'answered';
    this.#send({ type: 'answered' });
  }

  hear(frame: Int16Array): void {
    // The socket may keep what it is given until it can send it, and the frame is used again.
    if (this.#state === 'answered' && this.#socket.open) this.#socket.sendMedia(Buffer.from(pcmBytes(frame)));
  }

  digit(digit: string): void {
    this.#send({ type: 'digit', digit });
  }

  callerStarted(spokenMs: number): void {
    this.#send({ type: 'callerStarted', spokenMs: Math.round(spokenMs) });
  }

  callerFinished(): void {
    this.#send({ type: 'callerFinished' });
  }

  /**
   * What still arrives of a segment that was cut belongs to it and is dropped: it stays the open one. Who gives no names streams at the
   * pace of speech, and is to be heard again.
   */
  heard(speech: HeardSpeech): void {
    const name = this.#names.get(speech.segment);
    if (name === undefined) return;
    this.#names.delete(speech.segment);
    if (name === null && speech.segment === this.#open) this.#open = null;
    this.#send(heardMessage(name, speech));
  }

  say(text: string): void {
    this.#send({ type: 'say', text });
  }

  instruct(text: string): void {
    this.#send({ type: 'instruct', text });
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#send({ type: 'ended' });
    this.#state = 'closed';
    this.#socket.close();
    const lostMs = Math.round(this.#lostSamples / SAMPLES_PER_MS);
    const unsentFrames = this.#socket.dropped;
    if (lostMs > 0 || unsentFrames > 0) this.#context.log.warn({ lostMs, unsentFrames }, 'audio of an agent was lost');
  }

  #opened(): void {
    const { greeting, instructions, voice, parameters, turnTaking } = this.#options;
    const { call, tools } = this.#context;
    const about = { greeting, instructions, voice, parameters, turnTaking };
    this.#socket.send(writeStart({ call, tools: tools.descriptions, ...about }));
    if (this.#state === 'answered') this.#send({ type: 'answered' });
  }

  #message(text: string): void {
    if (this.#state === 'closed' || this.#isDone) return;
    const message = readAgentMessage(text);
    if (message.type === 'nonsense') this.#mistake(message.why);
    else this.#obey(message);
  }

  #obey(message: AgentMessage): void {
    const { speech, events } = this.#context;
    switch (message.type) {
      case 'segment':
        this.#begin(message.id, message.protected ? 'protected' : 'allowed');
        break;
      case 'text':
        speech.text(this.#segment(), message.text, message.words);
        break;
      case 'end':
        this.#end();
        break;
      case 'clear':
        this.#end();
        speech.clear();
        break;
      case 'callerSaid':
        if (message.text.trim() !== '') events.callerSaid(message.text.trim());
        break;
      case 'callerSays':
        events.callerSays(message.text.trim());
        break;
      case 'tool':
        void this.#runTool(message.id, message.name, message.input);
        break;
      case 'done':
        this.#done(message.reason);
        break;
      case 'failed':
        this.#failed(new LinecardError('AGENT_FAILED', `the agent gave up: ${message.reason}`));
        break;
      default:
        assertNever(message);
    }
  }

  #audio(bytes: Buffer): void {
    if (this.#state === 'closed' || this.#isDone) return;
    const segment = this.#segment();
    const samples = this.#pcm.read(bytes);
    const taken = this.#context.speech.write(segment, samples);
    // What a cut segment does not take was not lost: nobody was to hear it.
    if (this.#names.has(segment)) this.#lostSamples += samples.length - taken;
  }

  #begin(name: string | null, interruption: 'allowed' | 'protected'): SegmentId {
    this.#end();
    if (this.#names.size >= MAX_SEGMENTS) {
      throw new LinecardError('AGENT_FAILED', `the agent began ${MAX_SEGMENTS} segments that are still to be heard`);
    }
    const segment = this.#context.speech.begin({ interruption });
    this.#names.set(segment, name);
    this.#open = segment;
    return segment;
  }

  #segment(): SegmentId {
    return this.#open ?? this.#begin(null, 'allowed');
  }

  #end(): void {
    if (this.#open !== null) this.#context.speech.end(this.#open);
    this.#open = null;
    this.#pcm = new PcmReader();
  }

  async #runTool(id: string, name: string, input: unknown): Promise<void> {
    this.#send(resultMessage(id, await this.#context.tools.run(name, input)));
  }

  #done(reason: string): void {
    this.#end();
    this.#isDone = true;
    this.#context.events.done(reason);
  }

  #mistake(message: string): void {
    this.#mistakes += 1;
    if (this.#mistakes === 1) this.#context.log.warn({ why: message }, 'an agent sent what the protocol does not know');
    if (this.#mistakes >= MAX_MISTAKES) {
      throw new LinecardError('AGENT_FAILED', `the agent does not speak our protocol, the last mistake: ${message}`);
    }
    this.#send({ type: 'mistake', message });
  }

  #send(message: LinecardMessage): void {
    if (this.#state !== 'closed') this.#socket.send(write(message));
  }

  /** A connection that breaks after the last word has nothing left to break. */
  #failed(error: LinecardError): void {
    if (this.#state !== 'closed' && !this.#isDone) this.#context.events.failed(error);
  }
}
