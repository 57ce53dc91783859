import type { CallBackWish, HoursAnswer, MessageDraft } from '../agent/port.js';
import type { CallRecord, Caller, HowToTransfer, SuperviseMode, Turn } from '../core/calls.js';
import type { CallEvent } from '../core/events.js';
import type { CallId } from '../core/ids.js';
import type { LegReport } from '../engine/port.js';

/** Live calls, for the API and the metrics. Ended calls are in the history. */
export interface CallDirectory {
  /** Oldest first. */
  list(): readonly CallRecord[];
  get(id: string): CallRecord | null;
  /** The leg's figures, at most five seconds old; null when it has none yet. */
  legReport(id: string): LegReport | null;
}

/** What people may do to a live call. Each rejects with CALL_UNKNOWN, CALL_STATE or what the PBX answered. */
export interface CallActions {
  /** To a destination of the configuration, or `fallback`. A warm one goes on when this has resolved: the call is `transferring`. */
  transfer(id: string, to: string, how?: HowToTransfer): Promise<void>;
  /**
   * Rings a supervisor's phone, an extension of the PBX, or changes what one who is there does. `text` are words for the agent alone; with no
   * endpoint there is nothing but them.
   */
  supervise(id: string, endpoint: string | null, mode: SuperviseMode, text: string): Promise<void>;
  hold(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  hangUp(id: string): Promise<void>;
  sendDigits(id: string, digits: string): Promise<void>;
  say(id: string, text: string): Promise<void>;
}

/** A message a caller left. */
export type StoredMessage = {
  readonly id: string;
  readonly callId: CallId;
  readonly caller: Caller;
  readonly from: string;
  readonly text: string;
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  readonly audioMs: number;
  /** A task for a person: somebody wants to be called. Absent: it is a message only. */
  readonly callBack?: CallBackWish & { readonly state: 'open' | 'done' };
};

/** Messages on disk. */
export interface MessageStore {
  /** Resolves with the id when text and audio are safely on disk; rejects STORAGE_FAILED. */
  save(draft: MessageDraft, call: { readonly callId: CallId; readonly caller: Caller }): Promise<string>;
  /** Newest first. */
  list(): Promise<readonly StoredMessage[]>;
  /** Somebody called back, or need not. Resolves with null for an id that is none of such a task. */
  calledBack(id: string): Promise<StoredMessage | null>;
  /** Path of the WAV file; null for an unknown id or a message without sound. */
  audioPath(id: string): Promise<string | null>;
}

/** What lies beside the sound, `<name>.json`. */
export type RecordingNotes = {
  readonly callId: string;
  /** Left and right. */
  readonly channels: readonly ['caller', 'agent'];
  readonly sampleRateHz: number;
  /** Wall clock of the first sample, ISO 8601, UTC. */
  readonly startedAt: string;
  readonly transport: CallRecord['transport'];
  readonly extension: string | null;
  readonly caller: CallRecord['caller'];
  readonly agent: string;
  /** `offsetMs` from the first sample. */
  readonly turns: readonly (Pick<Turn, 'who' | 'text' | 'heardMs' | 'interrupted'> & { readonly offsetMs: number })[];
  readonly durationMs: number;
  /** Pieces of half a second that were lost to a slow disk: they are silence. */
  readonly lostChunks: number;
  readonly outcome: CallRecord['outcome'];
};

/** A recorded call. */
export type StoredRecording = {
  readonly callId: CallId;
  /** Wall clock, of the call. */
  readonly startedAtMs: number;
  /** Of the sound. */
  readonly bytes: number;
  readonly state: 'recording' | 'ended';
  /** Null where they are missing. */
  readonly notes: RecordingNotes | null;
};

/** The recordings that are there. Each rejects STORAGE_FAILED when the folder cannot be read. */
export interface RecordingDesk {
  /** The newest first, `limit` at most. */
  list(limit: number): Promise<readonly StoredRecording[]>;
  get(callId: string): Promise<StoredRecording | null>;
  /** Path of the WAV file, whole at every moment; null for a call without one. */
  audioPath(callId: string): Promise<string | null>;
  /** With all that belongs to it. Rejects CALL_STATE while the call is being recorded. */
  delete(callId: string): Promise<'deleted' | 'unknown'>;
}

/** A schedule at this moment. `cause`: what says so. Times are wall clock, milliseconds. */
export type ScheduleState = {
  readonly name: string;
  readonly timezone: string;
  readonly state: 'open' | 'closed';
  readonly cause: 'timetable' | 'exception' | 'override';
  /** What the exceptional day is called. */
  readonly label: string | null;
  /** When the state or its cause changes by itself; null: not within a year. */
  readonly changesAtMs: number | null;
};

/** What somebody set by hand. */
export type ScheduleOverride = {
  readonly state: 'open' | 'closed';
  /** Null: until somebody takes it back. */
  readonly untilMs: number | null;
  readonly setAtMs: number;
};

/** Opening hours by name. Methods that are given a name reject, or throw, SCHEDULE_UNKNOWN. */
export interface ScheduleDesk {
  /** Keys that anybody may press at an agent, and the schedule that each turns over. */
  readonly keyCodes: ReadonlyMap<string, string>;
  /** The schedule that is turned over by dialling this; null for every other extension. */
  dialledBy(extension: string): string | null;
  list(): readonly ScheduleState[];
  get(name: string): ScheduleState;
  /** What an agent says who is asked; null: nobody told us of opening hours. */
  answer(name: string | null): HoursAnswer;
  /** Resolves when it is safely on disk; rejects REQUEST_INVALID for a time that is over, STORAGE_FAILED. */
  override(name: string, state: 'open' | 'closed', untilMs: number | null): Promise<ScheduleState>;
  /** Takes back what was set by hand. Rejects STORAGE_FAILED. */
  followTimetable(name: string): Promise<ScheduleState>;
  /** The other way round than the timetable says or, where that is so already, back to it. Rejects STORAGE_FAILED. */
  toggle(name: string): Promise<ScheduleState>;
}

/** A browser that calls an agent. */
export type BrowserCall = {
  readonly agent: string;
  /** Its SDP offer. */
  readonly offer: string;
  /** The address of ours that its request came to: one that it can reach. */
  readonly reachedAt: string;
  /** Where it is, for the limit of calls from one place. */
  readonly address: string;
  readonly caller: Caller;
  /** The call that this one goes on with; null: none. */
  readonly resumes: CallId | null;
};

/** What a browser is answered. `tag` names the ICE session, until the next restart. */
export type BrowserAnswer = { readonly callId: CallId; readonly sdp: string; readonly tag: string };

/** Calls of browsers: what they say by HTTP on the way in, and later. */
export interface BrowserDesk {
  /** Agents that browsers may call. */
  readonly agents: readonly string[];
  /** Rejects AGENT_UNKNOWN, CALLER_LIMIT, MEDIA_FULL, REQUEST_INVALID, AGENT_UNAVAILABLE. */
  call(request: BrowserCall): Promise<BrowserAnswer>;
  /** Of the ICE session as it is; throws CALL_UNKNOWN. */
  tagOf(id: string): string;
  /** Candidates (resolves with null) or an ICE restart (resolves with the fragment for the browser). Rejects CALL_UNKNOWN, REQUEST_INVALID. */
  fragment(id: string, sdp: string): Promise<string | null>;
  /** Rejects CALL_UNKNOWN. */
  hangUp(id: string): Promise<void>;
}

/** A client that calls an agent over a WebSocket. */
export type SocketCall = {
  readonly agent: string;
  /** Where it is, for the limit of calls from one place. */
  readonly address: string;
  readonly caller: Caller;
  readonly listener: {
    /** One frame of the agent, mono s16, 16 kHz, 320 samples; the listener's own from now on. */
    audio(pcm: Int16Array): void;
    /** What happens in its call; `callEnded` is the last. */
    event(event: CallEvent): void;
  };
};

/** A live call of such a client. After the call's end nothing of it does anything. */
export interface SocketLine {
  readonly callId: CallId;
  /** Mono s16, 16 kHz, any number of samples. */
  hear(pcm: Int16Array): void;
  /** One of `0-9*#A-D`. */
  press(digit: string): void;
  hangUp(): Promise<void>;
}

/** Calls of clients without WebRTC. */
export interface SocketDesk {
  readonly agents: readonly string[];
  /** Rejects AGENT_UNKNOWN, CALLER_LIMIT, MEDIA_FULL, AGENT_UNAVAILABLE. */
  call(request: SocketCall): Promise<SocketLine>;
}
