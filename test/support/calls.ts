import type { CallRecord, Outcome } from '../../src/core/calls.js';
import type { CallEvent } from '../../src/core/events.js';
import type { CallId } from '../../src/core/ids.js';

/** A call for tests that only look at one; every value may be replaced. */
export function callRecord(values: Partial<Omit<CallRecord, 'id'>> & { readonly id: string }): CallRecord {
  return {
    transport: 'audiosocket',
    pbx: 'main',
    extension: '7000',
    caller: { number: '6001', name: 'Alice' },
    agent: 'receptionist',
    state: 'talking',
    codec: 'slin16',
    sampleRateHz: 16_000,
    startedAt: '2026-01-05T09:00:00.000Z',
    answeredAt: '2026-01-05T09:00:00.200Z',
    endedAt: null,
    outcome: null,
    turns: [],
    toolCalls: [],
    notes: [],
    usage: { inputTokens: 0, outputTokens: 0, cost: 0 },
    timings: { answeredMs: 200, firstAudioMs: 260 },
    ...values,
    id: values.id as CallId,
  };
}

export const COMPLETED: Outcome = { result: 'completed', fault: 'none', reason: 'the caller hung up' };

/** The first and the last event of a call. */
export function startOf(call: CallRecord): CallEvent {
  return { kind: 'callStarted', callId: call.id, atMs: 0, call };
}

export function endOf(call: CallRecord, outcome: Outcome = COMPLETED): CallEvent {
  const ended: CallRecord = { ...call, state: 'ended', outcome, endedAt: '2026-01-05T09:01:00.000Z' };
  return { kind: 'callEnded', callId: call.id, atMs: 60_000, outcome, call: ended };
}

export function digitOf(call: CallRecord, digit: string): CallEvent {
  return { kind: 'digitPressed', callId: call.id, atMs: 1, digit };
}
