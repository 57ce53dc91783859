import type { Caller, CallLimit, HowToTransfer, ToolUse, Transport, Turn, Usage } from '../core/calls.js';
import type { ErrorCode } from '../core/errors.js';
import type { PromptValues } from '../core/prompt.js';
import type { CallId, LegId } from '../core/ids.js';
import type { LegCloseReason, LegCounters, LegNetwork } from '../media/leg.js';
import type { LegSound } from '../media/metered-leg.js';
import type { HoursAnswer, MessageDraft } from '../agent/port.js';

/** Where a PBX has to connect to reach a leg. */
export type MediaAddress = { readonly host: string; readonly port: number };

/**
 * Name of the agent on the leg of a person who is asked whether they take a caller: it says what control tells it, and reports what it
 * hears. No agent of a configuration can be called so.
 */
export const BRIEFING_AGENT = ':briefing';

/** Begins the name of the same with the ears of the agent that is named behind it. There is one for each agent that has its own. */
export const BRIEFING_BY = `${BRIEFING_AGENT}:`;

/** Begins the name of an agent that only listens, with the ears of the agent that is named behind it. There is one for each agent that has its own. */
export const EAR_AGENT = ':ear:';

/** A call that is to be given to an agent on a media thread. */
export type OpenSession = {
  readonly callId: CallId;
  readonly legId: LegId;
  readonly transport: Transport;
  /** What the PBX was asked to send; the leg's first frame may tell another. Absent: 8 kHz until then. */
  readonly wireRateHz?: 8000 | 16_000;
  readonly agent: string;
  readonly caller: Caller;
  readonly extension: string | null;
  /** Who reports digits: the leg itself, or the PBX through control (then the leg's are ignored, they would come twice). */
  readonly digits: 'leg' | 'control';
  readonly history: readonly { readonly who: Turn['who']; readonly text: string }[];
  /** What its models were paid already, where a leg is opened again. */
  readonly spent?: Usage;
  /** How long it was with an agent already, hold not counted. */
  readonly talkedMs?: number;
  /** What control knows of the call for the agent's prompts. */
  readonly facts?: PromptValues;
  /** What the leg has to know before the PBX sends; null where the packets tell (AudioSocket). */
  readonly format: MediaFormat | null;
  /** On the thread of this call: the two are to be coupled. Absent: on any. */
  readonly beside?: CallId;
};

/** How a leg's audio will come: unicast datagrams carry no header at all. */
export type MediaFormat = {
  /** Name of the PBX: which ports its media comes to is part of its configuration. */
  readonly pbx: string;
  /** The only address that may send. */
  readonly peerHost: string;
  readonly rateHz: number;
  readonly ptimeMs: number;
  /** The codec on the party's side, for people. */
  readonly codec: string;
};

/** What an agent asks of control; the answer comes as `answer` with the same `requestId`. */
export type ControlRequest =
  /** Answered when the PBX has taken the call (blind), or when a person is being rung and the caller hears music (warm). */
  | ({ readonly op: 'transfer'; readonly to: string } & HowToTransfer)
  | { readonly op: 'hangUp'; readonly reason: string }
  | ({ readonly op: 'saveMessage' } & MessageDraft)
  | { readonly op: 'hours' }
  | { readonly op: 'sendDigits'; readonly digits: string }
  | { readonly op: 'hold'; readonly held: 'held' | 'resumed' }
  | { readonly op: 'note'; readonly text: string };

export type ControlAnswer =
  | { readonly ok: true; readonly value: string | HoursAnswer | null }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/**
 * Signalling of a party that negotiates its leg itself (WHIP, RFC 9725). `reachedAt` is the address of ours that its HTTP request came
 * to: one that it can reach. `fragment` is an SDP fragment (RFC 8840 §9): candidates, or with new credentials an ICE restart. `attach`: a party that
 * has nothing to negotiate is there.
 */
export type LegSignal =
  | { readonly kind: 'offer'; readonly sdp: string; readonly reachedAt: string }
  | { readonly kind: 'fragment'; readonly sdp: string }
  | { readonly kind: 'attach' };

/** The answer to a signal; null: it was taken and there is nothing to say. */
export type LegSignalResult =
  | { readonly ok: true; readonly sdp: string | null }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/** From control to a media thread. Plain data: it crosses a thread boundary by structured clone. */
