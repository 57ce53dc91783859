import { beforeEach, describe, expect, it } from 'vitest';
import { CallManager } from '../../../src/call/call-manager.js';
import { noSchedules } from '../../support/schedules.js';
import { LinecardError } from '../../../src/core/errors.js';
import type { CallEvent } from '../../../src/core/events.js';
import type { CallId, ChannelId } from '../../../src/core/ids.js';
import { silentLogger } from '../../../src/core/logger.js';
import { BRIEFING_AGENT } from '../../../src/engine/port.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { FakePbx } from '../../support/fake-pbx.js';

const CALLER = 'caller-1' as ChannelId;
const GRACE_MS = 10_000;

let clock: FakeClock;
let pbx: FakePbx;
let engine: FakeEngine;
let events: CallEvent[];
let manager: CallManager;

beforeEach(() => {
  pbx = new FakePbx({}, 'reachable');
  clock = new FakeClock();
  engine = new FakeEngine();
  events = [];
  manager = new CallManager({
    services: {
      engine,
      destinations: new Map([
        [
          'sales',
          {
            dial: '6001',
            label: 'Sales',
            mode: 'warm',
            otherwise: 'agent',
            places: [
              { extension: '6001', ringTimeMs: 20_000 },
              { extension: '6002', ringTimeMs: 15_000 },
            ],
          },
        ],
        [
          'accounts',
          {
            dial: '6003',
            label: 'Accounts',
            mode: 'warm',
            otherwise: 'message',
            places: [{ extension: '6003', ringTimeMs: 20_000 }],
          },
        ],
      ]),
      transfers: { maxPerCall: 2, graceMs: GRACE_MS, allow: [] },
      messages: {
        save: () => Promise.resolve('m1'),
        list: () => Promise.resolve([]),
        audioPath: () => Promise.resolve(null),
        calledBack: () => Promise.resolve(null),
      },
      schedules: noSchedules(),
      clock,
      log: silentLogger,
      publish: (event) => events.push(event),
    },
    pbxes: [pbx],
    extensions: new Map([['7000', { agent: 'receptionist', fallback: '6009' }]]),
  });
  engine.onMessage = (message) => manager.onMedia(message);
  manager.start();
});

/** A caller who talks with the agent, which asks for a person. */
async function transferring(to = 'sales'): Promise<CallId> {
  pbx.offer({ channelId: CALLER });
  // What the leak check sees that runs in the middle of a long transfer.
  const caller = { number: '6001', name: 'Alice' };
  const where = { extension: '7000', context: 'phones', owner: 'pbx', createdAtMs: clock.wallMs() } as const;
  pbx.present = { channels: [{ channelId: CALLER, state: 'up', caller, ...where }], bridges: [] };
  await settle();
  const callId = manager.list()[0]!.id;
  ask(callId, to);
  await settle();
  return callId;
}

function ask(callId: CallId, to = 'sales'): void {
  const request = { op: 'transfer', to, mode: 'default', summary: 'Wants a quote for <ten> chairs' } as const;
  engine.onMessage({ kind: 'request', callId, requestId: 1, request });
}

/** The same, and the person who was rung first has heard the briefing. */
async function briefed(): Promise<CallId> {
  const callId = await transferring();
  pbx.people.answer();
  await settle();
  speechHeard();
  await settle();
  return callId;
}

/** The same, and the person took the call. */
async function talking(): Promise<CallId> {
  const callId = await briefed();
  pbx.people.press('1');
  await settle();
  return callId;
}

function briefingId(): CallId {
  const found = [...engine.sessions.values()].find(({ agent }) => agent === BRIEFING_AGENT);
  if (found === undefined) throw new Error('nobody is being briefed');
  return found.callId;
}

function speechHeard(): void {
  const turn = { who: 'agent', text: 'x', atMs: 0, heardMs: 1, interrupted: false } as const;
  engine.onMessage({ kind: 'turn', callId: briefingId(), turn });
}

/** Texts that were asked for on a session. */
function saidOn(callId: CallId): string[] {
  return engine.sent.flatMap((message) => (message.kind === 'say' && message.callId === callId ? [message.text] : []));
}

function stateOf(callId: CallId): string | undefined {
  return manager.get(callId)?.state;
}

