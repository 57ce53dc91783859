import { beforeEach, describe, expect, it } from 'vitest';
import { CallManager } from '../../../src/call/call-manager.js';
import type { CallId, ChannelId } from '../../../src/core/ids.js';
import { silentLogger } from '../../../src/core/logger.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { FakePbx } from '../../support/fake-pbx.js';
import { FakeSchedules } from '../../support/schedules.js';

let clock: FakeClock;
let pbx: FakePbx;
let engine: FakeEngine;
let schedules: FakeSchedules;
let manager: CallManager;

beforeEach(() => {
  pbx = new FakePbx();
  clock = new FakeClock();
  engine = new FakeEngine();
  schedules = new FakeSchedules(['hours', 'support']);
  schedules.dials.set('*28', 'hours');
  schedules.keyCodes.set('*284711', 'support');
  const place = (dial: string, label: string) =>
    ({ dial, label, mode: 'blind', otherwise: 'agent', places: [{ extension: dial, ringTimeMs: 20_000 }] }) as const;
  manager = new CallManager({
    services: {
      engine,
      destinations: new Map([
        ['sales', place('6001', 'Sales')],
        ['emergency', place('6003', 'Emergency')],
      ]),
      transfers: { maxPerCall: 5, graceMs: 10_000, allow: [] },
      messages: {
        save: () => Promise.resolve('m1'),
        list: () => Promise.resolve([]),
        audioPath: () => Promise.resolve(null),
        calledBack: () => Promise.resolve(null),
      },
      schedules,
      clock,
      log: silentLogger,
      publish: () => undefined,
    },
    pbxes: [pbx],
    extensions: new Map([
      [
        '7000',
        {
          agent: 'day',
          fallback: '6001',
          schedule: 'hours',
          closed: { agent: 'night', fallback: '6009', destinations: new Set(['emergency']) },
        },
      ],
      ['7001', { agent: 'day', fallback: '6001', schedule: 'support' }],
    ]),
  });
  engine.onMessage = (message) => manager.onMedia(message);
  manager.start();
});

async function call(extension: string): Promise<{ readonly callId: CallId; readonly channelId: ChannelId }> {
  const channelId = pbx.offer({ extension });
  await settle();
  return { callId: manager.list().at(-1)!.id, channelId };
}

/** What the agent of a call is answered. */
async function ask(callId: CallId, op: 'hours' | 'transfer', to = ''): Promise<unknown> {
  const request = op === 'hours' ? { op } : ({ op, to, mode: 'blind', summary: '' } as const);
  engine.onMessage({ kind: 'request', callId, requestId: 1, request });
  await settle();
  return engine.sent.findLast((message) => message.kind === 'answer');
}

describe('after hours', () => {
  beforeEach(() => schedules.states.set('hours', 'closed'));

  it('another agent takes the call, and another place is the fallback', async () => {
    const { callId } = await call('7000');
    expect(manager.get(callId)?.agent).toBe('night');
    engine.onMessage({ kind: 'agentFailed', callId, code: 'AGENT_FAILED', message: 'gone' });
    await settle();
    expect(pbx.commands).toContain('handBack caller-1 -> 6009@phones');
  });

  it('an extension with a schedule of its own is as that says', async () => {
    const { callId } = await call('7001');
    expect(manager.get(callId)?.agent).toBe('day');
    expect(await ask(callId, 'hours')).toMatchObject({
      answer: { ok: true, value: { open: true, text: 'The hours of support. We are open now.' } },
    });
  });

  it('only the places that are there can be reached', async () => {
    const { callId } = await call('7000');
    expect(await ask(callId, 'transfer', 'sales')).toMatchObject({
      answer: { ok: false, code: 'DESTINATION_CLOSED', message: 'Sales cannot be reached now: it is after hours' },
    });
    await ask(callId, 'transfer', 'emergency');
    expect(pbx.commands).toContain('handBack caller-1 -> 6003@phones');
  });

  it('that begin during a call count from then on', async () => {
    schedules.states.set('hours', 'open');
    const { callId } = await call('7000');
    expect(manager.get(callId)?.agent).toBe('day');
    schedules.states.set('hours', 'closed');
    expect(await ask(callId, 'transfer', 'sales')).toMatchObject({ answer: { code: 'DESTINATION_CLOSED' } });
    expect(await ask(callId, 'hours')).toMatchObject({ answer: { value: { open: false } } });
  });
});

