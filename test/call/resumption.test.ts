import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CallManager } from '../../src/call/call-manager.js';
import { LinecardError } from '../../src/core/errors.js';
import type { CallEvent } from '../../src/core/events.js';
import type { BridgeId, CallId, ChannelId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { SqliteJournal } from '../../src/journal/sqlite-journal.js';
import type { ChannelInfo } from '../../src/pbx/port.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { FakeEngine } from '../support/fake-engine.js';
import { FakePbx } from '../support/fake-pbx.js';
import { noSchedules } from '../support/schedules.js';

const CALLER = 'caller-1' as ChannelId;

let directory: string;
let clock: FakeClock;
let pbx: FakePbx;
let engine: FakeEngine;
let events: CallEvent[];
let journal: SqliteJournal;
let manager: CallManager;
const journals: SqliteJournal[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linecard-resumption-'));
  clock = new FakeClock();
  startProcess();
});

afterEach(() => {
  for (const each of journals.splice(0)) each.close();
  rmSync(directory, { recursive: true, force: true });
});

/** As at a start, and after `kill -9`: nothing is left of the former process but what is on disk. */
function startProcess(media: 'started' | 'starting' = 'started'): void {
  clock = new FakeClock(clock.wallMs());
  pbx = new FakePbx({}, 'reachable');
  engine = new FakeEngine();
  events = [];
  journal = new SqliteJournal({ path: join(directory, 'journal.db'), keepDays: 7, clock, log: silentLogger });
  journals.push(journal);
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
      transfers: { maxPerCall: 5, graceMs: 10_000, allow: [] },
      messages: {
        save: () => Promise.resolve('m1'),
        list: () => Promise.resolve([]),
        calledBack: () => Promise.reject(new Error('nobody was')),
        audioPath: () => Promise.resolve(null),
      },
      schedules: noSchedules(),
      journal,
      clock,
      log: silentLogger,
      publish: (event) => {
        journal.observe(event);
        events.push(event);
      },
    },
    pbxes: [pbx],
    extensions: new Map([['7000', { agent: 'receptionist', fallback: '6001' }]]),
    agents: new Set(['receptionist', 'billing']),
  });
  engine.onMessage = (message) => manager.onMedia(message);
  manager.start(media);
}

function hears(callId: CallId, who: 'caller' | 'agent', text: string): void {
  const turn = { who, text, atMs: clock.wallMs(), heardMs: 500, interrupted: false };
  engine.onMessage({ kind: 'turn', callId, turn });
}

async function talking(): Promise<CallId> {
  pbx.offer({ channelId: CALLER });
  await settle();
  const [call] = manager.list();
  expect(call?.state).toBe('talking');
  hears(call!.id, 'agent', 'Good morning.');
  hears(call!.id, 'caller', 'I need two chairs.');
  return call!.id;
}

function present(channel: Partial<ChannelInfo> = {}): ChannelInfo {
  return {
    channelId: CALLER,
    state: 'up',
    caller: { number: '6001', name: 'Alice' },
    extension: '7000',
    context: 'phones',
    owner: 'pbx',
    createdAtMs: clock.wallMs(),
    ...channel,
  };
}

/** The next process, which finds the caller at the PBX. */
async function restart(media: 'started' | 'starting' = 'started', channels = [present()]): Promise<void> {
  startProcess(media);
  pbx.present = { channels, bridges: [] };
  pbx.onEvent({ kind: 'connected' });
  await settle();
}

function kinds(): string[] {
  return events.map(({ kind }) => kind);
}

