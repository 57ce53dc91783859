import type { AgentContext, AgentProvider, AgentSession, HeardSpeech } from '../port.js';
import type { SegmentId } from '../../core/ids.js';

/** The agent that says every frame back at once: for measuring the way of a frame. */
export class EchoProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities = { turnTaking: 'none', utterances: 'unwanted' } as const;

  constructor(name: string) {
    this.name = name;
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  limitations(): readonly string[] {
    return [];
  }

  open(context: AgentContext): AgentSession {
    return new EchoSession(context);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** One segment that lasts as long as the call. */
class EchoSession implements AgentSession {
  readonly #speech: AgentContext['speech'];
  #segment: SegmentId | null = null;

  constructor(context: AgentContext) {
    this.#speech = context.speech;
  }

  start(): void {
    this.#segment = this.#speech.begin({ interruption: 'protected' });
  }

  hear(frame: Int16Array): void {
    if (this.#segment !== null) this.#speech.write(this.#segment, frame);
  }

  digit(): void {
    // A key cuts the segment, which `heard` tells.
  }

  callerStarted(): void {
    // It has no turns.
  }

  callerFinished(): void {
    // It has no turns.
  }

  /** A key, or words for a caller who came back, have cut the segment: the echo goes on in the next. */
  heard({ segment }: HeardSpeech): void {
    if (this.#segment === segment) this.start();
  }

  say(): void {
    // It has no voice of its own.
  }

  instruct(): void {
    // It follows nobody.
  }

  close(): void {
    this.#segment = null;
  }
}
