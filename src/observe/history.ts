import type { CallRecord } from '../core/calls.js';
import type { CallEvent } from '../core/events.js';

/** Ended calls that are on the list; older ones are on none any more. */
export const MAX_CALLS_REMEMBERED = 1000;
/** The numbers of a call's events go on after a restart, whose watcher asks for those after the last that it saw. */
const EVENTS_OF_A_PROCESS = 1_000_000;
/** Events of a call that are kept for a watcher who comes late or again. */
const MAX_EVENTS_PER_CALL = 250;

export type HistoryOptions = {
  /** Calls of earlier processes, the newest first. */
  readonly earlier?: readonly CallRecord[];
  readonly maxCalls?: number;
  readonly maxEventsPerCall?: number;
};

/** An event with its number in the call, from 1; the `id` of Server-Sent Events. */
export type NumberedEvent = { readonly number: number; readonly event: CallEvent };

type Entry = {
  /** As of the start of the call, until it has ended. */
  record: CallRecord;
  ended: 'no' | 'yes';
  /** The newest, in order. */
  readonly events: NumberedEvent[];
  lastNumber: number;
  readonly watchers: Set<(event: NumberedEvent) => void>;
};

/** Recent calls and what happened in them, from the events of control. In memory and bounded; of calls before a restart the events are gone. */
export class CallHistory {
  readonly #maxCalls: number;
  readonly #maxEventsPerCall: number;
  /** By call id, in the order of their starts. */
  readonly #calls = new Map<string, Entry>();

  constructor(options: HistoryOptions = {}) {
    this.#maxCalls = options.maxCalls ?? MAX_CALLS_REMEMBERED;
    this.#maxEventsPerCall = options.maxEventsPerCall ?? MAX_EVENTS_PER_CALL;
    for (const record of [...(options.earlier ?? [])].reverse()) {
      this.#open(record.id, record);
      this.#end(record);
    }
  }

  /** A listener for the event bus of control. */
  readonly observe = (event: CallEvent): void => {
    if (event.kind === 'callStarted') this.#open(event.callId, event.call);
    if (event.kind === 'callResumed') this.#open(event.callId, event.call, event.resumptions * EVENTS_OF_A_PROCESS);
    // One that an earlier process left, and that was over when this one looked.
    if (event.kind === 'callEnded' && !this.#calls.has(event.callId)) this.#open(event.callId, event.call);
    const entry = this.#calls.get(event.callId);
    if (entry === undefined) return; // of a call that was pushed out by newer ones
    // What is gone the next moment is for those who watch at this one, and takes nobody's number.
    const isKept = event.kind !== 'captionChanged' && event.kind !== 'qualityMeasured';
    if (isKept) entry.lastNumber += 1;
    const numbered: NumberedEvent = { number: entry.lastNumber, event };
    if (isKept) entry.events.push(numbered);
    if (entry.events.length > this.#maxEventsPerCall) entry.events.shift();
    if (event.kind === 'callEnded') this.#end(event.call);
    for (const watcher of entry.watchers) watcher(numbered);
  };

  /** Ended calls, the newest first. */
  ended(): CallRecord[] {
    return [...this.#calls.values()]
      .filter((entry) => entry.ended === 'yes')
      .map((entry) => entry.record)
      .reverse();
  }

  /** An ended call; null for one that is live, unknown or forgotten. */
  get(id: string): CallRecord | null {
    const entry = this.#calls.get(id);
    return entry?.ended === 'yes' ? entry.record : null;
  }

  /**
   * Events after number `after` that are still kept, then `onEvent` for each further one until the returned function is
   * called. Null when the call is not known. Nothing happens between the two: an event is in the list or is told.
   */
  watch(
    id: string,
    after: number,
    onEvent: (event: NumberedEvent) => void,
  ): { readonly past: readonly NumberedEvent[]; readonly ended: boolean; readonly stop: () => void } | null {
    const entry = this.#calls.get(id);
    if (entry === undefined) return null;
    entry.watchers.add(onEvent);
    return {
      past: entry.events.filter(({ number }) => number > after),
      ended: entry.ended === 'yes',
      stop: () => entry.watchers.delete(onEvent),
    };
  }

  #end(record: CallRecord): void {
    const entry = this.#calls.get(record.id);
    if (entry === undefined) return;
    entry.record = record;
    entry.ended = 'yes';
  }

  #open(id: string, record: CallRecord, lastNumber = 0): void {
    this.#calls.set(id, { record, ended: 'no', events: [], lastNumber, watchers: new Set() });
    if (this.#calls.size <= this.#maxCalls) return;
    const oldest = [...this.#calls].find(([, entry]) => entry.ended === 'yes') ?? [...this.#calls][0];
    if (oldest !== undefined) this.#calls.delete(oldest[0]);
  }
}
