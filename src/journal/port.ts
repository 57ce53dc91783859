import type { CallRecord, TransferMode, Turn, Usage } from '../core/calls.js';
import type { CallEvent } from '../core/events.js';
import type { CallId, ChannelId } from '../core/ids.js';

/** A turn as an agent is told of it. */
export type PastTurn = { readonly who: Turn['who']; readonly text: string };

/** Who keeps the agent from talking for longer than a process of ours may live. */
export type LastingHold = 'phone' | 'operator';

/** A transfer that somebody asked for. */
export type AskedTransfer = { readonly to: string; readonly mode: TransferMode; readonly summary: string };

/** A call that an earlier process of ours left in the middle. */
export type UnfinishedCall = {
  /** As it was last; its turns included. */
  readonly record: CallRecord;
  /** The caller's channel; null: they came by no PBX that we control. */
  readonly channelId: ChannelId | null;
  readonly heldBy: readonly LastingHold[];
  /** Asked for, and neither over nor given up. */
  readonly transfer: AskedTransfer | null;
  /** How many were begun in this call. */
  readonly transfers: number;
  /** What the dialplan told of it, by name. */
  readonly variables: Readonly<Record<string, string>>;
  /** People who took the call in a conference: whoever of them is still there talks with the caller. */
  readonly company: readonly ChannelId[];
  /** How many processes had it, beyond the first. */
  readonly resumptions: number;
  /** Wall clock, milliseconds, of the last entry. */
  readonly touchedAtMs: number;
};

/**
 * What is remembered of calls over the death of a process. Each entry is written when the method returns, before what it tells of is done. Nothing
 * here throws or waits: what cannot be written is said in the log and by `trouble`, and calls go on without memory.
 */
export interface CallJournal {
  /** Null while entries are kept; else a sentence that says why not. */
  trouble(): string | null;
  /** Everything that happens in calls, before anybody else is told. */
  observe(event: CallEvent): void;
  /** Where on its PBX a caller is: by this they are found again. */
  locate(callId: CallId, channelId: ChannelId): void;
  holdChanged(callId: CallId, heldBy: readonly LastingHold[]): void;
  transferBegins(callId: CallId, transfer: AskedTransfer): void;
  transferEnded(callId: CallId, how: string): void;
  /** A command that is about to be given, with its ids: for whoever asks later what happened. */
  step(callId: CallId, what: string, detail: Readonly<Record<string, unknown>>): void;
  /** What the dialplan tells of a call that begins: it does so once, and prompts name it. */
  told(callId: CallId, variables: Readonly<Record<string, string>>): void;
  /** What was spent by now: limits count on. */
  spent(callId: CallId, usage: Usage): void;
  /** What was said before a call began belongs to it. */
  inherit(callId: CallId, turns: readonly PastTurn[]): void;
  /** What was said in a browser's call and in those before it, for one that goes on with it; empty: nothing is known, or it is too long ago. */
  turnsOf(callId: CallId): readonly PastTurn[];
  /** Of a PBX by its name; null: of no PBX. */
  unfinished(pbx: string | null): readonly UnfinishedCall[];
  /** The unfinished call of a caller's channel. */
  unfinishedAt(pbx: string, channelId: ChannelId): UnfinishedCall | null;
  /** Calls that have ended, the newest first. */
  ended(limit: number): readonly CallRecord[];
}

/** Remembers nothing: for calls without a data directory. */
export const NO_JOURNAL: CallJournal = {
  trouble: () => null,
  observe: () => undefined,
  locate: () => undefined,
  holdChanged: () => undefined,
  transferBegins: () => undefined,
  transferEnded: () => undefined,
  step: () => undefined,
  told: () => undefined,
  spent: () => undefined,
  inherit: () => undefined,
  turnsOf: () => [],
  unfinished: () => [],
  unfinishedAt: () => null,
  ended: () => [],
};
