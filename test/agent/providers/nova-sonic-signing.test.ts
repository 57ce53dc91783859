import { createServer } from 'node:http2';
import type { ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import * as zlib from 'node:zlib';
import { BedrockRuntimeClient, InvokeModelWithBidirectionalStreamCommand } from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventMessages, hashedByObject, tableCrc32 } from '../../../src/agent/providers/nova-sonic/event-message.js';

const KEY = { accessKeyId: 'AKTEST', secretAccessKey: 'secret' };
const NOW_MS = Date.UTC(2026, 2, 1, 23, 59, 58, 7);
const MESSAGES = [
  '{"event":{"sessionStart":{}}}',
  '{"event":{"textInput":{"content":"Grüße, 你好"}}}',
  `{"event":{"textInput":{"content":"${'Long ago. '.repeat(2000)}"}}}`,
];

const server = createServer();
const sessions = new Set<ServerHttp2Session>();
/** What Amazon's own client sends. */
let sent: Promise<{ readonly authorization: string; readonly body: Buffer }>;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW_MS });
  server.on('session', (session) => sessions.add(session));
  sent = new Promise((resolve) => {
    server.once('stream', (stream, headers) => {
      const pieces: Buffer[] = [];
      stream.respond({ ':status': 200, 'content-type': 'application/vnd.amazon.eventstream' });
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        stream.end();
        resolve({ authorization: String(headers['authorization']), body: Buffer.concat(pieces) });
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  vi.useRealTimers();
  for (const session of sessions) session.destroy();
  await new Promise((resolve) => server.close(resolve));
});

describe('what goes up to Bedrock', () => {
  it('is byte by byte what its own client makes of it', async () => {
    const { port } = server.address() as AddressInfo;
    const client = new BedrockRuntimeClient({
      region: 'eu-north-1',
      endpoint: `http://127.0.0.1:${port}`,
      credentials: KEY,
    });
    const body = (async function* () {
      await Promise.resolve();
      for (const message of MESSAGES) yield { chunk: { bytes: Buffer.from(message) } };
    })();
    const command = new InvokeModelWithBidirectionalStreamCommand({ modelId: 'nova-test', body });
    await Promise.all([client.send(command), sent]);
    client.destroy();
    const theirs = await sent;
    const priorSignature = /Signature=([0-9a-f]{64})$/.exec(theirs.authorization)?.[1] ?? '';
    const ours = new EventMessages({ ...KEY, region: 'eu-north-1', service: 'bedrock', priorSignature });
    const messages = [...MESSAGES.map((message) => ours.event(message, NOW_MS)), ours.end(NOW_MS)];
    expect(Buffer.concat(messages).equals(theirs.body)).toBe(true);
  });
});

describe('a Node without quick checksums', () => {
  it('makes the same ones', () => {
    const bytes = Buffer.from('the quick brown fox, 你好');
    expect(tableCrc32(bytes)).toBe(zlib.crc32(bytes));
    expect(tableCrc32(Buffer.alloc(0))).toBe(0);
    // FIPS 180-4, the first example.
    expect(hashedByObject(Buffer.from('abc'), 'hex')).toMatch(/^ba7816bf8f01cfea414140de5dae2223b00361a3/);
  });
});
