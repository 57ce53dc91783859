import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { LinecardError } from '../../src/core/errors.js';
import type { CallId } from '../../src/core/ids.js';
import { TestApi, TOKEN } from '../support/http.js';

let api: TestApi;
let client: WebSocket;

beforeEach(async () => {
  api = await new TestApi().start();
});

afterEach(async () => {
  client.terminate();
  await api.stopNow();
});

function dial(path = '/v1/ws/loop', options: { token?: string | null; protocols?: string[] } = {}): WebSocket {
  const { token = TOKEN, protocols = [] } = options;
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  client = new WebSocket(`${api.url.replace('http', 'ws')}${path}`, protocols, { headers });
  client.on('error', () => undefined); // told by `refusal`
  return client;
}

/** The status of an answer that is no WebSocket. */
async function refusal(path?: string, options?: Parameters<typeof dial>[1]): Promise<number | undefined> {
  const [, response] = (await once(dial(path, options), 'unexpected-response')) as [unknown, { statusCode?: number }];
  return response.statusCode;
}

async function connected(): Promise<void> {
  await once(dial(), 'open');
  await expect.poll(() => api.sockets.calls.length).toBe(1);
}

describe('a client', () => {
  it('hears the agent frame by frame, and is told what happens', async () => {
    await connected();
    const { listener } = api.sockets.calls[0]!;
    const messages: unknown[] = [];
    client.on('message', (data: Buffer, isBinary) => {
      messages.push(isBinary ? [...new Int16Array(Uint8Array.from(data).buffer)] : JSON.parse(data.toString()));
    });
    listener.audio(Int16Array.of(1, -2, 300));
    listener.event({ kind: 'firstAudioPlayed', callId: 'call-1' as CallId, atMs: 0 });
    await expect.poll(() => messages.length).toBe(2);
    expect(messages).toEqual([
      [1, -2, 300],
      { kind: 'firstAudioPlayed', callId: 'call-1', at: '1970-01-01T00:00:00.000Z' },
    ]);
  });

  it('counts for its own address behind a proxy that is believed', async () => {
    await api.stopNow();
    api = await new TestApi({ proxies: ['127.0.0.1'] }).start();
    client = new WebSocket(`${api.url.replace('http', 'ws')}/v1/ws/loop`, {
      headers: { Authorization: `Bearer ${TOKEN}`, 'X-Forwarded-For': '198.51.100.4' },
    });
    await expect.poll(() => api.sockets.calls.map(({ address }) => address)).toEqual(['198.51.100.4']);
  });

  it('speaks and presses keys; what it cannot mean is ignored', async () => {
    await connected();
    client.send(Buffer.from(Int16Array.of(7, -8).buffer));
    for (const text of ['{"kind":"digits","digits":"12a"}', 'nonsense', '[]', 'null', '{"kind":"digits","digits":7}']) {
      client.send(text);
    }
    client.send(Buffer.from(Int16Array.of(9).buffer));
    await expect.poll(() => api.sockets.heard.length).toBe(2);
    expect(api.sockets.heard).toEqual([[7, -8], [9]]);
    expect(api.sockets.pressed).toEqual(['1', '2', 'A']);
  });

  it('hangs up by saying so, or by going away', async () => {
    await connected();
    client.send('{"kind":"hangUp"}');
    await expect.poll(() => api.sockets.hangUps).toBe(1);
    client.terminate();
    await expect.poll(() => api.sockets.hangUps).toBe(2);
  });

  it('that sends faster than anybody speaks is heard at the pace of speech', async () => {
    await connected();
    const second = Buffer.alloc(32_000);
    for (let i = 0; i < 10; i++) client.send(second);
    client.send(Buffer.alloc(2));
    await expect.poll(() => api.sockets.heard.length).toBeGreaterThanOrEqual(2);
    client.ping();
    await once(client, 'pong');
    expect(api.sockets.heard.map((pcm) => pcm.length)).toEqual([16_000, 16_000]);
  });

  it('that sends half a sample, or a message of any length, is sent away', async () => {
    await connected();
    client.send(Buffer.alloc(3));
    expect(((await once(client, 'close')) as [number])[0]).toBe(1007);
    await once(dial(), 'open');
    client.send(Buffer.alloc(70_000));
    expect(((await once(client, 'close')) as [number])[0]).toBe(1009);
  });

  it('that reads nothing loses frames, and nothing here grows', async () => {
    await connected();
    client.pause();
    const { listener } = api.sockets.calls[0]!;
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 100_000; i++) listener.audio(new Int16Array(320));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(90_000_000);
    client.resume();
  });

  it('that does not answer a ping is gone', async () => {
    dial('/v1/ws/loop');
    client.pause();
    await once(client, 'open').catch(() => undefined);
    await expect.poll(() => api.sockets.calls.length).toBe(1);
    client.pause();
    api.clock.advance(10_000);
    api.clock.advance(10_000);
    await expect.poll(() => api.sockets.hangUps).toBe(1);
  });
});

describe('a call that cannot be', () => {
  it('is refused before it is a WebSocket, without the right token', async () => {
    expect(await refusal('/v1/ws/loop', { token: null })).toBe(401);
    expect(await refusal('/v1/ws/loop', { token: 'wrong' })).toBe(401);
    expect(await refusal('/v1/elsewhere')).toBe(404);
    expect(await refusal('/v1/ws/%ff')).toBe(400);
    expect(api.sockets.calls).toEqual([]);
  });

  it('is refused for an agent that a session token does not name', async () => {
    const { token } = await api.json('POST', '/v1/session-tokens', { agent: 'loop', name: 'Ann' });
    expect(await refusal('/v1/ws/receptionist', { token: String(token) })).toBe(403);
    await once(dial('/v1/ws/loop', { token: null, protocols: ['linecard', `bearer.${String(token)}`] }), 'open');
    expect(client.protocol).toBe('linecard');
    await expect.poll(() => api.sockets.calls[0]?.caller.name).toBe('Ann');
  });

  it('is told why, and whether to come again', async () => {
    api.sockets.failure = new LinecardError('AGENT_UNKNOWN', 'there is no agent "x"');
    dial('/v1/ws/x');
    const [data] = (await once(client, 'message')) as [Buffer];
    expect(JSON.parse(data.toString())).toMatchObject({ code: 'AGENT_UNKNOWN' });
    expect(((await once(client, 'close')) as [number])[0]).toBe(1008);
    api.sockets.failure = new LinecardError('MEDIA_FULL', 'full');
    expect(((await once(dial(), 'close')) as [number])[0]).toBe(1013);
    const line = { code: 'MEDIA_FULL', reason: 'full', route: '/v1/ws/loop', message: 'request refused' };
    expect(api.warnings).toEqual([line]);
    expect(api.complaints).toEqual([]);
  });

  it('ends when Linecard shuts down', async () => {
    await connected();
    const closed = once(client, 'close') as Promise<[number]>;
    await api.stopNow();
    expect((await closed)[0]).toBe(1001);
    api = await new TestApi().start();
  });
});
