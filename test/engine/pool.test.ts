import { describe, expect, it } from 'vitest';
import type { CallId } from '../../src/core/ids.js';
import { newCallId, newLegId } from '../../src/core/ids.js';
import { NO_SOUND } from '../../src/media/metered-leg.js';
import { silentLogger } from '../../src/core/logger.js';
import { MediaPool } from '../../src/engine/pool.js';
import type { FromMedia, OpenSession, ThreadReport, ToMedia } from '../../src/engine/port.js';
import type { ThreadLink } from '../../src/engine/thread-link.js';
import { FakeClock, settle } from '../support/fake-clock.js';

const CALM: ThreadReport = {
  sessions: 0,
  latenessP50Ms: 0,
  latenessP99Ms: 1,
  latenessMaxMs: 1,
  skippedTicks: 0,
  ticks: 200,
  load: 0.1,
};

/** A media thread that says what the test lets it say. */
class FakeLink implements ThreadLink {
  readonly separate = 'yes';
  readonly index: number;
  readonly received: ToMedia[] = [];
  onMessage: (message: FromMedia) => void = () => undefined;
  onGone: (reason: string) => void = () => undefined;
  /** A frozen thread answers nothing. */
  frozen = false;
  terminated = false;

  constructor(index: number) {
    this.index = index;
  }

  send(message: ToMedia): void {
    this.received.push(message);
    if (this.frozen) return;
    const address = { host: '127.0.0.1', port: 9092 + this.index };
    if (message.kind === 'heartbeat') this.onMessage(message);
    if (message.kind === 'open') this.onMessage({ kind: 'opened', callId: message.session.callId, address });
    if (message.kind === 'shutDown') queueMicrotask(() => this.onGone('exit code 0'));
  }

  ready(): void {
    const address = { host: '127.0.0.1', port: 9092 + this.index };
    this.onMessage({ kind: 'ready', address, limitations: ['keys only'] });
  }

  terminate(): Promise<void> {
    this.terminated = true;
    return Promise.resolve();
  }
}

type SetUp = {
  readonly pool: MediaPool;
  readonly links: FakeLink[];
  readonly clock: FakeClock;
  readonly heard: FromMedia[];
};

async function setUp(threads = 2, maxSessionsPerThread = 3): Promise<SetUp> {
  const clock = new FakeClock();
  const links: FakeLink[] = [];
  const heard: FromMedia[] = [];
  const pool = new MediaPool({
    threads,
    openLink: (index) => {
      const link = new FakeLink(index);
      links.push(link);
      return link;
    },
    maxSessionsPerThread,
    admission: 'load',
    clock,
    log: silentLogger,
  });
  pool.onMessage = (message) => heard.push(message);
  const started = pool.start();
  for (const link of links) link.ready();
  await started;
  return { pool, links, clock, heard };
}

function sessionOf(callId: CallId = newCallId()): OpenSession {
  return {
    callId,
    legId: newLegId(),
    transport: 'audiosocket',
    agent: 'clara',
    caller: { number: '', name: '' },
    extension: null,
    digits: 'control',
    format: null,
    history: [],
  };
}

function opensOf(link: FakeLink): number {
  return link.received.filter(({ kind }) => kind === 'open').length;
}

