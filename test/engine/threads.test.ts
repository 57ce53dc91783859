import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { openMediaPool } from '../../src/compose-pool.js';
import { configSchema } from '../../src/config/schema.js';
import { systemClock } from '../../src/core/clock.js';
import { newCallId, newLegId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import type { MediaPool } from '../../src/engine/pool.js';
import type { FromMedia, OpenSession, ToMedia } from '../../src/engine/port.js';
import type { ThreadLink } from '../../src/engine/thread-link.js';
import { RawPeer } from '../support/raw-peer.js';

const SUPPORT = path.join(import.meta.dirname, '../support');
/** A thread is compiled from its source when it starts, seconds on a busy machine; each wait below is for an event. */
const LIMIT_MS = 60_000;
const ENTRY = new URL('../support/media-thread.mjs', import.meta.url);

type Running = {
  readonly pool: MediaPool;
  readonly links: ThreadLink[];
  readonly heard: FromMedia[];
  readonly until: (condition: () => boolean) => Promise<void>;
};

const running: MediaPool[] = [];

afterEach(async () => {
  for (const pool of running.splice(0)) await pool.stop();
});

async function start(threads: number): Promise<Running> {
  const links: ThreadLink[] = [];
  const heard: FromMedia[] = [];
  const waiters = new Set<() => void>();
  const pool = await openMediaPool({
    config: {
      audiosocket: { host: '127.0.0.1', port: 0, allow: ['127.0.0.0/8'], direct: 'loop' },
      agents: {
        loop: {
          provider: 'echo',
          tools: [],
          handover: [],
          turns: { minWaitMs: 600, maxWaitMs: 1000, greeting: 'interruptible' as const, vad: 'webrtc' as const },
          filler: { afterMs: 1200, tone: false },
          limits: { say: '' },
          prices: { input: 0, output: 0 },
        },
      },
      destinations: {},
      tools: {},
      extensions: {},
      schedules: {},
      media: { threads, callsPerThread: 10, admission: 'load' },
      pbx: [],
      recording: { enabled: false },
      webrtc: configSchema.parse({}).webrtc,
    },
    clock: systemClock,
    log: silentLogger,
    entry: ENTRY,
    onLink: (link) => links.push(link),
  });
  running.push(pool);
  pool.onMessage = (message) => {
    heard.push(message);
    for (const waiter of waiters) waiter();
  };
  await pool.start();
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        waiters.delete(look);
        resolve();
      };
      waiters.add(look);
      look();
    });
  return { pool, links, heard, until };
}

function sessionOf(): OpenSession {
  return {
    callId: newCallId(),
    legId: newLegId(),
    transport: 'audiosocket',
    agent: 'loop',
    caller: { number: '', name: '' },
    extension: '7009',
    digits: 'control',
    format: null,
    history: [],
  };
}

/** Sends a tone's worth of frames at once and waits until one of them comes back. */
async function hearEcho(peer: RawPeer): Promise<void> {
  for (let i = 0; i < 4; i++) peer.sendAudio(8000, 8000);
  await peer.until(({ audio }) => audio.some((samples) => samples.some((sample) => sample > 4000)));
}

describe('media threads', { timeout: LIMIT_MS }, () => {
  it.each([0, 1, 2])('serve calls with threads: %i', async (threads) => {
    const { pool, heard, until } = await start(threads);
    const sessions = Array.from({ length: Math.max(1, threads) }, sessionOf);
    const addresses = await Promise.all(sessions.map((session) => pool.open(session)));
    expect(new Set(addresses.map(({ port }) => port)).size).toBe(sessions.length);
    for (const [i, { callId, legId }] of sessions.entries()) {
      const peer = await RawPeer.call(addresses[i]!.port, legId);
      await until(() => heard.some((message) => message.kind === 'legConnected' && message.callId === callId));
      pool.send({ kind: 'start', callId });
      await hearEcho(peer);
      pool.send({ kind: 'close', callId, ending: 'completed' });
      await peer.untilClosed();
      peer.hangUp();
      expect(peer.frames.at(-1)).toEqual({ kind: 'hangUp' });
      await until(() => heard.some((message) => message.kind === 'legClosed' && message.callId === callId));
    }
  });

  it('let a caller of the dialplan in at the first thread', async () => {
    const { pool, heard, until } = await start(1);
    const { port } = await pool.open(sessionOf());
    const legId = newLegId();
    const peer = await RawPeer.call(port, legId);
    await until(() => heard.some((message) => message.kind === 'directCall' && message.session.legId === legId));
    await hearEcho(peer);
    peer.hangUp();
    await until(() => heard.some((message) => message.kind === 'legClosed'));
  });

  it('go on when a library has forgotten a promise', async () => {
    const { pool, heard, until } = await start(1);
    const session = sessionOf();
    const { port } = await pool.open(session);
    const peer = await RawPeer.call(port, session.legId);
    await until(() => heard.some((message) => message.kind === 'legConnected'));
    pool.send({ kind: 'start', callId: session.callId });
    // Means nothing to a leg without a page.
    pool.send({ kind: 'notify', callId: session.callId, text: 'forget a promise' });
    await hearEcho(peer);
    peer.hangUp();
    await until(() => heard.some((message) => message.kind === 'legClosed'));
    expect(heard.at(-1)).toMatchObject({ callId: session.callId, reason: 'remote' });
  });

  it('are replaced when they freeze: the caller is let go, the call is reported, the next one is served', async () => {
    const { pool, links, heard, until } = await start(1);
    const session = sessionOf();
    const { port } = await pool.open(session);
    const peer = await RawPeer.call(port, session.legId);
    await peer.until(({ frames }) => frames.length > 0);
    links[0]!.send({ kind: 'freezeForTest' } as unknown as ToMedia);
    await until(() => heard.some((message) => message.kind === 'legClosed'));
    expect(heard.at(-1)).toMatchObject({ callId: session.callId, reason: 'error' });
    await peer.untilClosed();
    await expect.poll(() => pool.unready(), { timeout: LIMIT_MS }).toEqual([]);
    const next = sessionOf();
    const address = await pool.open(next);
    const nextPeer = await RawPeer.call(address.port, next.legId);
    await until(() => heard.some((message) => message.kind === 'legConnected' && message.callId === next.callId));
    pool.send({ kind: 'start', callId: next.callId });
    await hearEcho(nextPeer);
    nextPeer.hangUp();
  });

  it('end the process when control freezes, so that the supervisor starts it again', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', path.join(SUPPORT, 'freezing-control.ts')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    onTestFinished(() => void child.kill('SIGKILL'));
    const signal = await new Promise((resolve) => child.once('exit', (_, by) => resolve(by)));
    expect(signal).toBe('SIGKILL');
    expect(output).toContain('main thread frozen, ending the process');
  });
});
