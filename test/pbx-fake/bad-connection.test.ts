import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Clock } from '../../src/core/clock.js';
import type { LogFields, Logger } from '../../src/core/logger.js';
import type { Pbx, PbxEvent } from '../../src/pbx/port.js';
import { FakeClock } from '../support/fake-clock.js';
import { FakeAri } from './fake-ari.js';
import { connected, startAdapter } from './fake-rig.js';

// The connection to an ARI that is away, refuses, breaks off, freezes or talks nonsense: one clear line each, and it comes back.

const WAIT = { timeout: 5000, interval: 2 };

type Line = { readonly level: string; readonly message: string } & LogFields;

/** Keeps what is logged. */
class KeptLog implements Logger {
  readonly lines: Line[] = [];

  debug(fields: LogFields, message: string): void {
    this.lines.push({ ...fields, level: 'debug', message });
  }

  info(fields: LogFields, message: string): void {
    this.lines.push({ ...fields, level: 'info', message });
  }

  warn(fields: LogFields, message: string): void {
    this.lines.push({ ...fields, level: 'warn', message });
  }

  error(fields: LogFields, message: string): void {
    this.lines.push({ ...fields, level: 'error', message });
  }

  child(): Logger {
    return this;
  }

  get complaints(): readonly Line[] {
    return this.lines.filter(({ level }) => level === 'warn' || level === 'error');
  }
}

let ari: FakeAri;
let log: KeptLog;
let adapters: Pbx[] = [];

beforeEach(async () => {
  ari = new FakeAri();
  log = new KeptLog();
  await ari.start();
});
afterEach(async () => {
  await Promise.all(adapters.map((adapter) => adapter.stop()));
  adapters = [];
  await ari.stop();
});

function start(options: { clock?: Clock; password?: string } = {}): { pbx: Pbx; events: PbxEvent[] } {
  const started = startAdapter(ari, { ...options, log });
  adapters.push(started.pbx);
  return started;
}

async function offered(events: readonly PbxEvent[], channelId: string): Promise<void> {
  await vi.waitFor(() => {
    const offers = events.filter((event) => event.kind === 'callOffered' && event.offer.channelId === channelId);
    expect(offers).toHaveLength(1);
  }, WAIT);
}

test('a wrong password: what to change is said once, and the right one is taken without a restart', async () => {
  ari.password = 'another';
  const { pbx, events } = start();
  await vi.waitFor(() => expect(pbx.unready()).toContain('does not accept user "linecard" with this password'), WAIT);
  expect(pbx.unready()).toContain('ari.password');
  const attempts = (): number => ari.requests.filter((request) => request === 'GET /asterisk/info').length;
  const before = attempts();
  await vi.waitFor(() => expect(attempts()).toBeGreaterThan(before), WAIT);
  expect(log.complaints).toHaveLength(1);
  ari.password = 'secret';
  await connected(events);
  expect(pbx.unready()).toBeNull();
});

test.each([
  [{ status: 500, body: 'oops' }, /refused to connect us.*500/],
  [{ status: 503, body: '<html>starting</html>' }, /refused to connect us.*503/],
  [{ status: 404, body: '' }, /there is no ARI at .*enabled = yes/],
  [{ status: 403, body: '' }, /does not permit this to user "linecard"/],
  [{ status: 200, body: '<html>It works!</html>' }, /is no ARI: check ari.url/],
  [{ status: 200, body: '[]' }, /is no ARI/],
  ['cut', /cannot be reached/],
] as const)('who answers %j to the first question is not connected to, and asked again', async (instead, reason) => {
  ari.script(/^GET \/asterisk\/info/, instead, 2);
  const { pbx, events } = start();
  await vi.waitFor(() => expect(pbx.unready()).toMatch(reason), WAIT);
  await connected(events);
  const channelId = ari.call();
  await offered(events, channelId);
});

test.each([
  [/^GET \/api-docs\/resources/, { status: 500, body: '' }],
  [/^GET \/api-docs\/channels/, { status: 200, body: 'not JSON' }],
  [/^GET \/api-docs\/events/, { status: 200, body: '{}' }],
  [/^WS /, { status: 500, body: '' }],
  [/^WS /, 'cut'],
] as const)('a description or an event connection that is broken (%s, %j) is tried again', async (pattern, instead) => {
  ari.script(pattern, instead);
  const { pbx, events } = start();
  await connected(events);
  expect(pbx.unready()).toBeNull();
  const channelId = ari.call();
  await offered(events, channelId);
});

test('a user that may only read is told so at the start, not at the first call', async () => {
  ari.rights = 'read';
  const { pbx } = start();
  await vi.waitFor(() => expect(pbx.unready()).toContain('may only read: set read_only = no'), WAIT);
});

