import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AriHttp } from '../../src/pbx/asterisk/ari-http.js';
import { FakeClock } from '../support/fake-clock.js';

const LIMIT_MS = 3000;

let server: http.Server;
let clock: FakeClock;
let ari: AriHttp;
let asked: Promise<http.ServerResponse>;

beforeEach(async () => {
  asked = new Promise((resolve) => {
    server = http.createServer((_, response) => resolve(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  clock = new FakeClock();
  ari = new AriHttp({ url: `http://127.0.0.1:${port}`, username: 'u', password: 'p', clock, limitMs: LIMIT_MS });
});
afterEach(async () => {
  ari.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('a request that is not answered', () => {
  it('ends when its time is over', async () => {
    const reply = ari.request({ method: 'GET', path: '/ari/channels' });
    await asked;
    clock.advance(LIMIT_MS);
    await expect(reply).rejects.toMatchObject({ code: 'PBX_TIMEOUT' });
    expect(clock.pendingAlarms).toBe(0);
  });

  // A process that starts on a busy machine hears nothing for seconds: the list of channels lay in the socket when its time was over, and callers waited for the next one.
  it('may have been while our own thread stood still: the reply is read first', async () => {
    const reply = ari.request({ method: 'GET', path: '/ari/channels' });
    const response = await asked;
    clock.stall(LIMIT_MS + 1000);
    clock.advance(0);
    response.end('[]');
    await expect(reply).resolves.toEqual({ status: 200, body: '[]' });
    expect(clock.pendingAlarms).toBe(0);
  });

  it('ends all the same when there was none', async () => {
    const reply = ari.request({ method: 'GET', path: '/ari/channels' });
    await asked;
    clock.stall(LIMIT_MS + 1000);
    clock.advance(500);
    await expect(reply).rejects.toMatchObject({ code: 'PBX_TIMEOUT' });
    expect(clock.pendingAlarms).toBe(0);
  });
});
