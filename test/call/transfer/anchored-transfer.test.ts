import { beforeEach, describe, expect, it } from 'vitest';
import { CallManager } from '../../../src/call/call-manager.js';
import { noSchedules } from '../../support/schedules.js';
import { LinecardError } from '../../../src/core/errors.js';
import type { CallEvent } from '../../../src/core/events.js';
import type { CallId } from '../../../src/core/ids.js';
import { silentLogger } from '../../../src/core/logger.js';
import { BRIEFING_AGENT } from '../../../src/engine/port.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { FakePbx } from '../../support/fake-pbx.js';

const GRACE_MS = 10_000;

let clock: FakeClock;
let pbx: FakePbx;
let engine: FakeEngine;
let events: CallEvent[];
let manager: CallManager;
let callId: CallId;

async function build(reach: 'reachable' | 'none'): Promise<void> {
  pbx = new FakePbx({}, reach === 'reachable' ? 'reachable' : undefined);
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
            places: [{ extension: '6001', ringTimeMs: 20_000 }],
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
    extensions: new Map(),
    anchor: { pbx: null, context: 'phones' },
  });
  engine.onMessage = (message) => manager.onMedia(message);
  manager.start();
  // The visitor's leg is here at once.
  const session = manager.admitBrowser('receptionist', { number: '', name: 'Ann' });
  callId = session.id;
  await session.expectBrowser();
  await settle();
  expect(state()).toBe('talking');
}

beforeEach(() => build('reachable'));

function state(): string | undefined {
  return manager.get(callId)?.state;
}

function outcome(): string {
  const end = events.find((event) => event.kind === 'callEnded');
  return end === undefined ? 'none' : `${end.outcome.result}/${end.outcome.fault}`;
}

/** With whom the visitor was last connected by us. */
function coupledWith(): CallId | null {
  const last = engine.sent.filter((message) => message.kind === 'couple').at(-1);
  return last?.kind === 'couple' ? last.withCallId : null;
}

function briefing(): CallId | undefined {
  return [...engine.sessions.values()].find(({ agent }) => agent === BRIEFING_AGENT)?.callId;
}

async function transferring(mode: 'warm' | 'blind' = 'warm'): Promise<void> {
  await manager.transfer(callId, 'sales', { mode, summary: 'Chairs' });
  await settle();
}

async function briefed(): Promise<void> {
  await transferring();
  pbx.people.answer();
  await settle();
  const turn = { who: 'agent', text: 'x', atMs: 0, heardMs: 1, interrupted: false } as const;
  engine.onMessage({ kind: 'turn', callId: briefing()!, turn });
  await settle();
}

async function connected(): Promise<void> {
  await briefed();
  pbx.people.press('1');
  await settle();
}

function isBack(): void {
  expect(state()).toBe('talking');
  expect(coupledWith()).toBeNull();
  expect(pbx.people.live.size).toBe(0);
  expect(engine.sessions.size).toBe(1);
}

function nothingIsLeft(): void {
  expect(manager.list()).toEqual([]);
  expect(engine.sessions.size).toBe(0);
  expect(pbx.people.live.size).toBe(0);
  expect(pbx.openMediaChannels.size).toBe(0);
  expect(clock.pendingAlarms).toBe(1); // the next reconcile
}

describe('a visitor of the page', () => {
  it('waits with music while a desk phone rings, and the person is told on the visitor’s thread', async () => {
    await transferring();
    expect(state()).toBe('transferring');
    expect(engine.kindsSent()).toContain('hold');
    expect(pbx.people.dialled).toMatchObject([{ extension: '6001', context: 'phones', callerChannelId: null }]);
    pbx.people.answer();
    await settle();
    expect(engine.sessions.get(briefing()!)?.beside).toBe(callId);
    expect(coupledWith()).toBeNull();
  });

  it('talks with the person who takes the call, for as long as both want', async () => {
    await connected();
    expect(state()).toBe('connected');
    expect(coupledWith()).toBe(briefing());
    clock.advance(GRACE_MS + 120_000);
    await settle();
    expect(state()).toBe('connected');
    expect(pbx.people.live.size).toBe(1);
    await expect(manager.transfer(callId, 'sales')).rejects.toMatchObject({ code: 'CALL_STATE' });
  });

  it('is with the person at once when nobody is to be asked', async () => {
    await transferring('blind');
    pbx.people.answer();
    await settle();
    expect(state()).toBe('connected');
    expect(engine.sent.some((message) => message.kind === 'say' && message.callId !== callId)).toBe(false);
  });

  it('is let go when the person hangs up in the end', async () => {
    await connected();
    clock.advance(GRACE_MS);
    await settle();
    pbx.people.leave();
    await settle();
    expect(outcome()).toBe('transferred/none');
    nothingIsLeft();
  });

  it('is back with the agent when the person hangs up at once, or declines', async () => {
    await connected();
    pbx.people.leave();
    await settle();
    isBack();
    await briefed();
    pbx.people.press('2');
    await clock.advanceAsync(30_000);
    isBack();
  });

  it.each([0, GRACE_MS])('hangs up %d ms after the person took the call: the person is let go', async (delayMs) => {
    await connected();
    clock.advance(delayMs);
    await settle();
    const visitor = engine.sessions.get(callId)!;
    engine.loseLeg(visitor.callId);
    await settle();
    expect(outcome()).toBe('transferred/none');
    nothingIsLeft();
  });

  it('closes the page while the phone rings: it falls silent', async () => {
    await transferring();
    engine.loseLeg(callId);
    await settle();
    expect(outcome()).toBe('completed/none');
    nothingIsLeft();
  });

  it.each([0, GRACE_MS])('whose call the operator ends %d ms after the connection leaves nobody behind', async (ms) => {
    await connected();
    clock.advance(ms);
    await settle();
    await manager.hangUp(callId);
    await settle();
    nothingIsLeft();
  });

  it('is left alone by the leak check, and so is the person', async () => {
    await connected();
    clock.advance(GRACE_MS);
    await settle();
    const { channelId } = pbx.people.dialled[0]!;
    const caller = { number: '', name: '' };
    const where = { extension: null, context: 'phones', owner: 'linecard', createdAtMs: 0 } as const;
    pbx.present = { channels: [{ channelId, state: 'up', caller, ...where }], bridges: [] };
    await clock.advanceAsync(60_000);
    expect(pbx.people.live.size).toBe(1);
    expect(state()).toBe('connected');
  });

  it('comes back when the PBX cannot ring', async () => {
    pbx.failures.set('dial', new LinecardError('PBX_REFUSED', 'no such extension'));
    await transferring();
    await settle();
    isBack();
  });
});

describe('where no PBX can ring a person', () => {
  it('the agent is told so', async () => {
    await build('none');
    await expect(manager.transfer(callId, 'sales')).rejects.toMatchObject({ code: 'PBX_UNSUPPORTED' });
    expect(state()).toBe('talking');
  });
});
