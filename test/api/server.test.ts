import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptToken, tokenPath } from '../../src/api/token.js';
import { LinecardError } from '../../src/core/errors.js';
import { FakeClock } from '../support/fake-clock.js';
import { TestApi } from '../support/http.js';

describe('the server', () => {
  it('says which key and which variable move it when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(new TestApi({ port }).start()).rejects.toThrow(
      `http: port ${port} on 127.0.0.1 is in use; set http.port or LINECARD_HTTP_PORT to a free one`,
    );
    other.close();
  });

  it('stops at once when nobody is there, and cuts off who stays too long', async () => {
    const clock = new FakeClock();
    const api = await new TestApi({ clock }).start();
    const socket = connect(api.port, '127.0.0.1');
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n'); // and never the end of the request
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    await fetch(`${api.url}/healthz`); // by now the server has seen the other one
    const stopped = api.stop();
    expect(clock.pendingAlarms).toBe(1);
    clock.advance(2000);
    await stopped;
    await once(socket, 'close');
    expect(api.stop()).toBe(stopped);
  });
});

describe('the token', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'linecard-token-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('is made once, and only its owner can read it', async () => {
    const dataDir = join(directory, 'data');
    const token = await keptToken(dataDir);
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(readFileSync(tokenPath(dataDir), 'utf8')).toBe(`${token}\n`);
    expect(statSync(tokenPath(dataDir)).mode & 0o777).toBe(0o600);
    expect(await keptToken(dataDir)).toBe(token);
  });

  it('in a file that others could read is closed to them', async () => {
    writeFileSync(tokenPath(directory), 'written-by-hand\n', { mode: 0o644 });
    expect(await keptToken(directory)).toBe('written-by-hand');
    expect(statSync(tokenPath(directory)).mode & 0o777).toBe(0o600);
  });

  it('that cannot be kept stops the start with what to change', async () => {
    writeFileSync(join(directory, 'file'), '');
    const failure = await keptToken(join(directory, 'file')).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(LinecardError);
    expect((failure as LinecardError).code).toBe('STORAGE_FAILED');
    expect((failure as LinecardError).message).toContain('change dataDir or set http.token');
  });
});
