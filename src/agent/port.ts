import type { Caller, HowToTransfer } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import type { LinecardError } from '../core/errors.js';
import type { PromptValues } from '../core/prompt.js';
import type { CallId, SegmentId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';

/**
 * What a provider can do, as data: the conversation reads it and does the rest itself.
 *
 * turnTaking `linecard`: our VAD finds onsets and ends of turns and barges in. `provider`: the model does, and calls
 * `speech.clear`. `none`: a machine that has no turns (the echo agent); the conversation runs no VAD.
 */
export type AgentCapabilities = {
  readonly turnTaking: 'linecard' | 'provider' | 'none';
  /** The session wants the whole utterance at the end of a turn (a recognizer that decodes at once). */
  readonly utterances: 'wanted' | 'unwanted';
  /**
   * Who finds out whether a caller who speaks into the agent interrupts it (turnTaking `linecard`). `session`: it understands words. What it
   * was saying is held when `callerStarted` comes, and it calls `speech.resume` or `speech.clear` when it knows. Absent: we do, by how long they speak;
   * `callerStarted` comes when it is certain.
   */
  readonly interruptions?: 'session';
  /** `conversation`: it is asked by `say` for words while a tool runs for long. Absent: it has ways of its own, or can say nothing then. */
  readonly fillers?: 'conversation';
  /** Which of the waits that a configuration may want one that finds turns itself can be told. Absent: none. */
  readonly waits?: 'minWaitMs' | 'maxWaitMs';
};

/** What a briefing reports in the place of words when a voicemail begins to record. */
export const VOICEMAIL_SIGNAL = 'voicemail signal';

/** What is known of the call when the agent is opened. */
export type AgentCall = {
  readonly callId: CallId;
  readonly caller: Caller;
  readonly extension: string | null;
  /** Turns of an earlier process of ours, oldest first; empty for a new call. */
  readonly history: readonly { readonly who: 'caller' | 'agent' | 'human'; readonly text: string }[];
  /** Words for an agent that takes a call over from another, in the place of a greeting. Absent: the call is new, or goes on. */
  readonly briefing?: string;
  /** What prompts may name, besides the caller and the extension. */
  readonly facts?: PromptValues;
};

/** One kind of agent as configured under `agents:`. Opened once for each call; lives as long as its media thread. */
export interface AgentProvider {
  readonly name: string;
  readonly capabilities: AgentCapabilities;
  /** Loads voices and models, makes the greeting. Resolves when the first call may come; rejects when it never can. */
  prepare(): Promise<void>;
  /** What does not work although calls can be served ("no speech recognition: keys only"), for `/readyz` and the log. */
  limitations(): readonly string[];
  /** Must return at once; whatever takes time goes on behind the session. */
  open(context: AgentContext): AgentSession;
  close(): Promise<void>;
}

/** What a session is given: the call, its voice, its tools, the clock. Never the call object. */
export type AgentContext = {
  readonly call: AgentCall;
  readonly speech: SpeechOut;
  readonly tools: ToolRunner;
  /** A text of the configuration for this call: `{{caller.name}}` and the like replaced. */
  readonly fill: (text: string) => string;
  readonly events: AgentEvents;
  readonly clock: Clock;
  readonly log: Logger;
};

/** What a session reports besides its speech. */
export interface AgentEvents {
  /** What the caller said, when a recognizer knows; one call a turn. */
  callerSaid(text: string): void;
  /**
   * What the caller is understood to have said so far, from the beginning of the turn, for somebody who reads along: a guess that the next one, or
   * `callerSaid`, replaces. `UNKNOWN_WORDS`: something, nobody knows what yet. Empty: nothing, after all.
   */
  callerSays(text: string): void;
  /** What a model was given and gave since it was told last; for limits and the bill. */
  used(tokens: { readonly input: number; readonly output: number }): void;
  /** The agent wants the call to end after what it has queued was heard. */
  done(reason: string): void;
  /** The agent cannot go on; the conversation retries, or goes to the backup or the fallback. */
  failed(error: LinecardError): void;
}

/** One word and when it has been heard, in milliseconds from the start of its segment. */
export type WordTiming = { readonly word: string; readonly endMs: number };

/**
 * The agent's voice: a bounded queue of segments, played in order. A segment is heard whole, cut (and then its transcript
 * is cut to the word) or dropped. Audio is mono s16, 16 kHz, any length; it is copied.
 */
export interface SpeechOut {
  /** Opens a segment behind those queued. `protected` cannot be interrupted by speech (a key still can). */
  begin(options?: { readonly interruption?: 'allowed' | 'protected' }): SegmentId;
  /** Returns the samples that were taken: fewer than given when the queue is full (120 s); the rest is counted and lost. */
  write(segment: SegmentId, pcm: Int16Array): number;
  /**
   * How many samples the segment is known to have in all, those that are still to be written included: words without times are spread over
   * that. A cut segment would else seem to have been heard further than it was.
   */
  expect(segment: SegmentId, samples: number): void;
  /** Adds to the words of a segment; without timings they are spread over its audio by length. */
  text(segment: SegmentId, text: string, words?: readonly WordTiming[]): void;
  /** No more audio will come for this segment. */
  end(segment: SegmentId): void;
  /** Stops at the next tick, with a fade of 5 ms, and drops what is queued; `AgentSession.heard` follows. */
  clear(): void;
  /** The caller speaks, and it is not decided whether they interrupt: nothing is played, and all of it is kept. */
  readonly held: boolean;
  /** What the caller says now may be an answer: a question was heard just now, or nearly, or hardly anything is left to be said. */
  readonly awaitsAnswer: boolean;
  /** What would be reported if it were cleared now, segment by segment. */
  ifCleared(): readonly HeardSpeech[];
  /** They did not: what was held goes on, a quarter of a second before the place where it stopped. */
  resume(): void;
  /** Milliseconds queued and not played yet. */
  readonly queuedMs: number;
}

/** What was audible of a segment when it ended or was cut. */
export type HeardSpeech = {
  readonly segment: SegmentId;
  readonly heardMs: number;
  /** Its text up to the last word that was heard to its end. */
  readonly text: string;
  readonly interrupted: boolean;
};

/** An agent in one call. All methods are synchronous and must return within a fraction of a tick. */
export interface AgentSession {
  /** The caller hears us now: say the greeting. */
  start(): void;
  /** One uplink frame, mono s16, 16 kHz, 320 samples, every tick; the buffer is reused by the caller. */
  hear(frame: Int16Array): void;
  /** A digit of the caller, `0-9*#A-D`; a playing segment has been cut already. */
  digit(digit: string): void;
  /**
   * The caller began to speak (turnTaking `linecard` only); a playing segment that allows it has been cut, or is held for a session that decides.
   * @param spokenMs for how long they have been speaking
   */
  callerStarted(spokenMs: number): void;
  /** The caller finished. `utterance` (owned by the session) is the turn's audio with 300 ms before the onset; empty unless wanted. */
  callerFinished(utterance: Int16Array): void;
  /** A segment was heard to its end, or cut. Dropped segments that nobody heard are reported with heardMs 0. */
  heard(speech: HeardSpeech): void;
  /** Says this text in the agent's voice (`POST /v1/calls/:id/say`, spoken words before a hand-over). Resolves at once. */
  say(text: string): void;
  /** Says this text and takes a message of the caller by itself; absent: `say` asks whether it may. Resolves at once. */
  takeMessage?(text: string): void;
  /** Begins at once to tell the caller what these words say, in words of its own; absent: it is told them by `instruct`, and says a text. */
  relay?(words: string): void;
  /** Words from a person behind the agent (a supervisor's whisper, the result of a transfer). */
  instruct(text: string): void;
  /** Idempotent. Nothing may be spoken after it. */
  close(): void;
}

/** A tool's answer as the agent gets it: a result, or a sentence it can speak about. */
export type ToolResult =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

/** What a model is told of a tool. */
export type ToolDescription = {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the input. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
};

/** The tools of one call. */
export interface ToolRunner {
  readonly descriptions: readonly ToolDescription[];
  /** Never rejects: a failure, an unknown tool and a time-out are results. */
  run(name: string, input: unknown): Promise<ToolResult>;
}

/** One file under `agent/tools/`. */
export interface Tool extends ToolDescription {
  readonly timeLimitMs: number;
  /** resolved: it gets what the caller entered in secret where the model wrote a reference. Absent: it gets the reference. */
  readonly secrets?: 'resolved';
  /** Throws LinecardError('TOOL_FAILED') with a sentence that the agent can speak about. */
  run(input: unknown, context: ToolContext): Promise<unknown>;
}

/** Keys that a caller is asked for. */
export type DigitRequest = {
  /** Said first; empty: the agent has asked already. */
  readonly prompt: string;
  /** The entry is complete with so many; `#` completes it before. */
  readonly maxDigits: number;
  /** secret: nobody is shown the digits, the model gets a reference. */
  readonly visibility: 'shown' | 'secret';
};

/** What was entered; `reference` in the place of secret digits. `spoke`: the caller said something instead. */
export type EnteredDigits = {
  readonly digits: string;
  readonly count: number;
  readonly end: 'complete' | 'pause' | 'nothing' | 'spoke';
};

/** What a tool may do in the conversation that it is called from. */
export interface Floor {
  /** The call ends when everything that is queued was heard. */
  done(reason: string): void;
  /** The caller's keys are not told to the agent until the entry is complete. Rejects TOOL_FAILED while another entry is under way. */
  collectDigits(request: DigitRequest, signal: AbortSignal): Promise<EnteredDigits>;
  /** The call goes to another agent when everything that is queued was heard. */
  handOver(agent: string, context: string): void;
  /** Resolves at the caller's next key, which nobody is told, or when the time is up; for a caller on hold. */
  nextKey(limitMs: number, signal: AbortSignal): Promise<'key' | 'time'>;
}

/** What the tools of a thread share and have to start once: a connection to a server of tools. */
export interface ThreadService {
  /** Resolves when the first call may come. Never rejects: what does not work is a limitation. */
  prepare(): Promise<void>;
  /** What does not work although calls can be served, for `/readyz` and the log. */
  limitations(): readonly string[];
  close(): Promise<void>;
}

/** What a tool may touch: ports, never the call object. */
export type ToolContext = {
  readonly call: AgentCall;
  readonly control: CallControl;
  readonly signal: AbortSignal;
  readonly log: Logger;
};

/** A message a caller leaves. */
export type MessageDraft = {
  readonly from: string;
  readonly text: string;
  /** Mono s16, 16 kHz; empty when there is no recording. */
  readonly audio: Int16Array;
  /** Whom somebody has to call back, and when, in the caller's words. */
  readonly callBack?: CallBackWish;
};

/** `number` holds digits and a leading `+` only. */
export type CallBackWish = { readonly number: string; readonly when: string };

export type HoursAnswer = { readonly open: boolean; readonly text: string };

/** What control does for a call on behalf of its agent. Each rejects with a LinecardError. */
export interface CallControl {
  /**
   * Sends the caller to a destination of the configuration (by its key) or to `fallback`. Resolves when the PBX has taken the call or, in a warm
   * transfer, when a person is being rung: the agent is on hold then, and gets the caller back when nobody takes the call.
   */
  transfer(to: string, how?: HowToTransfer): Promise<void>;
  hangUp(reason: string): Promise<void>;
  /** Stores a message; resolves with its id when it is safely on disk. */
  saveMessage(draft: MessageDraft): Promise<string>;
  hours(): Promise<HoursAnswer>;
  sendDigits(digits: string): Promise<void>;
  /** Music for the caller, and back. Rejects PBX_UNSUPPORTED where nobody can play any. */
  hold(held: 'held' | 'resumed'): Promise<void>;
  /** Written down for whoever gets the call. */
  note(text: string): Promise<void>;
}