describe('a call whose process died', () => {
  it('goes on as the same call, with an agent who knows what was said', async () => {
    const callId = await talking();
    clock.advance(2000);
    await restart();
    expect(manager.list()).toMatchObject([
      {
        id: callId,
        state: 'talking',
        startedAt: '2026-01-05T09:00:00.000Z',
        turns: [{}, { text: 'I need two chairs.' }],
      },
    ]);
    expect(engine.sessions.get(callId)?.history).toEqual([
      { who: 'agent', text: 'Good morning.' },
      { who: 'caller', text: 'I need two chairs.' },
    ]);
    expect(kinds()).toEqual(['callResumed', 'legConnected']);
    expect(pbx.commands).toEqual([
      'start',
      'snapshot',
      'hold caller-1 held',
      'openMedia caller-1',
      'hold caller-1 resumed',
    ]);
    expect(engine.kindsSent()).toEqual(['start']);
    await manager.hangUp(callId);
    const end = events.at(-1);
    expect(end?.kind === 'callEnded' && end.call.timings.endedMs).toBe(2000);
  });

  it('goes on with what the dialplan told, and with what it has spent', async () => {
    pbx.offer({ channelId: CALLER, variables: { customer: '42' } });
    await settle();
    const [call] = manager.list();
    const callId = call!.id;
    manager.onMedia({ kind: 'usage', callId, usage: { inputTokens: 900, outputTokens: 100, cost: 0.4 } });
    manager.onMedia({ kind: 'agentChanged', callId, agent: 'billing' });
    for (let restarts = 0; restarts < 2; restarts++) {
      await restart();
      expect(engine.sessions.get(callId)).toMatchObject({
        agent: 'billing',
        facts: { 'var.customer': '42' },
        spent: { inputTokens: 900, outputTokens: 100, cost: 0.4 },
      });
    }
  });

  it('goes on the third time, too', async () => {
    const callId = await talking();
    await restart();
    hears(callId, 'caller', 'Hello?');
    await restart();
    expect(events[0]).toMatchObject({ kind: 'callResumed', resumptions: 2 });
    expect(engine.sessions.get(callId)?.history).toHaveLength(3);
  });

  it('that had not been answered is answered, as the same call', async () => {
    engine.legs = 'stay away';
    pbx.offer({ channelId: CALLER });
    await settle();
    const [call] = manager.list();
    await restart('started', [present({ state: 'ringing' })]);
    expect(manager.list()).toMatchObject([{ id: call?.id, state: 'talking' }]);
    expect(kinds()).toEqual(['callResumed', 'legConnected', 'stateChanged', 'callAnswered']);
  });

  it('stays on hold when an operator had put it there', async () => {
    const callId = await talking();
    await manager.hold(callId);
    await restart();
    expect(manager.get(callId)?.state).toBe('held');
    expect(engine.kindsSent()).toEqual(['start', 'hold']);
    expect(pbx.commands).not.toContain('hold caller-1 resumed');
    await manager.resume(callId);
    expect(manager.get(callId)?.state).toBe('talking');
  });

  it('waits for a caller who had put us on hold a moment ago, and not for one of long ago', async () => {
    const callId = await talking();
    pbx.onEvent({ kind: 'holdChanged', channelId: CALLER, held: 'held' });
    await restart();
    expect(manager.get(callId)?.state).toBe('held');
    pbx.onEvent({ kind: 'holdChanged', channelId: CALLER, held: 'resumed' });
    expect(manager.get(callId)?.state).toBe('talking');
    pbx.onEvent({ kind: 'holdChanged', channelId: CALLER, held: 'held' });
    clock.advance(60_000);
    await restart();
    expect(manager.get(callId)?.state).toBe('talking');
  });

  it('goes on being transferred: music, and the person is rung again', async () => {
    const callId = await talking();
    await manager.transfer(callId, 'sales', { mode: 'warm', summary: 'Two chairs.' });
    await settle();
    expect(pbx.commands.at(-1)).toMatch(/^dial /);
    await restart();
    expect(manager.get(callId)?.state).toBe('transferring');
    expect(pbx.commands.at(-1)).toMatch(/^dial /);
    expect(pbx.commands).not.toContain('hold caller-1 resumed');
    // Nobody there: back to the agent.
    await clock.advanceAsync(21_000);
    expect(manager.get(callId)?.state).toBe('talking');
    expect(engine.sent.at(-1)).toMatchObject({ kind: 'say', instead: 'yes' });
    expect(journal.unfinishedAt('fake', CALLER)?.transfer).toBeNull();
  });

  it('whose transfer cannot be begun again is with the agent, who says so', async () => {
    const callId = await talking();
    // An agent that was talked into transfers takes the process with it each time.
    for (let i = 0; i < 5; i++) journal.transferBegins(callId, { to: 'sales', mode: 'warm', summary: '' });
    await restart();
    expect(manager.get(callId)?.state).toBe('talking');
    expect(engine.sent.at(-1)).toMatchObject({
      kind: 'say',
      text: 'I am sorry, I could not reach Sales. What else can I do for you?',
    });
    expect(pbx.commands.at(-1)).toBe('hold caller-1 resumed');
  });

  it('is over as transferred when caller and person talk with each other', async () => {
    const callId = await talking();
    await manager.transfer(callId, 'sales', { mode: 'warm', summary: '' });
    await settle();
    const person = 'linecard-00000000-0000-4000-8000-000000000001' as ChannelId;
    startProcess();
    pbx.present = {
      channels: [present(), present({ channelId: person, owner: 'linecard', extension: null })],
      bridges: [{ bridgeId: 'b1' as BridgeId, channels: [CALLER, person], holds: 'parties' }],
    };
    pbx.onEvent({ kind: 'connected' });
    await settle();
    expect(manager.list()).toEqual([]);
    expect(journal.ended(1)).toMatchObject([{ id: callId, outcome: { result: 'transferred' } }]);
    expect(pbx.commands).toEqual(['start', 'snapshot']);
  });

  // The agent was the third of a conference: who talks is not pulled apart to bring it back.
  it('is over as transferred when caller and person were in a conference, and the two talk on', async () => {
    const callId = await talking();
    await manager.transfer(callId, 'sales', { mode: 'conference', summary: '' });
    await settle();
    pbx.people.answer();
    await settle();
    const briefing = [...engine.sessions.keys()].find((id) => id !== callId);
    engine.connectLeg(briefing!);
    pbx.people.press('1');
    await settle();
    const person = pbx.people.last;
    const bridgeId = pbx.people.bridgeOf(person)!;
    expect(pbx.people.bridgeOf(CALLER)).toBe(bridgeId);
    const channels = [present(), present({ channelId: person, owner: 'linecard', extension: null })];
    startProcess();
    pbx.present = { channels, bridges: [{ bridgeId, channels: [CALLER, person] }] };
    pbx.onEvent({ kind: 'connected' });
    await settle();
    expect(journal.ended(1)).toMatchObject([{ id: callId, outcome: { result: 'transferred' } }]);
    expect(pbx.commands).toEqual(['start', 'snapshot']);
    pbx.onEvent({ kind: 'channelGone', channelId: person, cause: 'normal' });
    await settle();
    expect(pbx.commands.slice(2)).toEqual([`hangUp ${CALLER}`, `closeMedia ${bridgeId}`]);
  });

  it('is over when the caller is not there any more', async () => {
    const callId = await talking();
    await restart('started', []);
    expect(manager.list()).toEqual([]);
    expect(kinds()).toEqual(['callEnded']);
    expect(journal.ended(1)).toMatchObject([{ id: callId, outcome: { result: 'failed', fault: 'bug' } }]);
  });

  it('and that no PBX holds is over at once', () => {
    const callId = engine.directCall();
    startProcess();
    expect(kinds()).toEqual(['callEnded']);
    expect(journal.ended(1)).toMatchObject([{ id: callId, outcome: { result: 'failed' } }]);
  });

  it('is another call when the same channel comes again after its end', async () => {
    const callId = await talking();
    await manager.hangUp(callId);
    pbx.offer({ channelId: CALLER });
    await settle();
    expect(manager.list()).toHaveLength(1);
    expect(manager.list()[0]?.id).not.toBe(callId);
  });
});