describe('media pool', () => {
  it('gives each call to the thread with the fewest, and names its address', async () => {
    const { pool, links } = await setUp();
    const addresses = [];
    for (let i = 0; i < 4; i++) addresses.push(await pool.open(sessionOf()));
    expect(addresses.map(({ port }) => port)).toEqual([9092, 9093, 9092, 9093]);
    expect(links.map(opensOf)).toEqual([2, 2]);
    expect(pool.limitations()).toEqual(['keys only']);
  });

  it('fills a place again when its call has ended', async () => {
    const { pool, links, heard } = await setUp(1, 1);
    const session = sessionOf();
    await pool.open(session);
    expect(pool.unready()).toEqual(['media thread 0 is full: 1 calls']);
    await expect(pool.open(sessionOf())).rejects.toMatchObject({ code: 'MEDIA_FULL' });
    const report = {
      legId: session.legId,
      codec: '',
      sampleRateHz: 0,
      depthMs: 0,
      skewPpm: 0,
      counters: {} as never,
      sound: NO_SOUND,
      talkedMs: 0,
      chain: [],
    };
    links[0]!.onMessage({ kind: 'legClosed', callId: session.callId, reason: 'remote', detail: 'FIN', report });
    expect(heard).toHaveLength(1);
    expect(pool.unready()).toEqual([]);
  });

  it('sends a message to the thread that has the call, and counts what nobody has', async () => {
    const { pool, links } = await setUp();
    const session = sessionOf();
    await pool.open(sessionOf());
    await pool.open(session);
    pool.send({ kind: 'start', callId: session.callId });
    expect(links[1]!.received.at(-1)).toEqual({ kind: 'start', callId: session.callId });
    pool.send({ kind: 'start', callId: newCallId() });
    expect(pool.droppedMessages).toBe(1);
  });

  it('counts a call of the dialplan as one of the thread that let it in', async () => {
    const { pool, links, heard } = await setUp();
    const session = sessionOf();
    links[0]!.onMessage({ kind: 'directCall', session, peer: '127.0.0.1', codec: 'slin', sampleRateHz: 8000 });
    expect(heard).toHaveLength(1);
    pool.send({ kind: 'say', callId: session.callId, text: 'hello' });
    expect(links[0]!.received.at(-1)).toMatchObject({ kind: 'say' });
    await pool.open(sessionOf());
    expect(links.map(opensOf)).toEqual([0, 1]);
  });

  it('refuses a call as its thread refuses it', async () => {
    const { pool, links } = await setUp(1);
    links[0]!.frozen = true;
    const session = sessionOf();
    const opening = pool.open(session);
    links[0]!.onMessage({
      kind: 'openFailed',
      callId: session.callId,
      code: 'AGENT_UNKNOWN',
      message: 'no such agent',
    });
    await expect(opening).rejects.toMatchObject({ code: 'AGENT_UNKNOWN', message: 'no such agent' });
  });

  it('takes no calls on a thread that is overloaded, and says so when all are', async () => {
    const { pool, links } = await setUp();
    const late: ThreadReport = { ...CALM, load: 0.5, latenessP99Ms: 55 };
    for (let i = 0; i < 2; i++) links[0]!.onMessage({ kind: 'threadReport', report: late });
    expect(pool.unready()).toEqual([]);
    await pool.open(sessionOf());
    await pool.open(sessionOf());
    expect(links.map(opensOf)).toEqual([0, 2]);
    for (let i = 0; i < 2; i++) links[1]!.onMessage({ kind: 'threadReport', report: { ...CALM, load: 0.99 } });
    expect(pool.unready()).toEqual([
      'media thread 0 is overloaded: its ticks are 55 ms late',
      'media thread 1 is overloaded: busy 99 % of the time',
    ]);
    await expect(pool.open(sessionOf())).rejects.toMatchObject({ code: 'MEDIA_FULL' });
    expect(pool.reports()[0]).toEqual(late);
  });

  it('replaces a thread that froze, and reports its calls as lost', async () => {
    const { pool, links, clock, heard } = await setUp(1);
    const session = sessionOf();
    await pool.open(session);
    clock.advance(10_000);
    expect(links).toHaveLength(1);
    links[0]!.frozen = true;
    clock.advance(2000);
    expect(links[0]!.terminated).toBe(true);
    expect(heard).toMatchObject([
      {
        kind: 'legClosed',
        callId: session.callId,
        reason: 'error',
        detail: 'media thread 0 was lost: it answered none of 6 heartbeats',
      },
    ]);
    expect(pool.unready()).toEqual(['media thread 0 is not running']);
    await settle();
    clock.advance(10);
    expect(links).toHaveLength(2);
    links[1]!.ready();
    expect(pool.unready()).toEqual([]);
    await pool.open(sessionOf(session.callId));
    // What the dead one still had in its pipe is nobody's business.
    links[0]!.onMessage({ kind: 'agentDone', callId: session.callId, reason: 'late' });
    expect(heard).toHaveLength(1);
  });

  it('rejects what was being opened on a thread that died, and starts it again with a pause when it dies soon', async () => {
    const { pool, links, clock } = await setUp(1);
    links[0]!.frozen = true;
    const opening = pool.open(sessionOf());
    links[0]!.onGone('exit code 1');
    await expect(opening).rejects.toMatchObject({ code: 'MEDIA_THREAD_LOST' });
    await settle();
    clock.advance(999);
    expect(links).toHaveLength(1);
    clock.advance(1);
    expect(links).toHaveLength(2);
  });

  it('gives a thread that does not answer an open two seconds', async () => {
    const { pool, links, clock } = await setUp(1);
    links[0]!.frozen = true;
    const opening = pool.open(sessionOf());
    opening.catch(() => undefined);
    // Frozen for opening only: heartbeats are answered.
    for (let i = 0; i < 9; i++) {
      clock.advance(250);
      links[0]!.onMessage({ kind: 'heartbeat', sequence: i });
    }
    await expect(opening).rejects.toMatchObject({ code: 'MEDIA_THREAD_LOST' });
    expect(links[0]!.received).toContainEqual(expect.objectContaining({ kind: 'close', ending: 'handover' }));
  });

  it('fails to start when a thread says why it cannot', async () => {
    const clock = new FakeClock();
    let link: FakeLink | null = null;
    const pool = new MediaPool({
      threads: 1,
      openLink: (index) => (link = new FakeLink(index)),
      maxSessionsPerThread: 1,
      admission: 'load',
      clock,
      log: silentLogger,
    });
    const started = pool.start();
    (link as unknown as FakeLink).onMessage({
      kind: 'startFailed',
      code: 'PORT_IN_USE',
      message: 'port 9092 is in use',
    });
    await expect(started).rejects.toMatchObject({ code: 'PORT_IN_USE', message: 'port 9092 is in use' });
    expect((link as unknown as FakeLink).terminated).toBe(true);
  });

  it('takes nothing while draining, and stops without waiting for a frozen thread', async () => {
    const { pool, links, clock } = await setUp();
    pool.drain();
    expect(links.map(({ received }) => received.at(-1)?.kind)).toEqual(['drain', 'drain']);
    await expect(pool.open(sessionOf())).rejects.toMatchObject({ code: 'MEDIA_FULL' });
    links[1]!.frozen = true;
    const stopped = pool.stop();
    await clock.advanceAsync(3000);
    await stopped;
    expect(links.map(({ terminated }) => terminated)).toEqual([false, true]);
    expect(clock.pendingAlarms).toBeLessThanOrEqual(1);
  });
});
