import type { HoursAnswer, MessageDraft } from '../agent/port.js';
import type { CallRecord, Caller } from '../core/calls.js';
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
  /** To a destination of the configuration, or `fallback`. */
  transfer(id: string, to: string): Promise<void>;
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
};

/** Messages on disk. */
export interface MessageStore {
  /** Resolves with the id when text and audio are safely on disk; rejects STORAGE_FAILED. */
  save(draft: MessageDraft, call: { readonly callId: CallId; readonly caller: Caller }): Promise<string>;
  /** Newest first. */
  list(): Promise<readonly StoredMessage[]>;
  /** Path of the WAV file; null for an unknown id or a message without sound. */
  audioPath(id: string): Promise<string | null>;
}

/** Opening hours as the configuration has them. */
export interface OpeningHours {
  at(wallMs: number): HoursAnswer;
}
