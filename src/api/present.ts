import type { CallRecord, Turn } from '../core/calls.js';
import type { CallEvent } from '../core/events.js';
import type { LegReport } from '../engine/port.js';

/** A call as JSON; the leg's figures where somebody asks for one call. */
export function callJson(call: CallRecord, leg?: LegReport | null): Record<string, unknown> {
  return { ...call, turns: call.turns.map(turnJson), ...(leg === undefined ? {} : { leg }) };
}

/** An event as JSON, with its date in words. */
export function eventJson(event: CallEvent): Record<string, unknown> {
  const { atMs, ...rest } = event;
  return {
    ...rest,
    at: new Date(atMs).toISOString(),
    ...('call' in event ? { call: callJson(event.call) } : {}),
    ...('turn' in event ? { turn: turnJson(event.turn) } : {}),
  };
}

function turnJson(turn: Turn): Record<string, unknown> {
  const { atMs, ...rest } = turn;
  return { ...rest, at: new Date(atMs).toISOString() };
}
