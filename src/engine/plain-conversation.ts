import type { AgentSession, SpeechOut, ToolRunner } from '../agent/port.js';
import { newSegmentId } from '../core/ids.js';
import type { SegmentId } from '../core/ids.js';
import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../core/units.js';
import type { ConversationOptions, LiveConversation } from './live-conversation.js';

const QUEUE_SAMPLES = FRAME_SAMPLES * 50;

/** The least that can be called a conversation: what the agent says is played, nothing else is done. */
export class PlainConversation implements LiveConversation {
  readonly #options: ConversationOptions;
  readonly #agent: AgentSession;
  readonly #queue = new PlainQueue();
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  #started = false;
  #held = false;
  #spoke = false;

  constructor(options: ConversationOptions) {
    this.#options = options;
    const { provider, call, listener, clock, log } = options;
    const tools: ToolRunner = {
      descriptions: [],
      run: () => Promise.resolve({ ok: false, message: 'there are no tools' }),
    };
    const events = {
      callerSaid: () => undefined,
      done: (reason: string) => listener.done(reason),
      failed: listener.failed.bind(listener),
    };
    this.#agent = provider.open({ call, speech: this.#queue, tools, events, clock, log });
  }

  start(): void {
    this.#started = true;
    this.#agent.start();
  }

  digit(digit: string): void {
    this.#agent.digit(digit);
  }

  say(text: string): void {
    this.#agent.say(text);
  }

  hold(held: 'held' | 'resumed'): void {
    this.#held = held === 'held';
  }

  tick(): void {
    const { leg, listener } = this.#options;
    leg.pull(this.#frame);
    if (this.#started && !this.#held) {
      this.#agent.hear(this.#frame);
      if (this.#queue.read(this.#frame) && !this.#spoke) {
        this.#spoke = true;
        listener.firstAudio();
      }
    } else {
      this.#frame.fill(0);
    }
    leg.push(this.#frame);
  }

  close(): void {
    this.#agent.close();
  }
}

class PlainQueue implements SpeechOut {
  readonly #samples = new Int16Array(QUEUE_SAMPLES);
  #readAt = 0;
  #length = 0;

  get queuedMs(): number {
    return this.#length / SAMPLES_PER_MS;
  }

  begin(): SegmentId {
    return newSegmentId();
  }

  write(_: SegmentId, pcm: Int16Array): number {
    const taken = Math.min(pcm.length, QUEUE_SAMPLES - this.#length);
    for (let i = 0; i < taken; i++) this.#samples[(this.#readAt + this.#length + i) % QUEUE_SAMPLES] = pcm[i] as number;
    this.#length += taken;
    return taken;
  }

  text(): void {
    // Nobody keeps a transcript.
  }

  end(): void {
    // Segments follow each other without a gap.
  }

  clear(): void {
    this.#length = 0;
  }

  read(dst: Int16Array): boolean {
    if (this.#length < dst.length) {
      dst.fill(0);
      return false;
    }
    for (let i = 0; i < dst.length; i++) dst[i] = this.#samples[(this.#readAt + i) % QUEUE_SAMPLES] as number;
    this.#readAt = (this.#readAt + dst.length) % QUEUE_SAMPLES;
    this.#length -= dst.length;
    return true;
  }
}
