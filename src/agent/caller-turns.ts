import { EchoGuard } from '../media/echo-guard.js';
import { BEFORE_ONSET_MS } from './lead-in.js';
import type { AgentCapabilities } from './port.js';
import type { SampleChunks } from './sample-chunks.js';
import type { VoiceActivityDetector } from './speech-gate.js';
import { SpeechGate } from './speech-gate.js';
import type { SpeechQueue } from './speech-queue.js';
import { TalkOver, USUAL_INTERRUPT_AFTER_MS, WithheldUplink } from './talk-over.js';
import type { WantedWaits } from './turn-taking.js';
import { TurnTaking } from './turn-taking.js';
import { Utterance } from './utterance.js';

/** What a caller said is understood by then, or never. */
const SESSION_LIMIT_MS = 10_000;
/** A provider that heard a caller to their end and does not stop was not interrupted. */
const PROVIDER_LIMIT_MS = 1000;

/** How the caller's turns are found, for agents that leave that to us; the last two for all. */
export type TurnRules = WantedWaits & {
  /** protected: the caller's voice does not cut the first thing that the agent says; a key does. */
  readonly greeting: 'protected' | 'interruptible';
  /** Voice of this length interrupts the agent, and shorter sounds do not. Absent: as is usual where we find turns; the provider's business elsewhere. */
  readonly interruptAfterMs?: number | undefined;
};

export type CallerTurnsOptions = {
  readonly capabilities: AgentCapabilities;
  readonly rules: TurnRules | undefined;
  /** What the agent says: it is held and cut here. */
  readonly queue: SpeechQueue;
  /** Wanted also for an agent that finds turns itself: something depends on whether the caller speaks. */
  readonly listenAnyway: boolean;
  /** Asked once at most. */
  readonly openDetector: () => VoiceActivityDetector;
  readonly chunks: SampleChunks;
  readonly listener: CallerTurnsListener;
};

export interface CallerTurnsListener {
  /** The caller speaks, which may turn out to be nothing. */
  stirred(): void;
  /** A turn has begun, and the agent is to be told. What it said is cut, or held where the session decides. */
  started(spokenMs: number): void;
  /** @param utterance empty unless it is wanted @param lastSpeechAtMs on the injected clock */
  finished(utterance: Int16Array, lastSpeechAtMs: number): void;
  /** The turn of a caller whom a provider has listened to itself is over. */
  overheard(lastSpeechAtMs: number): void;
}

/**
 * The caller's turns, and what becomes of an agent that is spoken into, by the same rules for every agent: it stops at once, and goes on where it stopped when it was
 * only a sound. Whether it was is decided here by the length of what the caller says, or by a session that understands words, or by a provider, which hears
 * the caller only when they go on. Allocates nothing in `follow`.
 */
export class CallerTurns {
  readonly #queue: SpeechQueue;
  readonly #listener: CallerTurnsListener;
  readonly #judge: 'we' | 'session' | 'provider';
  readonly #turns: TurnTaking;
  readonly #talkOver: TalkOver;
  readonly #withheld: WithheldUplink | null;
  /** Null where the agent has no turns, or finds them itself and nothing is to be kept from it. */
  readonly #gate: SpeechGate | null;
  /** So that the agent is not interrupted by itself, from a loudspeaker. */
  readonly #echo: EchoGuard | null;
  readonly #utterance: Utterance;
  readonly #wantsUtterances: boolean;
  /** Until the first thing that the agent says was heard, where it asked for that. */
  #greeting: TurnRules['greeting'];
  /** When a session or a provider has to have said whether it is interrupted. */
  #heldUntilMs = Number.POSITIVE_INFINITY;
  /** What cut the agent off, or holds it, until it is reported; and when it was silent. */
  #cutCauseAtMs: number | null = null;
  #heldAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: CallerTurnsOptions) {
    const { capabilities, rules, queue, openDetector, chunks, listener } = options;
    const { turnTaking, utterances, interruptions } = capabilities;
    const isOurs = turnTaking === 'linecard';
    const interruptAfterMs = rules?.interruptAfterMs ?? (isOurs ? USUAL_INTERRUPT_AFTER_MS : 0);
    this.#queue = queue;
    this.#listener = listener;
    this.#greeting = rules?.greeting ?? 'interruptible';
    this.#judge = isOurs ? (interruptions ?? 'we') : 'provider';
    this.#turns = new TurnTaking(rules);
    this.#talkOver = new TalkOver(interruptAfterMs);
    const isKept = turnTaking === 'provider' && (interruptAfterMs > 0 || this.#greeting === 'protected');
    this.#withheld = isKept ? new WithheldUplink() : null;
    const listens = isOurs || isKept || (turnTaking === 'provider' && options.listenAnyway);
    this.#gate = listens ? new SpeechGate(openDetector()) : null;
    this.#echo = listens ? new EchoGuard() : null;
    this.#utterance = new Utterance(chunks);
    this.#wantsUtterances = isOurs && utterances === 'wanted';
  }

