import { Conversation } from '../../src/agent/conversation.js';
import type { AgentContext, AgentProvider, AgentSession, HeardSpeech } from '../../src/agent/port.js';
import type { SampleChunks } from '../../src/agent/sample-chunks.js';
import { systemClock } from '../../src/core/clock.js';
import type { LinecardError } from '../../src/core/errors.js';
import { newCallId, newLegId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { FRAME_AUDIO } from '../../src/media/leg.js';
import type { FrameKind, LegCounters, MediaLeg } from '../../src/media/leg.js';
import type { Ticked } from '../../src/media/ticker.js';
import { Vad } from '../../src/media/vad.js';
import { legReport } from '../../test/support/fake-engine.js';

/** How long the caller listens before speaking into the answer. */
const LISTEN_MS = 1500;
const LOUD = 1000;

/** What one call measured, milliseconds. */
export type CallFigures = {
  /** From the decision that the turn is over to the first frame of the answer. */
  readonly answers: number[];
  /** From the decision that the caller interrupts to the last frame of the answer. */
  readonly cuts: number[];
  /** What the provider was told to have been heard, less what was played. */
  readonly heardErrors: number[];
  readonly failures: LinecardError[];
};

/** A caller without a PBX: says its sentence, listens to the answer for a while, says it again into the answer, and so on. */
export class ProviderCall implements Ticked {
  readonly figures: CallFigures = { answers: [], cuts: [], heardErrors: [], failures: [] };
  readonly conversation: Conversation;
  readonly #sentence: Int16Array;
  readonly #turnTaking: 'ours' | "the provider's";
  #waitTicks: number;
  /** Next sample to be said; null: silent. */
  #at: number | null = null;
  #decidedOverAtMs: number | null = null;
  #decidedCutAtMs: number | null = null;
  #lastLoudAtMs = 0;
  #playedMs = 0;
  #answering = false;

  constructor(options: {
    readonly provider: AgentProvider;
    readonly sentence: Int16Array;
    readonly chunks: SampleChunks;
    readonly startAfterMs: number;
  }) {
    const { provider, sentence, chunks, startAfterMs } = options;
    this.#sentence = sentence;
    this.#waitTicks = Math.round(startAfterMs / FRAME_MS);
    this.#turnTaking = provider.capabilities.turnTaking === 'linecard' ? 'ours' : "the provider's";
    const none = (): never => {
      throw new Error('not in this benchmark');
    };
    this.conversation = new Conversation({
      leg: this.#leg(),
      provider: watched(provider, {
        callerStarted: () => this.#cutDecided(),
        callerFinished: () => this.#overDecided(),
        heard: (speech) => this.#heard(speech),
      }),
      call: { callId: newCallId(), caller: { number: '', name: '' }, extension: null, history: [] },
      control: {
        transfer: none,
        hangUp: none,
        saveMessage: none,
        hours: none,
        sendDigits: none,
        hold: none,
        note: none,
      },
      tools: () => [],
      openDetector: () => new Vad(),
      chunks,
      listener: {
        firstAudio: () => undefined,
        turn: () => undefined,
        interrupted: () => undefined,
        responseStarted: () => undefined,
        toolCalled: () => undefined,
        used: () => undefined,
        handedOver: () => undefined,
        done: () => undefined,
        failed: (error) => this.figures.failures.push(error),
      },
      clock: systemClock,
      log: silentLogger,
    });
    this.conversation.start();
  }

  tick(nowMs: number): void {
    this.conversation.tick(nowMs);
  }

  #leg(): MediaLeg {
    const counters: LegCounters = { ...legReport().counters };
    return {
      id: newLegId(),
      codec: 'slin16',
      wireRateHz: 16_000,
      counters,
      playout: { depthMs: 0, skewPpm: 0 },
      listener: null,
      pull: (dst) => this.#pull(dst),
      push: (src) => this.#push(src),
      describe: () => [],
      close: () => undefined,
    };
  }

  #pull(dst: Int16Array): FrameKind {
    dst.fill(0);
    if (this.#at === null) {
      if (this.#waitTicks > 0) this.#waitTicks -= 1;
      else this.#at = 0;
    }
    if (this.#at !== null) {
      if (this.#at === 0 && this.#turnTaking !== 'ours') this.#cutDecided();
      dst.set(this.#sentence.subarray(this.#at, this.#at + FRAME_SAMPLES));
      this.#at += FRAME_SAMPLES;
      if (this.#at >= this.#sentence.length) {
        this.#at = null;
        this.#waitTicks = Infinity;
        // The next frame is the first one in which nothing is said.
        if (this.#turnTaking !== 'ours') this.#overDecided(FRAME_MS);
      }
    }
    return FRAME_AUDIO;
  }

  #push(src: Int16Array): void {
    if (Math.abs(src[FRAME_SAMPLES - 1] as number) < LOUD) return;
    const nowMs = performance.now();
    if (this.#decidedOverAtMs !== null && nowMs > this.#decidedOverAtMs) {
      this.figures.answers.push(nowMs - this.#decidedOverAtMs);
      this.#decidedOverAtMs = null;
      this.#playedMs = 0;
      this.#answering = true;
      this.#waitTicks = LISTEN_MS / FRAME_MS;
    }
    this.#lastLoudAtMs = nowMs;
    this.#playedMs += FRAME_MS;
  }

  #cutDecided(): void {
    if (this.#answering) this.#decidedCutAtMs ??= performance.now();
  }

  #overDecided(inMs = 0): void {
    if (this.#decidedCutAtMs !== null) {
      this.figures.cuts.push(Math.max(0, this.#lastLoudAtMs - this.#decidedCutAtMs));
      this.#decidedCutAtMs = null;
    }
    this.#answering = false;
    this.#decidedOverAtMs = performance.now() + inMs;
  }

  #heard({ interrupted, heardMs }: HeardSpeech): void {
    if (interrupted && heardMs > 0) this.figures.heardErrors.push(heardMs - this.#playedMs);
  }
}

type Watch = Pick<AgentSession, 'callerStarted' | 'heard'> & { readonly callerFinished: () => void };

/** A provider whose sessions tell what they are told. */
function watched(provider: AgentProvider, watch: Watch): AgentProvider {
  return {
    name: provider.name,
    capabilities: provider.capabilities,
    prepare: () => provider.prepare(),
    limitations: () => provider.limitations(),
    close: () => provider.close(),
    open(context: AgentContext): AgentSession {
      const session = provider.open(context);
      return {
        start: () => session.start(),
        hear: (frame) => session.hear(frame),
        digit: (digit) => session.digit(digit),
        callerStarted: (spokenMs) => {
          watch.callerStarted(spokenMs);
          session.callerStarted(spokenMs);
        },
        callerFinished: (utterance) => {
          watch.callerFinished();
          session.callerFinished(utterance);
        },
        heard: (speech) => {
          watch.heard(speech);
          session.heard(speech);
        },
        say: (text) => session.say(text),
        instruct: (text) => session.instruct(text),
        close: () => session.close(),
      };
    },
  };
}
