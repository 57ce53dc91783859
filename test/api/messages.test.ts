import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallId } from '../../src/core/ids.js';
import { TestApi } from '../support/http.js';

let api: TestApi;
let directory: string;

beforeEach(async () => {
  api = await new TestApi().start();
  directory = mkdtempSync(join(tmpdir(), '.linecard-messages-'));
  writeFileSync(join(directory, 'm1.wav'), '0123456789');
  api.audioPaths.set('m1', join(directory, 'm1.wav'));
  const common = {
    callId: 'a' as CallId,
    caller: { number: '1', name: '' },
    from: 'Alice',
    takenAt: '2026-01-05T09:00:00Z',
  };
  api.messages.push(
    { ...common, id: 'm1', text: 'Call me.', audioMs: 400 },
    { ...common, id: 'm2', text: 'Hi.', audioMs: 0 },
  );
});

afterEach(async () => {
  await api.stopNow();
  rmSync(directory, { recursive: true });
});

describe('messages', () => {
  it('are listed, with the address of their sound', async () => {
    const { messages } = (await api.json('GET', '/v1/messages')) as { messages: Record<string, unknown>[] };
    expect(messages.map((message) => [message['id'], message['text'], message['audioUrl']])).toEqual([
      ['m1', 'Call me.', '/v1/messages/m1/audio'],
      ['m2', 'Hi.', null],
    ]);
  });

  it('are heard whole or in part', async () => {
    const whole = await api.fetch('GET', '/v1/messages/m1/audio');
    expect([whole.status, whole.headers.get('content-type'), await whole.text()]).toEqual([
      200,
      'audio/wav',
      '0123456789',
    ]);
    const part = await api.fetch('GET', '/v1/messages/m1/audio', undefined, { Range: 'bytes=2-4' });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 2-4/10', '234']);
  });

  it('have no part beyond their end', async () => {
    const answer = await api.fetch('GET', '/v1/messages/m1/audio', undefined, { Range: 'bytes=20-' });
    expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    expect(await answer.json()).toMatchObject({ status: 416 });
  });

  it('that have no sound, or lost it, are a problem', async () => {
    expect((await api.fetch('GET', '/v1/messages/m2/audio')).status).toBe(404);
    rmSync(join(directory, 'm1.wav'));
    const answer = await api.fetch('GET', '/v1/messages/m1/audio');
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });
});

describe('wishes to be called back', () => {
  beforeEach(() => {
    const callBack = { number: '+4930123', when: 'tomorrow', state: 'open' } as const;
    const common = {
      callId: 'a' as CallId,
      caller: { number: '1', name: '' },
      from: 'Ada',
      takenAt: '2026-01-05T09:00:00Z',
    };
    api.messages.push({ ...common, id: 'm3', text: 'About the bill.', audioMs: 0, callBack });
  });

  it('are listed by themselves, and marked as done', async () => {
    const { callbacks } = (await api.json('GET', '/v1/callbacks')) as { callbacks: { id: string }[] };
    expect(callbacks.map(({ id }) => id)).toEqual(['m3']);
    expect((await api.fetch('POST', '/v1/callbacks/m3/done', {})).status).toBe(200);
    expect((await api.fetch('POST', '/v1/callbacks/m1/done', {})).status).toBe(404);
  });
});