test('a PBX that is away at the start is connected to when it comes, with one line in the log until then', async () => {
  await ari.stop();
  const { pbx, events } = start();
  await vi.waitFor(() => expect(pbx.unready()).toContain('nobody listens there'), WAIT);
  await ari.start();
  await connected(events);
  expect(log.complaints).toHaveLength(1);
});

test('an event connection that breaks off is replaced; a call that came meanwhile is in the snapshot', async () => {
  const { pbx, events } = start();
  await connected(events);
  ari.dropEvents();
  await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ kind: 'disconnected' }), WAIT);
  const missed = ari.call();
  await connected(events, 2);
  const { channels } = await pbx.snapshot();
  expect(channels.map(({ channelId }) => channelId)).toEqual([missed]);
  const channelId = ari.call();
  await offered(events, channelId);
});

test('a PBX that freezes is noticed within five seconds, though its connection stays', async () => {
  const clock = new FakeClock();
  const { events } = start({ clock });
  await connected(events);
  ari.pings = 'ignored';
  clock.advance(5000);
  const frozen = { kind: 'disconnected', reason: expect.stringContaining('ping') as string };
  await vi.waitFor(() => expect(events.at(-1)).toMatchObject(frozen), WAIT);
  ari.pings = 'answered';
  await vi.waitFor(() => {
    clock.advance(100);
    expect(events.at(-1)).toMatchObject({ kind: 'connected' });
  }, WAIT);
});

test('events that make no sense are dropped with one warning, and the calls do not notice', async () => {
  const { pbx, events } = start();
  await connected(events);
  const before = ari.call();
  await offered(events, before);
  const nonsense = [
    '',
    'hello',
    '[]',
    '17',
    'null',
    '"StasisStart"',
    '{"type":17}',
    '{"type":"NewInAsterisk30","channel":{"id":"x"}}',
    '{"type":"__proto__"}',
    '{"type":"constructor"}',
    '{"type":"StasisStart"}',
    '{"type":"StasisStart","channel":null}',
    '{"type":"StasisStart","channel":{"id":""}}',
    '{"type":"StasisStart","channel":{"id":17},"args":"7000"}',
    '{"type":"ChannelDtmfReceived","digit":"AAAA","channel":{"id":"nobody"}}',
    '{"type":"ChannelDestroyed","cause":"many","channel":{"id":"nobody"}}',
    '{"type":"ChannelDestroyed","cause":16,"channel":{"id":"nobody"}}',
    '{"type":"Dial","peer":[]}',
    '{',
    `{"type":"${'x'.repeat(100_000)}"}`,
  ];
  const told = events.length;
  for (let round = 0; round < 3; round++) for (const text of nonsense) ari.emit(text);
  const after = ari.call();
  await offered(events, after);
  expect(events.slice(told).map(({ kind }) => kind)).toEqual(['callOffered']);
  expect(log.complaints).toHaveLength(1);
  await pbx.ring(before as Parameters<Pbx['ring']>[0]);
  expect(pbx.unready()).toBeNull();
});

test('ten thousand events at once are worked off in order', async () => {
  const { events } = start();
  await connected(events);
  const channelId = ari.call();
  await offered(events, channelId);
  for (let i = 0; i < 10_000; i++) ari.press(channelId, String(i % 10));
  const digits = (): string[] => events.flatMap((event) => (event.kind === 'digitPressed' ? [event.digit] : []));
  await vi.waitFor(() => expect(digits()).toHaveLength(10_000), WAIT);
  expect(digits().every((digit, i) => digit === String(i % 10))).toBe(true);
});

test('every event twice is every call and every key once', async () => {
  ari.copies = 2;
  const { events } = start();
  await connected(events);
  const channelId = ari.call();
  await offered(events, channelId);
  ari.press(channelId, '5');
  ari.hangUp(channelId);
  await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ kind: 'channelGone' }), WAIT);
  expect(events.map(({ kind }) => kind)).toEqual(['connected', 'callOffered', 'digitPressed', 'channelGone']);
});

test('stopped in the middle of whatever, it ends at once and leaves no alarm', async () => {
  for (const instead of ['silence', 'cut'] as const) {
    const clock = new FakeClock();
    ari.script(/^GET \/asterisk\/info/, instead);
    const { pbx } = start({ clock });
    await vi.waitFor(() => expect(ari.requests).toContain('GET /asterisk/info'), WAIT);
    await pbx.stop();
    await vi.waitFor(() => expect(clock.pendingAlarms).toBe(0), WAIT);
  }
});