function outcome(): string {
  const end = events.find((event) => event.kind === 'callEnded');
  return end === undefined ? 'none' : `${end.outcome.result}/${end.outcome.fault}`;
}

/** The caller talks with the agent again, and nothing of the transfer is left. */
function isBack(callId: CallId): void {
  expect(stateOf(callId)).toBe('talking');
  expect(pbx.people.hears(CALLER)).toBe('media');
  expect(pbx.people.live.size).toBe(0);
  expect(pbx.people.openBridges).toBe(0);
  expect(engine.sessions.size).toBe(1);
  expect(pbx.openMediaChannels.size).toBe(1);
  expect(clock.pendingAlarms).toBe(1);
}

function nothingIsLeft(): void {
  expect(manager.list()).toEqual([]);
  expect(engine.sessions.size).toBe(0);
  expect(pbx.people.live.size).toBe(0);
  expect(pbx.people.openBridges).toBe(0);
  expect(pbx.openMediaChannels.size).toBe(0);
  expect(clock.pendingAlarms).toBe(1); // the next reconcile
}

describe('a caller on the way to a person', () => {
  it('hears music while the person is rung with the number they called from', async () => {
    const callId = await transferring();
    expect(stateOf(callId)).toBe('transferring');
    expect(pbx.people.hears(CALLER)).toBe('music');
    expect(pbx.people.dialled).toMatchObject([
      { extension: '6001', context: 'phones', caller: { number: '6001', name: 'Alice' }, ringTimeMs: 20_000 },
    ]);
    expect(engine.sent.at(-1)).toMatchObject({ kind: 'answer', answer: { ok: true } });
  });

  it('goes on hearing music while the person alone is told who calls and why', async () => {
    await transferring();
    pbx.people.answer();
    await settle();
    const [briefing] = saidOn(briefingId());
    expect(briefing).toContain('a call for Sales, from Alice, number 6 0 0 1. Wants a quote for ten chairs.');
    expect(pbx.people.hears(CALLER)).toBe('music');
    expect(pbx.people.hears(pbx.people.last)).toBe('media');
  });

  it('talks with the person who takes the call, and the PBX carries both after the grace time', async () => {
    const callId = await talking();
    expect(pbx.people.hears(CALLER)).toBe('a person');
    expect(pbx.people.hears(pbx.people.last)).toBe('a person');
    expect([...engine.sessions.keys()]).toEqual([callId]);
    await clock.advanceAsync(GRACE_MS);
    expect(pbx.people.released).toHaveLength(1);
    expect(outcome()).toBe('transferred/none');
    nothingIsLeft();
  });

  it('is told of a decline and its reason by the agent', async () => {
    const callId = await briefed();
    pbx.people.press('2');
    await settle();
    expect(pbx.people.hears(CALLER)).toBe('music');
    pbx.people.press('2');
    await settle();
    expect(pbx.people.dialled).toHaveLength(2);
    pbx.people.leave('busy');
    await settle();
    isBack(callId);
    expect(saidOn(callId)).toEqual([
      'I am sorry, Sales cannot take your call right now: they will call you back. What else can I do for you?',
    ]);
  });

  it('is told by the agent, in its words, what somebody said who declined', async () => {
    const callId = await briefed();
    const { callId: briefing } = [...engine.sessions.values()].find(({ agent }) => agent === BRIEFING_AGENT)!;
    const turn = {
      who: 'caller',
      text: "Not now, I'm with a client.",
      atMs: 0,
      heardMs: 1,
      interrupted: false,
    } as const;
    engine.onMessage({ kind: 'turn', callId: briefing, turn });
    await settle();
    pbx.people.leave('busy');
    await settle();
    isBack(callId);
    expect(engine.sent.findLast(({ kind }) => kind === 'relay')).toMatchObject({
      callId,
      words: expect.stringContaining("Not now, I'm with a client.") as string,
      text: 'I am sorry, Sales cannot take your call right now. What else can I do for you?',
    });
    expect(saidOn(callId)).toEqual([]);
  });

  it('is asked for a message where the destination has it so', async () => {
    const callId = await transferring('accounts');
    pbx.people.leave('busy');
    await settle();
    isBack(callId);
    expect(engine.sent.findLast(({ kind }) => kind === 'takeMessage')).toMatchObject({
      callId,
      text: 'I am sorry, Accounts is busy right now.',
    });
    expect(saidOn(callId)).toEqual([]);
  });

  it('is with the next person when the first does not pick up', async () => {
    await transferring();
    await clock.advanceAsync(20_000);
    expect(pbx.people.dialled.map(({ extension }) => extension)).toEqual(['6001', '6002']);
    expect([...pbx.people.live]).toEqual([pbx.people.last]);
    pbx.people.answer();
    await settle();
    pbx.people.press('1');
    await settle();
    expect(pbx.people.hears(CALLER)).toBe('a person');
  });

  it('comes back when a machine answers everywhere', async () => {
    const callId = await transferring();
    for (const place of [1, 2]) {
      expect(pbx.people.dialled).toHaveLength(place);
      pbx.people.answer();
      await settle();
      speechHeard();
      await clock.advanceAsync(8000);
      speechHeard();
      await clock.advanceAsync(8000);
    }
    isBack(callId);
    expect(saidOn(callId)[0]).toContain('nobody picks up at Sales');
  });

  it('comes back when the person hangs up soon after taking the call', async () => {
    const callId = await talking();
    await clock.advanceAsync(3000);
    pbx.people.leave();
    await settle();
    isBack(callId);
    expect(saidOn(callId)[0]).toContain('you were cut off from Sales');
  });

  it('may be transferred twice and no more', async () => {
    const callId = await transferring();
    for (let i = 0; i < 2; i += 1) {
      pbx.people.leave('busy');
      await settle();
      pbx.people.leave('busy');
      await settle();
      isBack(callId);
      ask(callId);
      await settle();
    }
    expect(engine.sent.at(-1)).toMatchObject({ kind: 'answer', answer: { ok: false, code: 'CALL_STATE' } });
    isBack(callId);
  });

  it('is not hung up by an agent that thinks its work is done', async () => {
    const callId = await transferring();
    engine.onMessage({ kind: 'request', callId, requestId: 2, request: { op: 'hangUp', reason: 'done' } });
    await settle();
    expect(engine.sent.at(-1)).toMatchObject({ kind: 'answer', requestId: 2, answer: { ok: false } });
    expect(stateOf(callId)).toBe('transferring');
  });

  it('whose agent failed meanwhile goes to the fallback when nobody takes the call', async () => {
    const callId = await transferring();
    engine.onMessage({ kind: 'agentFailed', callId, code: 'AGENT_FAILED', message: 'gone' });
    await settle();
    expect(stateOf(callId)).toBe('transferring');
    pbx.people.leave('busy');
    await settle();
    pbx.people.leave('busy');
    await settle();
    expect(pbx.commands).toContain(`handBack ${CALLER} -> 6009@phones`);
    nothingIsLeft();
  });

  it('whose agent lost its leg meanwhile gets it back on another one', async () => {
    const callId = await transferring();
    engine.loseLeg(callId);
    await settle();
    expect(pbx.people.hears(CALLER)).toBe('music');
    pbx.people.leave('busy');
    await settle();
    pbx.people.leave('busy');
    await settle();
    isBack(callId);
  });
});