describe('a phone that dials the code of a schedule', () => {
  /** The session that speaks to it. */
  const session = (): CallId => [...engine.sessions.keys()].at(-1)!;
  const said = (): string | undefined => engine.sent.findLast((message) => message.kind === 'say')?.text;

  it('turns it over, hears so, and is hung up', async () => {
    const channelId = pbx.offer({ extension: '*28' });
    await settle();
    expect(schedules.get('hours')).toMatchObject({ state: 'closed', cause: 'override' });
    expect(said()).toBe('The opening hours are set to closed now, until you use this code again. We are closed now.');
    expect(manager.list()).toEqual([]);
    const turn = { who: 'agent', text: '', atMs: 0, heardMs: 4000, interrupted: false } as const;
    engine.onMessage({ kind: 'turn', callId: session(), turn });
    await settle();
    expect(pbx.commands).toContain(`hangUp ${channelId}`);
    nothingIsLeft();
  });

  it('turns it back the second time', async () => {
    pbx.offer({ extension: '*28' });
    await settle();
    await clock.advanceAsync(20_000);
    pbx.offer({ extension: '*28', channelId: 'again' as ChannelId });
    await settle();
    expect(schedules.get('hours').cause).toBe('timetable');
    expect(said()).toMatch(/^The opening hours are as in the timetable again\./);
    await clock.advanceAsync(20_000);
    nothingIsLeft();
  });

  it('turns it over also where it hangs up at once, or nothing can be said', async () => {
    const channelId = pbx.offer({ extension: '*28' });
    await settle();
    pbx.onEvent({ kind: 'channelGone', channelId, cause: 'normal' });
    await settle();
    expect(schedules.get('hours').state).toBe('closed');
    nothingIsLeft();
    engine.legs = 'stay away';
    pbx.offer({ extension: '*28', channelId: 'again' as ChannelId });
    await clock.advanceAsync(20_000);
    expect(schedules.get('hours').cause).toBe('timetable');
    nothingIsLeft();
  });

  it('is not taken for a leak, and not served twice after a reconnect', async () => {
    const channelId = pbx.offer({ extension: '*28' });
    await settle();
    const caller = { number: '6001', name: '' };
    const where = { caller, extension: '*28', context: 'phones', owner: 'pbx', createdAtMs: 0 } as const;
    pbx.present = { channels: [{ channelId, state: 'up', ...where }], bridges: [] };
    pbx.onEvent({ kind: 'connected' });
    await settle();
    pbx.offer({ extension: '*28', channelId });
    await settle();
    expect(schedules.get('hours').cause).toBe('override');
    expect(pbx.commands).not.toContain(`hangUp ${channelId}`);
  });
});

describe('a caller who presses the code of a schedule', () => {
  it('turns it over and hears so, and the agent hears no key of it', async () => {
    const { callId, channelId } = await call('7000');
    for (const digit of '*2847113') pbx.onEvent({ kind: 'digitPressed', channelId, digit });
    await settle();
    expect(schedules.get('support')).toMatchObject({ state: 'closed', cause: 'override' });
    expect(engine.sent.filter((message) => message.kind === 'digit')).toEqual([{ kind: 'digit', callId, digit: '3' }]);
    expect(engine.sent).toContainEqual({
      kind: 'say',
      callId,
      text: 'The schedule support is set to closed now, until you use this code again. We are closed now.',
      instead: 'yes',
    });
  });
});

function nothingIsLeft(): void {
  expect(engine.sessions.size).toBe(0);
  expect(pbx.openMediaChannels.size).toBe(0);
  expect(manager.routeCount).toBe(0);
  expect(clock.pendingAlarms).toBe(1);
}