export type ToMedia =
  | { readonly kind: 'open'; readonly session: OpenSession }
  /** The caller can hear: the agent may begin. */
  | { readonly kind: 'start'; readonly callId: CallId }
  | { readonly kind: 'digit'; readonly callId: CallId; readonly digit: string }
  /** instead: what the agent was saying, or had still to say, is dropped. */
  | { readonly kind: 'say'; readonly callId: CallId; readonly text: string; readonly instead?: 'yes' }
  /** Says this instead of all else, and takes a message, where the agent can. */
  | { readonly kind: 'takeMessage'; readonly callId: CallId; readonly text: string }
  /** For the agent, who tells the caller instead of all else; one that has no words of its own says the text. */
  | { readonly kind: 'relay'; readonly callId: CallId; readonly words: string; readonly text: string }
  /** Words for the agent alone. */
  | { readonly kind: 'instruct'; readonly callId: CallId; readonly text: string }
  /** held: the agent neither hears nor speaks, the leg gets silence. */
  | { readonly kind: 'hold'; readonly callId: CallId; readonly held: 'held' | 'resumed' }
  /** The parties of two sessions on one thread hear each other and nobody else; null: each is with its own agent again. */
  | { readonly kind: 'couple'; readonly callId: CallId; readonly withCallId: CallId | null }
  | { readonly kind: 'close'; readonly callId: CallId; readonly ending: 'completed' | 'handover' }
  | { readonly kind: 'answer'; readonly callId: CallId; readonly requestId: number; readonly answer: ControlAnswer }
  /** To the leg's door; answered by `signalled` with the same id. */
  | { readonly kind: 'signal'; readonly callId: CallId; readonly signalId: number; readonly signal: LegSignal }
  /** Audio of a party whose WebSocket is with control: mono s16, 16 kHz, any number of samples. */
  | { readonly kind: 'partyAudio'; readonly callId: CallId; readonly pcm: Int16Array }
  /** JSON for the party's page, over its data channel; legs without one have no use for it. */
  | { readonly kind: 'notify'; readonly callId: CallId; readonly text: string }
  | { readonly kind: 'heartbeat'; readonly sequence: number }
  /** Take no new legs; live ones go on. */
  | { readonly kind: 'drain' }
  | { readonly kind: 'shutDown' };

/** A leg's figures at a moment: for `/v1/calls/:id`, metrics and the line at the end of a call. */
export type LegReport = {
  readonly legId: LegId;
  readonly codec: string;
  readonly sampleRateHz: number;
  readonly depthMs: number;
  /** How much faster the party's clock runs than ours, parts per million; 0 while unknown. */
  readonly skewPpm: number;
  readonly counters: LegCounters;
  readonly sound: LegSound;
  /** How long the call has been with an agent, hold not counted; legs before this one included. */
  readonly talkedMs: number;
  /** Absent where the transport tells nothing of it. */
  readonly network?: LegNetwork;
  readonly chain: readonly string[];
};

/** A media thread's figures, once a second. */
export type ThreadReport = {
  readonly sessions: number;
  /** Lateness of the ticker since the last report, milliseconds. */
  readonly latenessP50Ms: number;
  readonly latenessP99Ms: number;
  readonly latenessMaxMs: number;
  readonly skippedTicks: number;
  readonly ticks: number;
  /** Part of the last second in which the thread was busy, 0 to 1. */
  readonly load: number;
};