  get speaking(): boolean {
    return this.#turns.speaking;
  }

  /** When the turn at hand, or the last one, began; on the injected clock. */
  get onsetAtMs(): number {
    return this.#turns.onsetAtMs;
  }

  /** A frame of the caller, of every tick. */
  heard(frame: Int16Array): void {
    this.#echo?.heard(frame);
  }

  /** What is played in the tick of the last `heard`. */
  played(frame: Int16Array): void {
    this.#echo?.played(frame);
  }

  /** The same frame, while the caller is with the agent. @param sound none: the leg had nothing to give */
  follow(frame: Int16Array, sound: 'some' | 'none', nowMs: number): void {
    if (this.#gate === null) return;
    const isSpeech = sound === 'some' && this.#gate.isSpeech(frame) && this.#echo?.isEcho() !== true;
    if (this.#wantsUtterances) this.#utterance.push(frame);
    // What is said into a protected greeting is no turn.
    const mayInterrupt = this.#greeting === 'interruptible' || this.#queue.current === 'none';
    const expected = this.#queue.asked ? 'answer' : 'nothing';
    const turn = this.#turns.feed(isSpeech && mayInterrupt ? 'speech' : 'none', nowMs, expected);
    if (turn === 'started') this.#started(nowMs);
    else if (turn === 'finished') this.#finished(nowMs);
    else if (this.#talkOver.state === 'doubtful') this.#weigh(nowMs);
    if (nowMs >= this.#heldUntilMs) this.#endHold();
  }

  /** Gives the agent what it may hear of a frame: silence in the place of a caller who does not interrupt it, and what it has missed of one who does. */
  pass(frame: Int16Array, nowMs: number, hear: (frame: Int16Array) => void): void {
    if (this.#withheld === null) hear(frame);
    else if (this.#mayNotHear()) this.#withheld.withhold(frame, hear);
    else this.#withheld.pass(frame, this.#missedMs(nowMs), hear);
  }

  /** Cuts the agent off, whatever it says. */
  cutOff(causeAtMs: number): void {
    if (!this.#queue.held) this.#cutCauseAtMs = causeAtMs;
    this.#queue.clear();
  }

  /** A segment was cut, or heard: from its cause to the agent's silence; null: the caller was not the cause. */
  reaction(nowMs: number): number | null {
    const causeAtMs = this.#cutCauseAtMs;
    this.#cutCauseAtMs = null;
    if (causeAtMs === null) return null;
    return (this.#heldAtMs > causeAtMs ? this.#heldAtMs : nowMs) - causeAtMs;
  }

  /** Everything that the agent had begun to say was heard: its greeting too. */
  greeted(): void {
    this.#greeting = 'interruptible';
  }

  /** The caller is not with the agent any more: what they have said is all of their turn. */
  leave(nowMs: number): void {
    const wasTold = this.#turns.speaking && (this.#judge === 'session' || this.#talkOver.state === 'certain');
    const { lastSpeechAtMs } = this.#turns;
    this.#turns.reset();
    this.#talkOver.end();
    if (this.#judge === 'session' && this.#queue.held) this.#heldUntilMs = nowMs + SESSION_LIMIT_MS;
    else this.#goOn();
    if (this.#judge !== 'provider' && wasTold) this.#listener.finished(this.#taken(), lastSpeechAtMs);
    this.#utterance.clear();
  }

  close(): void {
    this.#utterance.clear();
    this.#gate?.close();
  }

  #started(nowMs: number): void {
    if (this.#wantsUtterances) this.#utterance.begin();
    const { current, idle, awaitsAnswer } = this.#queue;
    this.#talkOver.begin(current === 'allowed' && !awaitsAnswer ? 'speaks' : 'silent');
    this.#heldUntilMs = Number.POSITIVE_INFINITY;
    this.#listener.stirred();
    if (this.#judge === 'session') {
      if (!idle && current !== 'protected') this.#hold(nowMs);
      this.#tellStarted(nowMs);
    } else if (this.#talkOver.state === 'doubtful') this.#hold(nowMs);
    else if (this.#judge === 'we') {
      if (current === 'allowed') this.cutOff(this.#turns.onsetAtMs);
      this.#tellStarted(nowMs);
    }
  }

  #weigh(nowMs: number): void {
    if (this.#judge === 'session') return;
    const verdict = this.#talkOver.weigh(this.#turns);
    if (verdict === 'nothing') {
      this.#turns.reset();
      this.#utterance.clear();
      this.#goOn();
    } else if (verdict === 'interrupts' && this.#judge === 'we') {
      this.cutOff(this.#turns.onsetAtMs);
      this.#tellStarted(nowMs);
    }
  }

  #finished(nowMs: number): void {
    const wasNothing = this.#judge === 'we' && this.#talkOver.state === 'doubtful';
    this.#talkOver.end();
    if (wasNothing) {
      this.#utterance.clear();
      this.#goOn();
      return;
    }
    const limitMs = this.#judge === 'session' ? SESSION_LIMIT_MS : PROVIDER_LIMIT_MS;
    if (this.#queue.held) this.#heldUntilMs = nowMs + limitMs;
    if (this.#judge === 'provider') this.#listener.overheard(this.#turns.lastSpeechAtMs);
    else this.#listener.finished(this.#taken(), this.#turns.lastSpeechAtMs);
  }

  #tellStarted(nowMs: number): void {
    this.#listener.started(nowMs - this.#turns.onsetAtMs);
  }

  #taken(): Int16Array {
    return this.#wantsUtterances ? this.#utterance.take() : EMPTY;
  }

  /** Nobody has decided in time: a session was interrupted, a provider was not. */
  #endHold(): void {
    this.#heldUntilMs = Number.POSITIVE_INFINITY;
    if (!this.#queue.held) return;
    if (this.#judge === 'session') this.#queue.clear();
    else this.#goOn();
  }

  #hold(nowMs: number): void {
    if (this.#queue.held) return;
    this.#cutCauseAtMs = this.#turns.onsetAtMs;
    this.#heldAtMs = nowMs;
    this.#queue.hold();
  }

  #goOn(): void {
    this.#cutCauseAtMs = null;
    this.#queue.resume();
  }

  /** Whether the caller's voice is kept from an agent that finds turns itself. */
  #mayNotHear(): boolean {
    if (this.#queue.current === 'none') return false;
    return this.#greeting === 'protected' || (this.#talkOver.judges && this.#talkOver.state !== 'certain');
  }

  /** How much of what was kept from the agent it has to hear after all. */
  #missedMs(nowMs: number): number {
    if (this.#turns.speaking) return nowMs - this.#turns.onsetAtMs + BEFORE_ONSET_MS;
    return this.#turns.stirs ? BEFORE_ONSET_MS : 0;
  }
}

const EMPTY = new Int16Array(0);
