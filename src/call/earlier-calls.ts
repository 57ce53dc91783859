import type { CallRecord, Outcome } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import type { CallEvent } from '../core/events.js';
import type { UnfinishedCall } from '../journal/port.js';

/** Where the caller of an earlier process is, when the call cannot go on. */
export type EarlierCaller = 'gone' | 'with a person' | 'at the fallback';

/** The end of a call that an earlier process left and that is not with us any more, for everybody who watches. */
export function endOfEarlier({ record, transfer }: UnfinishedCall, caller: EarlierCaller, clock: Clock): CallEvent {
  const atMs = clock.wallMs();
  const wasHandedOver = transfer !== null && transfer.mode === 'blind';
  const outcome = outcomeOf(record, wasHandedOver ? 'with a person' : caller);
  const call: CallRecord = { ...record, state: 'ended', endedAt: new Date(atMs).toISOString(), outcome };
  return { kind: 'callEnded', callId: record.id, atMs, outcome, call };
}

function outcomeOf({ state, answeredAt }: CallRecord, caller: EarlierCaller): Outcome {
  if (caller === 'with a person' || state === 'transferring') {
    return { result: 'transferred', fault: 'none', reason: 'to a person; Linecard was restarted in the meantime' };
  }
  if (caller === 'at the fallback') {
    return {
      result: 'transferred',
      fault: 'bug',
      reason: 'Linecard died while it rang, and the caller went to the fallback',
    };
  }
  const reason = 'Linecard died, and the caller hung up or went to the fallback before it was back';
  return { result: answeredAt === null ? 'abandoned' : 'failed', fault: 'bug', reason };
}