/** From a media thread to control. */
export type FromMedia =
  | { readonly kind: 'ready'; readonly address: MediaAddress; readonly limitations: readonly string[] }
  /** The thread can never take a call (a port in use); nothing else follows. */
  | { readonly kind: 'startFailed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'opened'; readonly callId: CallId; readonly address: MediaAddress }
  | { readonly kind: 'openFailed'; readonly callId: CallId; readonly code: ErrorCode; readonly message: string }
  /** A leg nobody announced came in by the dialplan; the thread has opened it with the agent of `audiosocket.direct`. */
  | {
      readonly kind: 'directCall';
      readonly session: OpenSession;
      readonly peer: string;
      readonly codec: string;
      readonly sampleRateHz: number;
    }
  /** The leg is here; a second time when its first frame tells another rate than was asked for. */
  | { readonly kind: 'legConnected'; readonly callId: CallId; readonly codec: string; readonly sampleRateHz: number }
  | { readonly kind: 'signalled'; readonly callId: CallId; readonly signalId: number; readonly result: LegSignalResult }
  /** One frame for a party whose WebSocket is with control. */
  | { readonly kind: 'partyAudio'; readonly callId: CallId; readonly pcm: Int16Array }
  /** Nothing comes up the leg any more, a quarter of a second after the last frame; a party that is muted, or a PBX that does not hand on what it gets. */
  | { readonly kind: 'uplinkStopped'; readonly callId: CallId }
  | { readonly kind: 'uplinkResumed'; readonly callId: CallId; readonly missingMs: number }
  | { readonly kind: 'firstAudio'; readonly callId: CallId }
  | { readonly kind: 'turn'; readonly callId: CallId; readonly turn: Turn }
  /** What is being said in a call whose party reads along; see the event `captionChanged`. */
  | { readonly kind: 'caption'; readonly callId: CallId; readonly who: 'caller' | 'agent'; readonly text: string }
  /** `•` for a digit that nobody may see. */
  | { readonly kind: 'digit'; readonly callId: CallId; readonly digit: string }
  | { readonly kind: 'interrupted'; readonly callId: CallId; readonly heardMs: number; readonly reactionMs: number }
  | { readonly kind: 'responseStarted'; readonly callId: CallId; readonly latencyMs: number }
  | ({ readonly kind: 'toolCalled'; readonly callId: CallId } & ToolUse)
  | { readonly kind: 'request'; readonly callId: CallId; readonly requestId: number; readonly request: ControlRequest }
  /** Another agent has taken the call over; a leg that is opened again is this one's. */
  | { readonly kind: 'agentChanged'; readonly callId: CallId; readonly agent: string }
  /** The agent has said all it wanted: hang up, in its words for the reason. */
  | { readonly kind: 'agentDone'; readonly callId: CallId; readonly reason: string }
  /** The totals of the call. */
  | { readonly kind: 'usage'; readonly callId: CallId; readonly usage: Usage }
  /** The caller has heard why: they are to be brought to a person. */
  | { readonly kind: 'limitReached'; readonly callId: CallId; readonly limit: CallLimit }
  /** The agent cannot go on and there is no backup left. */
  | { readonly kind: 'agentFailed'; readonly callId: CallId; readonly code: ErrorCode; readonly message: string }
  | {
      readonly kind: 'legClosed';
      readonly callId: CallId;
      readonly reason: LegCloseReason;
      readonly detail: string;
      readonly report: LegReport;
    }
  /** Half a second of a call that is recorded: see `RecordedChunk`. */
  | {
      readonly kind: 'recorded';
      readonly callId: CallId;
      readonly fromMs: number;
      readonly atSample: number;
      readonly stereo: Int16Array;
    }
  /** A second after the leg came, then every five seconds. */
  | { readonly kind: 'legReport'; readonly callId: CallId; readonly report: LegReport }
  | { readonly kind: 'threadReport'; readonly report: ThreadReport }
  | { readonly kind: 'heartbeat'; readonly sequence: number }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly fields: Readonly<Record<string, unknown>>;
      readonly message: string;
    };

/** The media threads as control sees them. Placement, watchdog and admission are behind it. */
export interface MediaEngine {
  /** Resolves when every thread can take calls. */
  start(): Promise<void>;
  /** Why no further call can be taken; empty when one can. */
  unready(): readonly string[];
  /** What works less well than configured ("no speech recognition: keys only"). */
  limitations(): readonly string[];
  /** Picks a thread and opens the session; resolves with the address for the PBX. Rejects MEDIA_FULL, AGENT_UNKNOWN, MEDIA_THREAD_LOST. */
  open(session: OpenSession): Promise<MediaAddress>;
  /** To the thread that has the call; dropped (and counted) when no thread has it. */
  send(message: Extract<ToMedia, { readonly callId: CallId }>): void;
  /** One listener: control. Set before `start`. */
  onMessage: (message: FromMedia) => void;
  /** The last figures of each thread. */
  reports(): readonly ThreadReport[];
  /** No new legs from the dialplan either. */
  drain(): void;
  stop(): Promise<void>;
}
