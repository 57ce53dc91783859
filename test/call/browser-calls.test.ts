import { beforeEach, describe, expect, it } from 'vitest';
import { BrowserCalls } from '../../src/call/browser-calls.js';
import { CallManager } from '../../src/call/call-manager.js';
import { noSchedules } from '../support/schedules.js';
import type { BrowserCall } from '../../src/call/port.js';
import { LinecardError } from '../../src/core/errors.js';
import type { CallEvent } from '../../src/core/events.js';
import type { CallId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import type { LegSignalResult } from '../../src/engine/port.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { FakeEngine, legReport } from '../support/fake-engine.js';

const ANSWER = 'v=0\r\na=ice-ufrag:abcd\r\n';
const request: BrowserCall = {
  agent: 'receptionist',
  offer: 'v=0',
  reachedAt: '127.0.0.1',
  address: '192.0.2.7',
  caller: { number: '', name: '' },
  resumes: null,
};

const FORMER = 'former' as CallId;

let inherited: string[];
let clock: FakeClock;
let engine: FakeEngine;
let events: CallEvent[];
let manager: CallManager;
let desk: BrowserCalls;

beforeEach(() => {
  clock = new FakeClock();
  engine = new FakeEngine();
  engine.legs = 'stay away';
  events = [];
  inherited = [];
  manager = new CallManager({
    services: {
      engine,
      destinations: new Map(),
      transfers: { maxPerCall: 5, graceMs: 10_000, allow: [] },
      messages: {
        save: () => Promise.resolve('m1'),
        list: () => Promise.resolve([]),
        audioPath: () => Promise.resolve(null),
        calledBack: () => Promise.resolve(null),
      },
      schedules: noSchedules(),
      clock,
      log: silentLogger,
      publish: (event) => {
        events.push(event);
        desk.onEvent(event);
      },
    },
    pbxes: [],
    extensions: new Map(),
  });
  desk = new BrowserCalls({
    engine,
    admit: (agent, caller, past) => manager.admitBrowser(agent, caller, { transport: 'webrtc', past }),
    journal: {
      turnsOf: (callId) => (callId === FORMER ? [{ who: 'caller', text: 'Chairs.' }] : []),
      inherit: (_callId, turns) => inherited.push(...turns.map(({ text }) => text)),
    },
    agents: ['receptionist', 'loop'],
    maxCallsPerAddress: 2,
    present: ({ kind }) => ({ kind }),
    clock,
  });
  engine.onMessage = (message) => {
    manager.onMedia(message);
    desk.onMedia(message);
  };
});

/** The media thread answers the last signal. */
async function answer(result: LegSignalResult): Promise<void> {
  await settle();
  const signal = engine.sent.filter((message) => message.kind === 'signal').at(-1)!;
  engine.onMessage({ kind: 'signalled', callId: signal.callId, signalId: signal.signalId, result });
}

async function answeredCall(): Promise<CallId> {
  const calling = desk.call(request);
  await answer({ ok: true, sdp: ANSWER });
  const { callId } = await calling;
  engine.connectLeg(callId);
  return callId;
}

function toldToPage(): string[] {
  return engine.sent.flatMap((message) =>
    message.kind === 'notify' ? [(JSON.parse(message.text) as { kind: string }).kind] : [],
  );
}

function ending(): string {
  const event = events.find(({ kind }) => kind === 'callEnded');
  return event?.kind === 'callEnded' ? `${event.outcome.result}/${event.outcome.fault}` : 'none';
}

function nothingIsLeft(): void {
  expect(manager.list()).toEqual([]);
  expect(engine.sessions.size).toBe(0);
  expect(clock.pendingAlarms).toBe(0);
}

describe('a call of a browser', () => {
  it('takes the offer to the media thread, and the agent speaks when the leg is there', async () => {
    const calling = desk.call(request);
    await settle();
    expect([...engine.sessions.values()]).toMatchObject([{ transport: 'webrtc', digits: 'leg', format: null }]);
    expect(engine.sent.at(-1)).toMatchObject({ signal: { kind: 'offer', sdp: 'v=0', reachedAt: '127.0.0.1' } });
    await answer({ ok: true, sdp: ANSWER });
    const { callId, sdp, tag } = await calling;
    expect({ sdp, tag }).toEqual({ sdp: ANSWER, tag: 'abcd' });
    expect(engine.kindsSent()).not.toContain('start');
    engine.connectLeg(callId);
    expect(engine.kindsSent()).toContain('start');
    expect(manager.get(callId)).toMatchObject({ state: 'talking', transport: 'webrtc', pbx: null, extension: null });
  });

  it('tells its page what happens in it, the end as well, before the leg closes', async () => {
    const callId = await answeredCall();
    const turn = { who: 'agent', text: 'Hello.', atMs: 0, heardMs: 900, interrupted: false } as const;
    engine.onMessage({ kind: 'turn', callId, turn });
    engine.onMessage({ kind: 'agentDone', callId, reason: 'goodbye' });
    expect(toldToPage()).toEqual([
      'callStarted',
      'legConnected',
      'stateChanged',
      'callAnswered',
      'turnHeard',
      'callEnded',
    ]);
    expect(engine.kindsSent().slice(-2)).toEqual(['notify', 'close']);
    nothingIsLeft();
  });

  it('ends when the page asks for it', async () => {
    const callId = await answeredCall();
    await desk.hangUp(callId);
    expect(ending()).toBe('completed/none');
    nothingIsLeft();
    await expect(desk.hangUp(callId)).rejects.toMatchObject({ code: 'CALL_UNKNOWN' });
  });

  it('is abandoned when the page asks for it before it is connected', async () => {
    const calling = desk.call(request);
    await answer({ ok: true, sdp: ANSWER });
    await desk.hangUp((await calling).callId);
    expect(ending()).toBe('abandoned/caller');
    nothingIsLeft();
  });

  it.each([
    ['remote', 'completed/none'],
    ['timeout', 'failed/caller'],
  ] as const)('ends when its leg closes by %s', async (reason, expected) => {
    const callId = await answeredCall();
    engine.sessions.delete(callId);
    engine.onMessage({ kind: 'legClosed', callId, reason, detail: 'gone', report: legReport() });
    await settle();
    expect(ending()).toBe(expected);
    nothingIsLeft();
  });

  it('fails by configuration when no way to the browser is found', async () => {
    const calling = desk.call(request);
    await answer({ ok: true, sdp: ANSWER });
    const { callId } = await calling;
    engine.sessions.delete(callId);
    engine.onMessage({ kind: 'legClosed', callId, reason: 'timeout', detail: 'no way', report: legReport() });
    await settle();
    expect(ending()).toBe('failed/config');
    nothingIsLeft();
  });

  it('is put on hold by an operator, and its page is told: the music is ours', async () => {
    const callId = await answeredCall();
    await manager.hold(callId);
    expect(engine.sent).toContainEqual({ kind: 'hold', callId, held: 'held' });
    expect(manager.get(callId)?.state).toBe('held');
    await manager.resume(callId);
    expect(engine.sent).toContainEqual({ kind: 'hold', callId, held: 'resumed' });
    expect(manager.get(callId)?.state).toBe('talking');
  });

  it('cannot be sent digits on a PBX, and says why', async () => {
    const callId = await answeredCall();
    await expect(manager.sendDigits(callId, '1')).rejects.toThrow('a browser call has no channel on a PBX');
  });
});

describe('a page that comes back', () => {
  it('goes on with what was said, and the call that it lost ends', async () => {
    const calling = desk.call({ ...request, resumes: FORMER });
    await answer({ ok: true, sdp: ANSWER });
    const { callId } = await calling;
    expect(engine.sessions.get(callId)?.history).toEqual([{ who: 'caller', text: 'Chairs.' }]);
    expect(inherited).toEqual(['Chairs.']);
    const again = desk.call({ ...request, resumes: callId });
    await answer({ ok: true, sdp: ANSWER });
    await again;
    expect(manager.get(callId)).toBeNull();
    expect(manager.list()).toHaveLength(1);
  });
});

describe('later signalling', () => {
  it('brings candidates, and an ICE restart changes the tag', async () => {
    const callId = await answeredCall();
    const trickling = desk.fragment(callId, 'a=candidate:1');
    await answer({ ok: true, sdp: null });
    expect(await trickling).toBeNull();
    expect(desk.tagOf(callId)).toBe('abcd');
    const restarting = desk.fragment(callId, 'a=ice-ufrag:new');
    await answer({ ok: true, sdp: 'a=ice-ufrag:efgh\r\n' });
    expect(await restarting).toBe('a=ice-ufrag:efgh\r\n');
    expect(desk.tagOf(callId)).toBe('efgh');
  });

  it('is refused for a call that is not there', async () => {
    await expect(desk.fragment('nobody', '')).rejects.toMatchObject({ code: 'CALL_UNKNOWN' });
  });
});

describe('a call that cannot be taken', () => {
  it('is refused when its agent is not known', async () => {
    await expect(desk.call({ ...request, agent: 'nobody' })).rejects.toMatchObject({ code: 'AGENT_UNKNOWN' });
    expect(events).toEqual([]);
  });

  it('is refused when there is no room, and is on record', async () => {
    engine.openFailure = new LinecardError('MEDIA_FULL', 'full');
    await expect(desk.call(request)).rejects.toMatchObject({ code: 'MEDIA_FULL' });
    expect(ending()).toBe('failed/config');
    nothingIsLeft();
  });

  it('is refused without a record while Linecard shuts down', async () => {
    engine.refusals = ['draining'];
    await expect(desk.call(request)).rejects.toMatchObject({ code: 'MEDIA_FULL' });
    expect(events).toEqual([]);
  });

  it('fails with what the media thread does not like about the offer', async () => {
    const calling = desk.call(request);
    const refused = expect(calling).rejects.toMatchObject({ code: 'REQUEST_INVALID', message: 'no opus' });
    await answer({ ok: false, code: 'REQUEST_INVALID', message: 'no opus' });
    await refused;
    expect(ending()).toBe('failed/caller');
    nothingIsLeft();
  });

  it('fails when the media thread does not answer', async () => {
    const refused = expect(desk.call(request)).rejects.toMatchObject({ code: 'MEDIA_TIMEOUT' });
    await settle();
    clock.advance(5000);
    await refused;
    nothingIsLeft();
  });

  it('fails at once when its media thread is lost', async () => {
    const refused = expect(desk.call(request)).rejects.toMatchObject({ code: 'CALL_UNKNOWN' });
    await settle();
    const [callId] = engine.sessions.keys();
    engine.sessions.clear();
    engine.onMessage({ kind: 'legClosed', callId: callId!, reason: 'error', detail: 'lost', report: legReport() });
    await refused;
    nothingIsLeft();
  });

  it('is one too many from its address, and one from another is not', async () => {
    await answeredCall();
    const first = await answeredCall();
    await expect(desk.call(request)).rejects.toMatchObject({ code: 'CALLER_LIMIT' });
    const other = desk.call({ ...request, address: '192.0.2.8' });
    await answer({ ok: true, sdp: ANSWER });
    await other;
    await desk.hangUp(first);
    await answeredCall();
  });
});