describe('while the media threads start', () => {
  it('a caller of before hears music, and the agent as soon as there is one', async () => {
    const callId = await talking();
    await restart('starting');
    engine.refusals = ['media threads are starting'];
    expect(pbx.commands).toEqual(['start', 'snapshot', 'hold caller-1 held']);
    expect(manager.get(callId)?.turns).toHaveLength(2);
    await clock.advanceAsync(4000);
    engine.refusals = [];
    manager.mediaStarted();
    await settle();
    expect(engine.kindsSent()).toEqual(['start']);
    expect(pbx.commands.at(-1)).toBe('hold caller-1 resumed');
  });

  // The disk was full when they called.
  it('a caller of before whom the journal does not know hears music, too', async () => {
    await restart('starting');
    engine.refusals = ['media threads are starting'];
    expect(pbx.commands).toEqual(['start', 'snapshot', 'hold caller-1 held']);
    await clock.advanceAsync(9000);
    engine.refusals = [];
    manager.mediaStarted();
    await settle();
    expect(manager.list()).toMatchObject([{ state: 'talking' }]);
    expect(pbx.commands.slice(3)).toEqual(['hold caller-1 resumed', 'openMedia caller-1']);
  });

  it('nor goes to the human with the music still on', async () => {
    await restart('starting');
    engine.refusals = ['media threads are starting'];
    await clock.advanceAsync(10_000);
    expect(pbx.commands.slice(3)).toEqual(['hold caller-1 resumed', 'handBack caller-1 -> 6001@phones']);
  });

  it('a caller of before goes to the human when there is none in ten seconds', async () => {
    await talking();
    await restart('starting');
    engine.openFailure = new LinecardError('MEDIA_FULL', 'media threads are starting');
    await clock.advanceAsync(10_000);
    expect(pbx.commands.slice(-2)).toEqual(['hold caller-1 resumed', 'handBack caller-1 -> 6001@phones']);
    expect(journal.ended(1)).toMatchObject([{ outcome: { result: 'failed', fault: 'config' } }]);
  });

  it('a new caller waits for a moment, then the human is rung', async () => {
    startProcess('starting');
    engine.refusals = ['media threads are starting'];
    pbx.offer({ channelId: CALLER });
    pbx.offer({ channelId: CALLER });
    await clock.advanceAsync(1499);
    expect(pbx.commands).toEqual(['start']);
    await clock.advanceAsync(1);
    expect(pbx.commands).toEqual(['start', 'handBack caller-1 -> 6001@phones']);
  });

  it('a caller of before who was not answered yet goes to the human, and the call says so', async () => {
    engine.legs = 'stay away';
    pbx.offer({ channelId: CALLER });
    await settle();
    const [call] = manager.list();
    await restart('starting', [present({ state: 'ringing' })]);
    engine.refusals = ['media threads are starting'];
    await clock.advanceAsync(1500);
    expect(pbx.commands.at(-1)).toBe('handBack caller-1 -> 6001@phones');
    expect(journal.ended(1)).toMatchObject([{ id: call?.id, outcome: { result: 'transferred', fault: 'bug' } }]);
  });

  it('a new caller who waited for a moment is served', async () => {
    startProcess('starting');
    pbx.offer({ channelId: CALLER });
    await clock.advanceAsync(700);
    manager.mediaStarted();
    await settle();
    expect(manager.list()).toMatchObject([{ state: 'talking' }]);
    expect(clock.pendingAlarms).toBeLessThan(6);
  });
});