describe('who hangs up', () => {
  const steps = { ringing: transferring, 'being briefed': briefed, talking } as const;

  it.each(Object.keys(steps) as (keyof typeof steps)[])('while the person is %s: the caller', async (step) => {
    await steps[step]();
    pbx.onEvent({ kind: 'channelGone', channelId: CALLER, cause: 'normal' });
    await settle();
    expect(outcome()).toBe(step === 'talking' ? 'transferred/none' : 'completed/none');
    nothingIsLeft();
  });

  it.each(['dial', 'connect', 'release'] as const)('in the middle of %s: the caller', async (command) => {
    pbx.during[command] = () => pbx.onEvent({ kind: 'channelGone', channelId: CALLER, cause: 'normal' });
    await (command === 'dial' ? transferring() : talking());
    await clock.advanceAsync(GRACE_MS);
    nothingIsLeft();
  });

  it('after the grace time, where the PBX cannot do without us: the other is hung up, too', async () => {
    pbx.people.releases = 'kept';
    await talking();
    await clock.advanceAsync(GRACE_MS);
    expect(manager.list()).toEqual([]);
    expect(pbx.people.hears(CALLER)).toBe('a person');
    pbx.people.leave();
    await settle();
    expect(pbx.commands).toContain(`hangUp ${CALLER}`);
    nothingIsLeft();
  });

  it('a person who picks up in the moment they were given up is hung up again', async () => {
    const callId = await transferring();
    const first = pbx.people.last;
    pbx.during.hangUp = () => pbx.people.answer(first);
    await clock.advanceAsync(20_000);
    pbx.during = {};
    await clock.advanceAsync(15_000);
    isBack(callId);
  });
});

