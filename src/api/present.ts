import type { CallRecord } from '../core/calls.js';
import type { CallEvent } from '../core/events.js';
import type { LegReport } from '../engine/port.js';

/** A call as JSON; the leg's figures where somebody asks for one call. */
export function callJson(call: CallRecord, leg?: LegReport | null): Record<string, unknown> {
  return {
    ...call,
    turns: call.turns.map(dated),
    toolCalls: call.toolCalls.map(dated),
    notes: call.notes.map(dated),
    ...(leg === undefined ? {} : { leg }),
  };
}

/** An event as JSON, with its date in words. */
export function eventJson(event: CallEvent): Record<string, unknown> {
  return {
    ...dated(event),
    ...('call' in event ? { call: callJson(event.call) } : {}),
    ...('turn' in event ? { turn: dated(event.turn) } : {}),
  };
}

/** The same for the caller: what the agent asks servers of the admin's, and writes down for people, is none of theirs. */
export function eventJsonForCaller(event: CallEvent): Record<string, unknown> {
  const json = eventJson(event);
  if (event.kind === 'toolCalled' || event.kind === 'noteTaken') return without(json, ['input', 'result', 'text']);
  if (!('call' in event)) return json;
  return { ...json, call: without(callJson(event.call), ['toolCalls', 'notes']) };
}

function without(json: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)));
}

function dated({ atMs, ...rest }: { readonly atMs: number }): Record<string, unknown> {
  return { ...rest, at: new Date(atMs).toISOString() };
}