describe('a PBX that is slow or confused when the process comes back', () => {
  const OTHER = 'caller-2' as ChannelId;
  const LATE = new LinecardError('PBX_TIMEOUT', 'the PBX did not answer');

  // On a busy machine the list of channels came too late, and callers heard ringing until the look of every 30 s.
  it('is asked again a second later what it has', async () => {
    const callId = await talking();
    startProcess();
    pbx.present = { channels: [present()], bridges: [] };
    pbx.failures.set('snapshot', LATE);
    pbx.onEvent({ kind: 'connected' });
    await clock.advanceAsync(999);
    expect(manager.list()).toEqual([]);
    pbx.failures.clear();
    await clock.advanceAsync(1);
    expect(manager.list()).toMatchObject([{ id: callId, state: 'talking' }]);
    const alarms = clock.pendingAlarms;
    await clock.advanceAsync(2000);
    expect(clock.pendingAlarms).toBe(alarms);
  });

  it('does not take away one call’s remains: every caller is served all the same', async () => {
    await talking();
    startProcess();
    const bridges = [
      { bridgeId: 'b1' as BridgeId, channels: [CALLER] },
      { bridgeId: 'b2' as BridgeId, channels: [OTHER] },
    ];
    pbx.present = { channels: [present(), present({ channelId: OTHER })], bridges };
    pbx.failures.set('closeMedia', LATE);
    pbx.onEvent({ kind: 'connected' });
    await settle();
    expect(manager.list()).toMatchObject([{ state: 'talking' }, { state: 'talking' }]);
  });

  it('takes its time with one call’s remains: nobody else waits for it', async () => {
    await talking();
    startProcess();
    pbx.present = {
      channels: [present(), present({ channelId: OTHER })],
      bridges: [{ bridgeId: 'b1' as BridgeId, channels: [CALLER] }],
    };
    pbx.during.closeMedia = () => new Promise(() => undefined);
    pbx.onEvent({ kind: 'connected' });
    await settle();
    expect(pbx.commands).toContain(`openMedia ${OTHER}`);
    expect(pbx.commands).not.toContain(`openMedia ${CALLER}`);
  });

  it('does not take a new caller to the human in time: tried again a second later', async () => {
    engine.refusals = ['media threads are starting'];
    pbx.present = { channels: [present({ state: 'ringing' })], bridges: [] };
    pbx.failures.set('handBack', LATE);
    pbx.offer({ channelId: CALLER });
    await settle();
    pbx.failures.clear();
    await clock.advanceAsync(1000);
    expect(pbx.commands.filter((command) => command.startsWith('handBack'))).toHaveLength(2);
    expect(pbx.commands).not.toContain(`hangUp ${CALLER}`);
  });

  it('has no such fallback: a new caller is not left ringing for ever', async () => {
    engine.refusals = ['media threads are starting'];
    pbx.failures.set('handBack', new LinecardError('PBX_REFUSED', 'no such extension'));
    pbx.offer({ channelId: CALLER });
    await clock.advanceAsync(5000);
    expect(pbx.commands).toEqual(['start', `handBack ${CALLER} -> 6001@phones`, `hangUp ${CALLER}`]);
  });
});

