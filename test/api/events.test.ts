import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callRecord, digitOf, endOf, startOf } from '../support/calls.js';
import { StreamReader, TestApi } from '../support/http.js';

const CALL = callRecord({ id: 'a' });
const PATH = '/v1/calls/a/events';

let api: TestApi;

beforeEach(async () => {
  api = await new TestApi().start();
  api.history.observe(startOf(CALL));
});

afterEach(() => api.stopNow());

describe('a stream of a call', () => {
  it('tells what was, then what happens, and ends with the call', async () => {
    const response = await api.fetch('GET', PATH);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const stream = new StreamReader(response);
    await stream.until('event: callStarted');
    api.history.observe(digitOf(CALL, '5'));
    await stream.until('"digit":"5"');
    api.history.observe(endOf(CALL));
    const events = (await stream.toEnd()).split('\n\n').filter((part) => part.startsWith('id: '));
    expect(events.map((event) => event.split('\n').slice(0, 2))).toEqual([
      ['id: 1', 'event: callStarted'],
      ['id: 2', 'event: digitPressed'],
      ['id: 3', 'event: callEnded'],
    ]);
    const data = JSON.parse((events[1] ?? '').split('\ndata: ')[1] ?? '') as unknown;
    expect(data).toEqual({ kind: 'digitPressed', callId: 'a', digit: '5', at: '1970-01-01T00:00:00.001Z' });
  });

  it('goes on after the last event that its reader saw', async () => {
    api.history.observe(digitOf(CALL, '5'));
    const stream = new StreamReader(await api.fetch('GET', PATH, undefined, { 'Last-Event-ID': '1' }));
    expect(await stream.until('id: 2')).not.toContain('id: 1\n');
    await stream.cancel();
  });

  it('of an ended call ends at once, and is not come for again', async () => {
    api.history.observe(endOf(CALL));
    expect(await new StreamReader(await api.fetch('GET', PATH)).toEnd()).toContain('event: callEnded');
    expect((await api.fetch('GET', PATH, undefined, { 'Last-Event-ID': '2' })).status).toBe(204);
  });

  it('is kept alive by comments', async () => {
    const stream = new StreamReader(await api.fetch('GET', PATH));
    await stream.until('callStarted');
    api.clock.advance(15_000);
    await stream.until(': still here');
    await stream.cancel();
  });

  it('leaves nothing behind when its reader goes', async () => {
    const stream = new StreamReader(await api.fetch('GET', PATH));
    await stream.until('callStarted');
    expect(api.clock.pendingAlarms).toBe(1);
    await stream.cancel();
    await expect.poll(() => api.clock.pendingAlarms).toBe(0);
  });

  it('ends when Linecard stops', async () => {
    const stream = new StreamReader(await api.fetch('GET', PATH));
    await stream.until('callStarted');
    const stopped = api.stop();
    await stream.toEnd();
    await stopped;
  });

  it('of a call that nobody knows is a problem', async () => {
    expect((await api.fetch('GET', '/v1/calls/b/events')).status).toBe(404);
  });

  it('is cut when its reader takes nothing, and others go on', async () => {
    const lazy = await api.fetch('GET', PATH); // nobody reads its body
    const stream = new StreamReader(await api.fetch('GET', PATH));
    await stream.until('callStarted');
    const long = 'x'.repeat(60_000);
    const turn = { who: 'caller', text: long, atMs: 0, heardMs: 0, interrupted: false } as const;
    // More than the sockets of both ends hold (a few MB on loopback), each event taken by the reader before the next.
    for (let number = 2; number < 300 && api.clock.pendingAlarms === 2; number++) {
      api.history.observe({ kind: 'turnHeard', callId: CALL.id, atMs: 0, turn });
      await stream.until(`id: ${number}\n`);
      stream.text = '';
    }
    expect(api.clock.pendingAlarms).toBe(1);
    await expect(new StreamReader(lazy).toEnd()).rejects.toThrow();
    await stream.cancel();
  });
});