describe('a PBX that fails', () => {
  it.each(['hold', 'dial', 'connect'] as const)('at %s gives the caller back to the agent', async (command) => {
    pbx.failures.set(command, new LinecardError('PBX_REFUSED', 'no'));
    pbx.during[command] = () => undefined;
    const callId = await (command === 'connect' ? talking() : transferring());
    pbx.failures.clear();
    await settle();
    if (command === 'hold') {
      // The music cannot be ended either: nobody knows what the caller hears, a person it is.
      expect(outcome()).toBe('failed/pbx');
      nothingIsLeft();
    } else isBack(callId);
  });

  it('at everything that would bring the caller back sends them to the fallback', async () => {
    const callId = await talking();
    pbx.failures.set('takeBack', new LinecardError('PBX_TIMEOUT', 'slow'));
    pbx.people.leave();
    await settle();
    expect(pbx.commands).toContain(`handBack ${CALLER} -> 6009@phones`);
    expect(stateOf(callId)).toBeUndefined();
    nothingIsLeft();
  });
});

describe('the end of the process', () => {
  it('leaves two who talk to the PBX, and brings one who waits to the fallback', async () => {
    await talking();
    await Promise.all([manager.drain(0), clock.advanceAsync(1)]);
    expect(pbx.people.released).toHaveLength(1);
    expect(pbx.commands.join()).not.toContain('handBack');
    expect(manager.list()).toEqual([]);
  });

  it('brings one who waits for a person to the fallback, and the person’s phone falls silent', async () => {
    await transferring();
    await Promise.all([manager.drain(0), clock.advanceAsync(1)]);
    await settle();
    expect(pbx.commands).toContain(`handBack ${CALLER} -> 6009@phones`);
    expect(pbx.people.live.size).toBe(0);
  });
});