describe('a caller who is to go to the human', () => {
  const LATE = new LinecardError('PBX_TIMEOUT', 'the PBX did not answer');
  const agentFails = (callId: CallId): void =>
    engine.onMessage({ kind: 'agentFailed', callId, code: 'AGENT_FAILED', message: 'the provider is gone' });
  const handBacks = (): string[] => pbx.commands.filter((command) => command.startsWith('handBack'));

  it('gets there by a PBX that answers only the third time', async () => {
    const callId = await talking();
    pbx.during.handBack = () => {
      if (handBacks().length < 3) throw LATE;
    };
    agentFails(callId);
    await settle();
    expect(handBacks()).toHaveLength(3);
    expect(journal.ended(1)).toMatchObject([
      { outcome: { fault: 'provider', reason: expect.stringMatching(/6001$/) as unknown } },
    ]);
  });

  // The first command was carried out after all: to hang up now would take the caller from the human's phone.
  it('and has gone there although the PBX did not say so is not hung up', async () => {
    const callId = await talking();
    pbx.during.handBack = () => {
      throw handBacks().length < 2 ? LATE : new LinecardError('CHANNEL_GONE', 'in the dialplan');
    };
    agentFails(callId);
    await settle();
    expect(pbx.commands).not.toContain(`hangUp ${CALLER}`);
    expect(journal.ended(1)).toMatchObject([{ outcome: { reason: expect.stringMatching(/6001$/) as unknown } }]);
  });

  it('and cannot be told to the PBX now is not hung up, and served again a second later', async () => {
    const callId = await talking();
    pbx.present = { channels: [present()], bridges: [] };
    pbx.failures.set('handBack', new LinecardError('PBX_UNREACHABLE', 'nobody listens there'));
    agentFails(callId);
    await settle();
    expect(manager.list()).toEqual([]);
    pbx.failures.clear();
    await clock.advanceAsync(1000);
    expect(manager.list()).toMatchObject([{ state: 'talking' }]);
    expect(pbx.commands).not.toContain(`hangUp ${CALLER}`);
  });
});
