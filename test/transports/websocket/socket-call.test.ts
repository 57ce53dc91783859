import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Linecard } from '../../../src/compose.js';
import { startLinecard } from '../../../src/compose.js';
import { readConfigObject } from '../../../src/config/index.js';
import { systemClock } from '../../../src/core/clock.js';
import { createLog } from '../../../src/observe/log.js';

let linecard: Linecard;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'linecard-socket-'));
  const tree = {
    http: { port: 0, token: 'token' },
    audiosocket: { port: 0 },
    media: { threads: 0 },
    agents: { loop: { provider: 'echo' } },
  };
  const reading = readConfigObject(tree, { env: {}, cwd: directory });
  if (!reading.ok) throw new Error(JSON.stringify(reading.mistakes));
  const log = createLog({
    level: 'error',
    pii: 'redacted',
    format: 'json',
    clock: systemClock,
    write: (line) => process.stdout.write(line),
  });
  linecard = await startLinecard({ config: reading.config, clock: systemClock, log });
});

afterAll(async () => {
  await linecard.stop(0);
  await rm(directory, { recursive: true, force: true });
});

it('a client talks to the echo agent over a WebSocket and hears itself', async () => {
  const client = new WebSocket(`${linecard.http.url.replace('http', 'ws')}/v1/ws/loop`, {
    headers: { Authorization: 'Bearer token' },
  });
  let loudest = 0;
  let frames = 0;
  const kinds: string[] = [];
  client.on('message', (data: Buffer, isBinary) => {
    if (isBinary) {
      expect(data.length).toBe(640);
      frames += 1;
      for (let at = 0; at < data.length; at += 2) loudest = Math.max(loudest, data.readInt16LE(at));
    } else kinds.push((JSON.parse(data.toString()) as { kind: string }).kind);
  });
  await once(client, 'open');
  const tone = Buffer.alloc(640);
  for (let i = 0; i < 320; i++) tone.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * 400 * i) / 16_000)), i * 2);
  const speaking = setInterval(() => client.send(tone), 20);
  await expect.poll(() => loudest, { timeout: 5000 }).toBeGreaterThan(7000);
  await expect.poll(() => frames).toBeGreaterThan(10);
  clearInterval(speaking);
  client.send('{"kind":"digits","digits":"5"}');
  await expect.poll(() => kinds).toContain('digitPressed');
  const calls = (await (
    await fetch(`${linecard.http.url}/v1/calls`, { headers: { Authorization: 'Bearer token' } })
  ).json()) as { calls: object[] };
  expect(calls.calls).toMatchObject([{ transport: 'websocket', codec: 'slin16', state: 'talking' }]);
  client.send('{"kind":"hangUp"}');
  const [code] = (await once(client, 'close')) as [number];
  expect(code).toBe(1000);
  expect(kinds.at(-1)).toBe('callEnded');
});