describe('a conference', () => {
  /** The person whom the agent asked to join has heard the briefing. */
  async function asked(): Promise<CallId> {
    pbx.offer({ channelId: CALLER });
    await settle();
    const callId = manager.list()[0]!.id;
    const request = { op: 'transfer', to: 'sales', mode: 'conference', summary: 'Wants a quote' } as const;
    engine.onMessage({ kind: 'request', callId, requestId: 1, request });
    await settle();
    expect(pbx.people.hears(CALLER)).toBe('music');
    pbx.people.answer();
    await settle();
    speechHeard();
    await settle();
    expect(engine.sent.find(({ kind }) => kind === 'answer')).toMatchObject({ answer: { ok: true } });
    return callId;
  }

  it('brings the person to the caller and the agent, who is told', async () => {
    const callId = await asked();
    pbx.people.press('1');
    await settle();
    expect(stateOf(callId)).toBe('talking');
    expect(pbx.people.bridgeOf(pbx.people.last)).toBe(pbx.people.bridgeOf(CALLER));
    expect(pbx.people.hears(CALLER)).toBe('media');
    expect(engine.sessions.size).toBe(1);
    expect(engine.sent.findLast(({ kind }) => kind === 'instruct')).toMatchObject({
      text: expect.stringContaining('Sales has joined') as unknown,
    });
    expect(engine.sent.filter(({ kind }) => kind === 'hold')).toMatchObject([{ held: 'held' }, { held: 'resumed' }]);
    pbx.onEvent({ kind: 'channelGone', channelId: CALLER, cause: 'normal' });
    await settle();
    nothingIsLeft();
  });

  it('is left to the two when the person takes over by key', async () => {
    const callId = await asked();
    pbx.people.press('1');
    await settle();
    const person = pbx.people.last;
    pbx.people.press('9');
    await settle();
    expect(outcome()).toBe('transferred/none');
    expect(pbx.people.released).toMatchObject([{ callerChannelId: CALLER, personChannelId: person }]);
    expect(manager.get(callId)).toBeNull();
  });

  it('that the person leaves again leaves caller and agent together', async () => {
    const callId = await asked();
    pbx.people.press('1');
    await settle();
    pbx.people.leave();
    await settle();
    isBack(callId);
  });

  // A media thread froze: the agent came back in another bridge, and the person heard nobody any more.
  it('whose agent loses its leg is all three again', async () => {
    const callId = await asked();
    pbx.people.press('1');
    await settle();
    engine.loseLeg(callId);
    await settle();
    expect(stateOf(callId)).toBe('talking');
    expect(pbx.people.bridgeOf(CALLER)).toBeDefined();
    expect(pbx.people.bridgeOf(pbx.people.last)).toBe(pbx.people.bridgeOf(CALLER));
  });

  it('whose agent fails is left to the two', async () => {
    const callId = await asked();
    pbx.people.press('1');
    await settle();
    const person = pbx.people.last;
    engine.onMessage({ kind: 'agentFailed', callId, code: 'AGENT_FAILED', message: 'the provider is gone' });
    await settle();
    expect(outcome()).toBe('transferred/none');
    expect(pbx.people.released).toMatchObject([{ callerChannelId: CALLER, personChannelId: person }]);
    expect(pbx.commands.join()).not.toContain('handBack');
  });

  it('whose agent fails goes to the fallback where the two cannot be left alone', async () => {
    const callId = await asked();
    pbx.people.press('1');
    await settle();
    pbx.failures.set('connect', new LinecardError('PBX_REFUSED', 'no'));
    engine.onMessage({ kind: 'agentFailed', callId, code: 'AGENT_FAILED', message: 'the provider is gone' });
    await settle();
    expect(pbx.commands).toContain(`handBack ${CALLER} -> 6009@phones`);
  });

  it('that the PBX refuses gives the caller back to the agent', async () => {
    const callId = await asked();
    pbx.failures.set('join', new LinecardError('PBX_REFUSED', 'no'));
    pbx.people.press('1');
    await settle();
    isBack(callId);
    expect(saidOn(callId).at(-1)).toContain('could not reach Sales');
  });

  it('that is declined is told as a transfer is', async () => {
    const callId = await asked();
    pbx.people.press('2');
    await settle();
    pbx.people.press('1');
    await settle();
    pbx.people.leave('busy');
    await settle();
    isBack(callId);
  });
});

describe('an agent that is talked into it', () => {
  /** What it is answered. */
  async function refusal(callId: CallId, to: string): Promise<unknown> {
    ask(callId, to);
    await settle();
    return engine.sent.findLast((message) => message.kind === 'answer');
  }

  it.each(['0900123456', '+442079460000', '6001', '6001@elsewhere', 'sales&6002', '../sales', 'Sales ', ''])(
    'dials nothing that the configuration does not name: %j',
    async (to) => {
      pbx.offer({ channelId: CALLER });
      await settle();
      const callId = manager.list()[0]!.id;
      const before = pbx.commands.length;
      expect(await refusal(callId, to)).toMatchObject({ answer: { ok: false, code: 'DESTINATION_UNKNOWN' } });
      expect(pbx.commands.slice(before)).toEqual([]);
      expect(pbx.people.dialled).toEqual([]);
    },
  );

  it('is stopped when it has sent the caller round too often', async () => {
    const callId = await transferring();
    for (let times = 1; times <= 2; times++) {
      pbx.people.leave('busy');
      await settle();
      pbx.people.leave('busy');
      await settle();
      isBack(callId);
      if (times < 2) {
        ask(callId);
        await settle();
      }
    }
    const rung = pbx.people.dialled.length;
    expect(await refusal(callId, 'sales')).toMatchObject({
      answer: { ok: false, code: 'CALL_STATE', message: 'the call was transferred 2 times already' },
    });
    expect(pbx.people.dialled).toHaveLength(rung);
  });
});
