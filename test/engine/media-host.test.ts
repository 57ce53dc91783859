import { describe, expect, it } from 'vitest';
import type { Transport } from '../../src/core/calls.js';
import { LinecardError } from '../../src/core/errors.js';
import { newCallId, newLegId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { MediaHost } from '../../src/engine/media-host.js';
import type { FromMedia, OpenSession } from '../../src/engine/port.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import type { FakeLeg } from '../support/fake-media.js';
import { FakeConversation, FakeDoor, FakeProvider } from '../support/fake-media.js';

type SetUp = {
  readonly clock: FakeClock;
  readonly host: MediaHost;
  readonly door: FakeDoor;
  readonly sent: FromMedia[];
  readonly conversations: FakeConversation[];
  /** Sent since the last look, without figures. */
  readonly news: () => FromMedia[];
};

const LIMITS = { maxMs: 60_000, maxTokens: 1000, maxCost: null, say: 'Enough.', prices: { input: 10, output: 20 } };

async function setUp(
  options: {
    directAgent?: string | null;
    maxSessions?: number;
    breaksAtOpen?: string;
    recording?: 'on' | 'off';
    transport?: Transport;
  } = {},
): Promise<SetUp> {
  const clock = new FakeClock();
  const sent: FromMedia[] = [];
  const conversations: FakeConversation[] = [];
  let door: FakeDoor | null = null;
  const host = new MediaHost({
    openDoors: (listener) => {
      door = new FakeDoor(listener);
      return { audiosocket: door, ...(options.transport === undefined ? {} : { [options.transport]: door }) };
    },
    agents: new Map([
      ['clara', { provider: new FakeProvider('clara'), backup: 'spare', echoGuard: 'off', tools: () => [] }],
      ['spare', { provider: new FakeProvider('spare'), backup: null, echoGuard: 'off', tools: () => [] }],
      [
        'limited',
        { provider: new FakeProvider('limited'), backup: null, echoGuard: 'off', tools: () => [], limits: LIMITS },
      ],
      ['dead', { provider: new FakeProvider('dead', 'never'), backup: null, echoGuard: 'off', tools: () => [] }],
      ['half', { provider: new FakeProvider('half', 'never'), backup: 'spare', echoGuard: 'off', tools: () => [] }],
    ]),
    directAgent: options.directAgent ?? null,
    maxSessions: options.maxSessions ?? 10,
    admission: 'load',
    openConversation: (conversationOptions) => {
      if (conversationOptions.agent.provider.name === options.breaksAtOpen) throw new Error('cannot open');
      const conversation = new FakeConversation(conversationOptions);
      conversations.push(conversation);
      return conversation;
    },
    recording: options.recording ?? 'off',
    prepare: () => Promise.resolve(),
    send: (message) => sent.push(structuredClone(message)),
    readLoad: () => 0.5,
    clock,
    log: silentLogger,
  });
  await host.start();
  const news = (): FromMedia[] =>
    sent.splice(0).filter(({ kind }) => kind !== 'legReport' && kind !== 'threadReport' && kind !== 'log');
  return { clock, host, door: door as unknown as FakeDoor, sent, conversations, news };
}

function sessionOf(overrides: Partial<OpenSession> = {}): OpenSession {
  return {
    callId: newCallId(),
    legId: newLegId(),
    transport: 'audiosocket',
    wireRateHz: 16_000,
    agent: 'clara',
    caller: { number: '6001', name: 'Ann' },
    extension: '7000',
    digits: 'control',
    format: null,
    history: [],
    ...overrides,
  };
}

/** A call that talks. */
async function talking(
  options: Parameters<typeof setUp>[0] = {},
  overrides: Partial<OpenSession> = {},
): Promise<SetUp & { session: OpenSession; leg: FakeLeg }> {
  const set = await setUp(options);
  const session = sessionOf(overrides);
  set.host.handle({ kind: 'open', session });
  const leg = set.door.knock(session.legId)!;
  set.host.handle({ kind: 'start', callId: session.callId });
  set.news();
  return { ...set, session, leg };
}

describe('a party that reads along', () => {
  it.each(['webrtc', 'websocket'] as const)('is told captions: by %s', async (transport) => {
    const { conversations, news, session } = await talking({ transport }, { transport });
    conversations[0]?.options.listener.caption?.('agent', 'Good mor');
    expect(news()).toEqual([{ kind: 'caption', callId: session.callId, who: 'agent', text: 'Good mor' }]);
  });

  it('is none on a telephone', async () => {
    const { conversations } = await talking();
    expect(conversations[0]?.options.listener.caption).toBeUndefined();
  });
});

describe('media host', () => {
  it('says where it listens and what works less well than configured', async () => {
    const { sent } = await setUp();
    expect(sent.filter(({ kind }) => kind === 'ready')).toEqual([
      {
        kind: 'ready',
        address: { host: '127.0.0.1', port: 9092 },
        limitations: [
          'agent limited: keys only',
          'agent dead cannot serve calls: no model there',
          'agent half cannot serve calls: no model there',
        ],
      },
    ]);
  });

  it('says that it cannot start, and why', async () => {
    const sent: FromMedia[] = [];
    const host = new MediaHost({
      openDoors: (listener) => {
        const door = new FakeDoor(listener);
        door.failure = new LinecardError('PORT_IN_USE', 'port 9092 is in use');
        return { audiosocket: door };
      },
      agents: new Map(),
      directAgent: null,
      maxSessions: 1,
      admission: 'load',
      openConversation: () => {
        throw new Error('not here');
      },
      recording: 'off',
      prepare: () => Promise.resolve(),
      send: (message) => sent.push(message),
      clock: new FakeClock(),
      log: silentLogger,
    });
    await host.start();
    expect(sent).toEqual([{ kind: 'startFailed', code: 'PORT_IN_USE', message: 'port 9092 is in use' }]);
  });

  it('announces the leg, sends silence the moment it is here, and begins when the caller can hear', async () => {
    const { host, door, conversations, news, clock } = await setUp();
    news();
    const session = sessionOf();
    host.handle({ kind: 'open', session });
    expect(news()).toEqual([{ kind: 'opened', callId: session.callId, address: { host: '127.0.0.1', port: 9092 } }]);
    expect(door.expected.get(session.legId)?.rateHz).toBe(16_000);
    const leg = door.knock(session.legId)!;
    expect(leg.counters.framesOut).toBe(1);
    expect(news()).toEqual([{ kind: 'legConnected', callId: session.callId, codec: 'slin', sampleRateHz: 8000 }]);
    expect(conversations[0]?.told).toEqual([]);
    clock.advance(1000);
    expect(leg.counters.framesOut).toBeGreaterThanOrEqual(50);
    host.handle({ kind: 'start', callId: session.callId });
    host.handle({ kind: 'start', callId: session.callId });
    expect(conversations[0]?.told).toEqual(['start']);
  });

  it('tells the rate again when the first frame shows another', async () => {
    const { leg, clock, news, session } = await talking();
    leg.wireRateHz = 16_000;
    clock.advance(40);
    expect(news()).toEqual([{ kind: 'legConnected', callId: session.callId, codec: 'slin16', sampleRateHz: 16_000 }]);
  });

  it('reports the figures of each call every five seconds, of itself every second', async () => {
    const { clock, sent } = await talking();
    sent.length = 0;
    clock.advance(1010);
    const legReports = sent.filter((message) => message.kind === 'legReport');
    expect(legReports).toHaveLength(1);
    expect(legReports[0]?.report).toMatchObject({ skewPpm: 0, sound: { heardDbfs: null, oneWayMs: 0 } });
    clock.advance(10_000);
    expect(sent.filter(({ kind }) => kind === 'legReport')).toHaveLength(3);
    const reports = sent.filter((message) => message.kind === 'threadReport');
    expect(reports).toHaveLength(11);
    expect(reports[4]?.report).toMatchObject({ sessions: 1, skippedTicks: 0 });
  });

  it.each([
    [{ agent: 'nobody' }, 'AGENT_UNKNOWN'],
    [{ agent: 'dead' }, 'AGENT_UNAVAILABLE'],
  ])('refuses a session with %o', async (overrides, code) => {
    const { host, news } = await setUp();
    news();
    host.handle({ kind: 'open', session: sessionOf(overrides) });
    expect(news()).toMatchObject([{ kind: 'openFailed', code }]);
  });

  it('serves with the backup what its agent cannot', async () => {
    const { conversations } = await talking({}, { agent: 'half' });
    expect(conversations.map(({ options }) => options.agent.provider.name)).toEqual(['spare']);
  });

  it('refuses what is beyond its slots, legs that are still to come included, and everything while draining', async () => {
    const { host, door, news } = await setUp({ maxSessions: 2, directAgent: 'clara' });
    news();
    for (let i = 0; i < 3; i++) host.handle({ kind: 'open', session: sessionOf() });
    expect(news().map(({ kind }) => kind)).toEqual(['opened', 'opened', 'openFailed']);
    expect(door.knock(newLegId())).toBeNull();
    const roomy = await setUp({ directAgent: 'clara' });
    roomy.host.handle({ kind: 'drain' });
    roomy.news();
    roomy.host.handle({ kind: 'open', session: sessionOf() });
    expect(roomy.news()).toMatchObject([{ kind: 'openFailed', code: 'MEDIA_FULL' }]);
    expect(roomy.door.knock(newLegId())).toBeNull();
  });

  it('sends callers of the dialplan to their fallback while its ticks are late', async () => {
    const { clock, door } = await talking({ directAgent: 'clara' });
    // Half a second each time something else has the processor.
    for (let i = 0; i < 10; i++) {
      clock.stall(500);
      clock.advance(1);
    }
    expect(door.knock(newLegId())).toBeNull();
    clock.advance(4000);
    expect(door.knock(newLegId())).not.toBeNull();
  });

  it('reports a leg that never came', async () => {
    const { host, door, news } = await setUp();
    const session = sessionOf();
    host.handle({ kind: 'open', session });
    news();
    door.expected.get(session.legId)?.onTimeout();
    expect(news()).toMatchObject([{ kind: 'legClosed', callId: session.callId, reason: 'timeout' }]);
  });

  it('refuses a call whose transport has no door, or whose door has no room', async () => {
    const { host, door, news } = await setUp();
    news();
    host.handle({ kind: 'open', session: sessionOf({ transport: 'webrtc' }) });
    door.failure = new LinecardError('MEDIA_FULL', 'no port is free');
    host.handle({ kind: 'open', session: sessionOf() });
    expect(news()).toMatchObject([
      { kind: 'openFailed', code: 'CONFIG_INVALID' },
      { kind: 'openFailed', code: 'MEDIA_FULL', message: 'no port is free' },
    ]);
  });

  it('brings signalling to the door of an expected leg and of a live one, and the answer back', async () => {
    const { host, door, news } = await setUp();
    const session = sessionOf();
    const { callId, legId } = session;
    host.handle({ kind: 'open', session });
    host.handle({ kind: 'signal', callId, signalId: 1, signal: { kind: 'offer', sdp: 'v=0', reachedAt: '127.0.0.1' } });
    await settle();
    door.knock(legId);
    host.handle({ kind: 'signal', callId, signalId: 2, signal: { kind: 'fragment', sdp: 'a=candidate' } });
    await settle();
    expect(door.signals.map(({ kind }) => kind)).toEqual(['offer', 'fragment']);
    host.handle({ kind: 'close', callId, ending: 'completed' });
    host.handle({ kind: 'signal', callId, signalId: 3, signal: { kind: 'fragment', sdp: '' } });
    await settle();
    expect(news().filter(({ kind }) => kind === 'signalled')).toMatchObject([
      { callId, signalId: 1, result: { ok: true, sdp: 'v=0' } },
      { callId, signalId: 2, result: { ok: true, sdp: null } },
      { callId, signalId: 3, result: { ok: false, code: 'CALL_UNKNOWN' } },
    ]);
  });

  it('forgets a leg whose call is closed before it came', async () => {
    const { host, door } = await setUp();
    const session = sessionOf();
    host.handle({ kind: 'open', session });
    host.handle({ kind: 'close', callId: session.callId, ending: 'completed' });
    expect(door.expected.size).toBe(0);
    expect(door.knock(session.legId)).toBeNull();
  });

  it('passes on what control says, and what the agent says', async () => {
    const { host, session, conversations, news } = await talking();
    const { callId } = session;
    host.handle({ kind: 'digit', callId, digit: '5' });
    host.handle({ kind: 'say', callId, text: 'one moment' });
    host.handle({ kind: 'hold', callId, held: 'held' });
    host.handle({ kind: 'hold', callId, held: 'resumed' });
    host.handle({ kind: 'takeMessage', callId, text: 'nobody there' });
    expect(conversations[0]?.told).toEqual([
      'start',
      'digit 5',
      'say one moment',
      'held',
      'resumed',
      'take message nobody there',
    ]);
    expect(news()).toEqual([{ kind: 'digit', callId, digit: '5' }]);
    const { listener } = conversations[0]!.options;
    const turn = { who: 'caller', text: 'hello', atMs: 1, heardMs: 2, interrupted: false } as const;
    listener.firstAudio();
    listener.turn(turn);
    listener.interrupted(300, 120);
    listener.responseStarted(400);
    listener.toolCalled({ tool: 'hours', ok: true, tookMs: 7, input: '{}', result: '{}' });
    listener.done('goodbye');
    expect(news()).toEqual([
      { kind: 'firstAudio', callId },
      { kind: 'turn', callId, turn },
      { kind: 'interrupted', callId, heardMs: 300, reactionMs: 120 },
      { kind: 'responseStarted', callId, latencyMs: 400 },
      { kind: 'toolCalled', callId, tool: 'hours', ok: true, tookMs: 7, input: '{}', result: '{}' },
      { kind: 'agentDone', callId, reason: 'goodbye' },
    ]);
  });

  it('ends a call whose agent may spend no more with a word, then a person', async () => {
    const { clock, session, conversations, news } = await talking({}, { agent: 'limited' });
    const { callId } = session;
    const [conversation] = conversations;
    news();
    conversation!.options.listener.used(400, 100);
    clock.advance(40);
    expect(news()).toEqual([{ kind: 'usage', callId, usage: { inputTokens: 400, outputTokens: 100, cost: 0.006 } }]);
    conversation!.options.listener.used(400, 100);
    clock.advance(40);
    expect(conversation!.told.at(-1)).toBe('say Enough.');
    conversation!.speaks = true;
    clock.advance(2000);
    expect(news().map(({ kind }) => kind)).toEqual(['usage']);
    conversation!.speaks = false;
    clock.advance(40);
    expect(news()).toEqual([{ kind: 'limitReached', callId, limit: 'tokens' }]);
    clock.advance(60_000);
    expect(news()).toEqual([]);
  });

  it('does not wait for the word of an agent that has none left', async () => {
    const { clock, session, news } = await talking({}, { agent: 'limited' });
    news();
    clock.advance(61_000);
    expect(news()).toEqual([]);
    clock.advance(12_000);
    expect(news()).toEqual([{ kind: 'limitReached', callId: session.callId, limit: 'minutes' }]);
  });

  it('counts the minutes of the legs before this one', async () => {
    const { clock, host, session, sent, news } = await talking({}, { agent: 'limited', talkedMs: 50_000 });
    news();
    clock.advance(5000);
    host.handle({ kind: 'hold', callId: session.callId, held: 'held' });
    clock.advance(60_000);
    host.handle({ kind: 'hold', callId: session.callId, held: 'resumed' });
    const reports = sent.flatMap((message) => (message.kind === 'legReport' ? [message.report.talkedMs] : []));
    expect(reports.at(-1)).toBe(55_000);
    clock.advance(6000);
    news();
    clock.advance(12_000);
    expect(news()).toEqual([{ kind: 'limitReached', callId: session.callId, limit: 'minutes' }]);
  });

  it('gives a call to another agent, with what was said and what it has to know', async () => {
    const { host, clock, session, conversations, news } = await talking();
    const { callId } = session;
    news();
    const first = conversations[0]!;
    first.options.listener.turn({ who: 'caller', text: 'a bill', atMs: 1, heardMs: 2, interrupted: false });
    first.options.listener.handedOver('limited', 'They want to pay.');
    clock.advance(40);
    expect(first.told.at(-1)).toBe('close');
    const second = conversations[1]!;
    expect(second.options.agent.provider.name).toBe('limited');
    expect(second.options.call.history).toEqual([{ who: 'caller', text: 'a bill' }]);
    expect(second.options.call.briefing).toContain('You take this call over from "clara", another agent: They want to');
    expect(second.told).toEqual(['start']);
    expect(news().filter(({ kind }) => kind !== 'turn')).toEqual([{ kind: 'agentChanged', callId, agent: 'limited' }]);
    // Nobody listens to the one that is out of the call.
    first.options.listener.done('goodbye');
    first.options.listener.failed(new LinecardError('AGENT_FAILED', 'late'));
    clock.advance(40);
    expect(news()).toEqual([]);
    host.handle({ kind: 'close', callId, ending: 'completed' });
  });

  it('leaves a call where it is when the other agent cannot serve, and tells it so', async () => {
    const { clock, conversations } = await talking();
    conversations[0]!.options.listener.handedOver('dead', 'x');
    clock.advance(40);
    expect(conversations[1]?.options.agent.provider.name).toBe('clara');
    expect(conversations[1]?.options.call.briefing).toContain('"dead" cannot take the call over');
  });

  it('takes digits once: from control where control has them, else from the leg', async () => {
    const byControl = await talking();
    byControl.leg.listener?.digit('1', 0);
    expect(byControl.conversations[0]?.told).toEqual(['start']);
    const byLeg = await talking({}, { digits: 'leg' });
    byLeg.leg.listener?.digit('1', 0);
    expect(byLeg.conversations[0]?.told).toEqual(['start', 'digit 1']);
  });

  it('lets a caller of the dialplan in where an agent is named, and begins at once', async () => {
    const { door, news, conversations } = await setUp({ directAgent: 'clara' });
    news();
    const legId = newLegId();
    const leg = door.knock(legId)!;
    expect(leg.counters.framesOut).toBe(1);
    const [message, ...others] = news();
    expect(others).toEqual([]);
    expect(message).toMatchObject({
      kind: 'directCall',
      peer: '127.0.0.1',
      session: { legId, agent: 'clara', digits: 'leg' },
    });
    expect(conversations[0]?.told).toEqual(['start']);
  });

  it.each([
    ['completed', 1],
    ['handover', 0],
  ] as const)('remembers for the dialplan that its call was %s', async (ending, remembered) => {
    const { door, host, news } = await setUp({ directAgent: 'clara' });
    news();
    const leg = door.knock(newLegId())!;
    const message = news()[0] as Extract<FromMedia, { kind: 'directCall' }>;
    host.handle({ kind: 'close', callId: message.session.callId, ending });
    expect(leg.closedWith).toBe('local');
    expect(door.endedLegs).toHaveLength(remembered);
  });

  it('closes the conversation before the leg, and tells control once', async () => {
    const { host, session, leg, conversations, news, clock } = await talking();
    host.handle({ kind: 'close', callId: session.callId, ending: 'completed' });
    host.handle({ kind: 'close', callId: session.callId, ending: 'completed' });
    expect(conversations[0]?.told).toEqual(['start', 'close']);
    expect(news()).toMatchObject([{ kind: 'legClosed', reason: 'local', report: { legId: leg.id } }]);
    expect(host.sessionCount).toBe(0);
    const { framesOut } = leg.counters;
    clock.advance(1000);
    expect(leg.counters.framesOut).toBe(framesOut);
  });

  it('ends the session when the caller hangs up; a late command finds nobody', async () => {
    const { host, session, leg, conversations, news } = await talking();
    leg.end('remote', 'the peer closed the connection');
    expect(news()).toMatchObject([
      { kind: 'legClosed', callId: session.callId, reason: 'remote', detail: 'the peer closed the connection' },
    ]);
    expect(conversations[0]?.told).toEqual(['start', 'close']);
    host.handle({ kind: 'say', callId: session.callId, text: 'still there?' });
    host.handle({ kind: 'answer', callId: session.callId, requestId: 1, answer: { ok: true, value: null } });
  });

  it('closes everything, once', async () => {
    const { host, leg, door, clock } = await talking();
    const other = sessionOf();
    host.handle({ kind: 'open', session: other });
    await Promise.all([host.stop(), host.stop()]);
    expect(leg.closedWith).toBe('local');
    expect(door.expected.size).toBe(0);
    expect(door.stopped).toBe(1);
    expect(clock.pendingAlarms).toBe(0);
  });
});

describe('an agent that fails', () => {
  const failure = new LinecardError('AGENT_FAILED', 'the provider hung up');

  it('is tried once more, then its backup takes over with what was said, then control is told', async () => {
    const { conversations, news, clock, session, leg } = await talking();
    const fail = (at: number): void => {
      conversations[at]?.options.listener.failed(failure);
      clock.advance(20);
    };
    const turn = { who: 'caller', text: 'sales please', atMs: 1, heardMs: 2, interrupted: false } as const;
    conversations[0]?.options.listener.turn(turn);
    news();
    fail(0);
    fail(1);
    expect(conversations.map(({ options }) => options.agent.provider.name)).toEqual(['clara', 'clara', 'spare']);
    expect(conversations[2]?.options.call.history).toEqual([{ who: 'caller', text: 'sales please' }]);
    expect(conversations[2]?.told).toEqual(['start']);
    expect(news()).toEqual([]);
    fail(2);
    const { callId } = session;
    expect(news()).toEqual([{ kind: 'agentFailed', callId, code: 'AGENT_FAILED', message: 'the provider hung up' }]);
    // The caller is not left without audio meanwhile.
    const { framesOut } = leg.counters;
    clock.advance(1000);
    expect(leg.counters.framesOut - framesOut).toBeGreaterThanOrEqual(49);
  });

  it('is not heard any more once it was replaced', async () => {
    const { conversations, news, clock } = await talking();
    const { listener } = conversations[0]!.options;
    listener.failed(failure);
    clock.advance(20);
    news();
    listener.done('too late');
    listener.failed(failure);
    clock.advance(20);
    expect(news()).toEqual([]);
    expect(conversations).toHaveLength(2);
  });

  it('is replaced within a tick when it cannot even be opened', async () => {
    const { conversations, clock, news } = await talking({ breaksAtOpen: 'clara' });
    clock.advance(40);
    expect(conversations.map(({ options, told }) => [options.agent.provider.name, told])).toEqual([
      ['spare', ['start']],
    ]);
    expect(news()).toEqual([]);
  });

  it('waits while the party is out of reach, and longer when it is on hold as well', async () => {
    const { host, session, conversations, leg, clock } = await talking();
    const { callId } = session;
    const told = () => conversations[0]?.told.splice(0);
    told();
    leg.presence = 'away';
    clock.advance(60);
    expect(told()).toEqual(['held']);
    host.handle({ kind: 'hold', callId, held: 'held' });
    leg.presence = 'here';
    clock.advance(60);
    expect(told()?.at(-1)).toBe('held');
    host.handle({ kind: 'hold', callId, held: 'resumed' });
    expect(told()).toEqual(['resumed']);
    leg.presence = 'away';
    clock.advance(60);
    leg.presence = 'here';
    clock.advance(60);
    expect(told()).toEqual(['held', 'resumed']);
  });

  it('is held when it takes over a call on hold', async () => {
    const { host, session, conversations, clock } = await talking();
    host.handle({ kind: 'hold', callId: session.callId, held: 'held' });
    conversations[0]?.options.listener.failed(failure);
    clock.advance(20);
    expect(conversations[1]?.told).toEqual(['start', 'held']);
  });

  it('ends with fault bug when the conversation itself breaks, without touching other calls', async () => {
    const { host, door, conversations, news, clock, session } = await talking();
    const other = sessionOf();
    host.handle({ kind: 'open', session: other });
    const otherLeg = door.knock(other.legId)!;
    news();
    conversations[0]!.broken = true;
    clock.advance(1000);
    const { callId } = session;
    expect(news()).toEqual([
      { kind: 'agentFailed', callId, code: 'INVARIANT', message: 'conversation out of its mind' },
    ]);
    expect(otherLeg.counters.framesOut).toBeGreaterThanOrEqual(49);
  });
});

describe('what an agent asks of control', () => {
  it('is answered by request number, in any order', async () => {
    const { host, session, conversations, news } = await talking();
    const { control } = conversations[0]!.options;
    const hours = control.hours();
    const saved = control.saveMessage({ from: 'Ann', text: 'call me', audio: new Int16Array(2) });
    const { callId } = session;
    expect(news()).toEqual([
      { kind: 'request', callId, requestId: 1, request: { op: 'hours' } },
      {
        kind: 'request',
        callId,
        requestId: 2,
        request: { op: 'saveMessage', from: 'Ann', text: 'call me', audio: new Int16Array(2) },
      },
    ]);
    host.handle({ kind: 'answer', callId, requestId: 2, answer: { ok: true, value: 'message-1' } });
    host.handle({
      kind: 'answer',
      callId,
      requestId: 1,
      answer: { ok: true, value: { open: true, text: 'until five' } },
    });
    await expect(saved).resolves.toBe('message-1');
    await expect(hours).resolves.toEqual({ open: true, text: 'until five' });
  });

  it('is rejected as control rejects it', async () => {
    const { host, session, conversations } = await talking();
    const transfer = conversations[0]!.options.control.transfer('nowhere');
    const answer = { ok: false, code: 'DESTINATION_UNKNOWN', message: 'there is no destination "nowhere"' } as const;
    host.handle({ kind: 'answer', callId: session.callId, requestId: 1, answer });
    await expect(transfer).rejects.toMatchObject({ code: 'DESTINATION_UNKNOWN' });
  });

  it('does not hang: not when control says nothing, not when the call ends', async () => {
    const { conversations, clock, leg } = await talking();
    const { control } = conversations[0]!.options;
    const unanswered = control.hours();
    unanswered.catch(() => undefined);
    clock.advance(15_000);
    await expect(unanswered).rejects.toMatchObject({ code: 'TOOL_TIMEOUT' });
    const cut = control.sendDigits('1');
    leg.end('remote', 'gone');
    await expect(cut).rejects.toMatchObject({ code: 'CHANNEL_GONE' });
    await expect(control.hangUp('bye')).rejects.toMatchObject({ code: 'CHANNEL_GONE' });
    await settle();
  });

  it('is bounded', async () => {
    const { conversations } = await talking();
    const { control } = conversations[0]!.options;
    for (let i = 0; i < 16; i++) control.hours().catch(() => undefined);
    await expect(control.hours()).rejects.toMatchObject({ code: 'TOOL_FAILED' });
  });
});

describe('a call that is recorded', () => {
  it('is sent to control piece by piece, the last one before the end', async () => {
    const { clock, leg, news } = await talking({ recording: 'on' });
    clock.advance(1300);
    leg.close('remote');
    const kinds = news().filter(({ kind }) => kind === 'recorded' || kind === 'legClosed');
    expect(kinds.map(({ kind }) => kind)).toEqual(['recorded', 'recorded', 'recorded', 'legClosed']);
  });

  it('is one that was meant to be', async () => {
    const { clock, leg, news } = await talking();
    clock.advance(1300);
    leg.close('remote');
    expect(news().some(({ kind }) => kind === 'recorded')).toBe(false);
  });
});
