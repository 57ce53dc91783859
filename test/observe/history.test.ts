import { describe, expect, it } from 'vitest';
import type { NumberedEvent } from '../../src/observe/history.js';
import { CallHistory } from '../../src/observe/history.js';
import { callRecord, digitOf, endOf, startOf } from '../support/calls.js';

describe('recent calls', () => {
  it('show a call when it has ended, the newest first', () => {
    const history = new CallHistory();
    const [first, second] = [callRecord({ id: 'a' }), callRecord({ id: 'b' })];
    for (const event of [startOf(first), startOf(second), endOf(first)]) history.observe(event);
    expect(history.ended().map((call) => call.id)).toEqual(['a']);
    expect(history.get('b')).toBeNull();
    history.observe(endOf(second));
    expect(history.ended().map((call) => call.id)).toEqual(['b', 'a']);
    expect(history.get('a')?.outcome?.result).toBe('completed');
  });

  it('forget the oldest ended call first, never a live one before it', () => {
    const history = new CallHistory({ maxCalls: 2 });
    const live = callRecord({ id: 'live' });
    history.observe(startOf(live));
    for (const id of ['a', 'b', 'c']) {
      history.observe(startOf(callRecord({ id })));
      history.observe(endOf(callRecord({ id })));
    }
    history.observe(endOf(live));
    expect(history.ended().map((call) => call.id)).toEqual(['c', 'live']);
  });

  it('know those of an earlier process, behind those of their own', () => {
    const earlier = ['b', 'a'].map((id) => callRecord({ id }));
    const history = new CallHistory({ earlier, maxCalls: 2 });
    expect(history.ended().map((call) => call.id)).toEqual(['b', 'a']);
    const mine = callRecord({ id: 'c' });
    for (const event of [startOf(mine), endOf(mine)]) history.observe(event);
    expect(history.ended().map((call) => call.id)).toEqual(['c', 'b']);
  });

  it('ignore events of a call that was forgotten', () => {
    const history = new CallHistory();
    history.observe(digitOf(callRecord({ id: 'unknown' }), '1'));
    expect(history.watch('unknown', 0, () => undefined)).toBeNull();
  });
});

describe('somebody who watches a call', () => {
  const call = callRecord({ id: 'a' });

  it('sees captions while they are true, and nobody gets them later', () => {
    const history = new CallHistory();
    history.observe(startOf(call));
    const told: NumberedEvent[] = [];
    history.watch('a', 0, (event) => told.push(event));
    history.observe({ kind: 'captionChanged', callId: call.id, atMs: 0, who: 'caller', text: 'Two ch' });
    history.observe(digitOf(call, '1'));
    expect(told.map(({ number, event }) => `${number} ${event.kind}`)).toEqual(['1 captionChanged', '2 digitPressed']);
    expect(history.watch('a', 0, () => undefined)?.past.map(({ number }) => number)).toEqual([1, 2]);
  });

  it('gets what happened before and then each event once, until he stops', () => {
    const history = new CallHistory();
    history.observe(startOf(call));
    history.observe(digitOf(call, '1'));
    const told: NumberedEvent[] = [];
    const watch = history.watch('a', 0, (event) => told.push(event));
    history.observe(digitOf(call, '2'));
    watch?.stop();
    history.observe(digitOf(call, '3'));
    expect(watch?.past.map(({ number }) => number)).toEqual([1, 2]);
    expect(told.map(({ number }) => number)).toEqual([3]);
  });

  it('who comes again goes on after the last number he saw', () => {
    const history = new CallHistory();
    for (const event of [startOf(call), digitOf(call, '1'), endOf(call)]) history.observe(event);
    const watch = history.watch('a', 2, () => undefined);
    expect(watch?.past.map(({ event }) => event.kind)).toEqual(['callEnded']);
    expect(watch?.ended).toBe(true);
  });

  it('finds the newest events of a call that had very many', () => {
    const history = new CallHistory({ maxEventsPerCall: 3 });
    history.observe(startOf(call));
    for (const digit of '123456789') history.observe(digitOf(call, digit));
    expect(history.watch('a', 0, () => undefined)?.past.map(({ number }) => number)).toEqual([8, 9, 10]);
  });
});
