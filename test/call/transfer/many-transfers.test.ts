import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CallManager } from '../../../src/call/call-manager.js';
import { noSchedules } from '../../support/schedules.js';
import { LinecardError } from '../../../src/core/errors.js';
import type { CallId, ChannelId } from '../../../src/core/ids.js';
import { silentLogger } from '../../../src/core/logger.js';
import { BRIEFING_AGENT } from '../../../src/engine/port.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { FakePbx } from '../../support/fake-pbx.js';

const TRANSFERS = 1000;
const CALLER = 'caller-1' as ChannelId;

/** What may happen next, to whoever it concerns; what makes no sense at the moment does nothing. */
const step = fc.oneof(
  fc.constantFrom('answer', 'spoken', 'callerLeaves', 'agentFails', 'legLost'),
  fc.constantFrom('press 1', 'press 2', 'press 3', 'press 9'),
  fc.constantFrom('leave busy', 'leave normal', 'leave noAnswer', 'leave failed'),
  fc.constantFrom('wait 100', 'wait 9000', 'wait 21000'),
  fc.constantFrom('fail hold', 'fail dial', 'fail connect', 'fail takeBack', 'fail release', 'fail openMedia', 'well'),
  fc.constantFrom('ask', 'supervise listen', 'supervise join', 'supervise takeover', 'confer', 'hangUp'),
);

/** How far a transfer comes before anything may happen. */
const begun = fc.constantFrom<readonly string[]>(
  [],
  ['answer'],
  ['leave busy', 'answer'],
  ['answer', 'press 2'],
  ['answer', 'press 1'],
  ['answer', 'press 1', 'wait 9000'],
  ['answer', 'press 1', 'wait 9000', 'wait 9000'],
);
const story = fc.tuple(begun, fc.array(step, { maxLength: 12 })).map(([first, then]) => [...first, ...then]);

/** One call with a transfer, and what happens to it. */
async function play(steps: readonly string[], releases: 'released' | 'kept', first: 'ask' | 'confer'): Promise<void> {
  const pbx = new FakePbx({}, 'reachable');
  pbx.people.releases = releases;
  const clock = new FakeClock();
  const engine = new FakeEngine();
  const manager = new CallManager({
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
            places: ['6001', '6002'].map((extension) => ({ extension, ringTimeMs: 20_000 })),
          },
        ],
      ]),
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
      publish: () => undefined,
    },
    pbxes: [pbx],
    extensions: new Map([['7000', { agent: 'receptionist', fallback: '6009' }]]),
  });
  engine.onMessage = (message) => manager.onMedia(message);
  manager.start();
  pbx.offer({ channelId: CALLER });
  await settle();
  const callId = manager.list()[0]?.id as CallId;
  const caller: { state: 'there' | 'gone' } = { state: 'there' };
  const people = pbx.people;
  const act: Readonly<Record<string, (what: string) => void>> = {
    answer: () => people.dialled.length > 0 && people.live.has(people.last) && people.answer(),
    spoken: () => {
      const briefing = [...engine.sessions.values()].find(({ agent }) => agent === BRIEFING_AGENT);
      const turn = { who: 'agent', text: 'x', atMs: 0, heardMs: 1, interrupted: false } as const;
      if (briefing !== undefined) engine.onMessage({ kind: 'turn', callId: briefing.callId, turn });
    },
    callerLeaves: () => {
      caller.state = 'gone';
      pbx.onEvent({ kind: 'channelGone', channelId: CALLER, cause: 'normal' });
    },
    agentFails: () => engine.onMessage({ kind: 'agentFailed', callId, code: 'AGENT_FAILED', message: 'gone' }),
    legLost: () => engine.sessions.has(callId) && engine.loseLeg(callId),
    press: (digit) => people.dialled.length > 0 && people.press(digit),
    leave: (cause) => people.dialled.length > 0 && people.leave(cause as 'busy'),
    wait: () => undefined,
    fail: (command) => pbx.failures.set(command as 'hold', new LinecardError('PBX_REFUSED', 'no')),
    well: () => pbx.failures.clear(),
    ask: () => {
      const request = { op: 'transfer', to: 'sales', mode: 'warm', summary: 'x' } as const;
      engine.onMessage({ kind: 'request', callId, requestId: 1, request });
    },
    confer: () => {
      manager.transfer(callId, 'sales', { mode: 'conference', summary: 'x' }).then(undefined, () => undefined);
    },
    supervise: (mode) => {
      manager.supervise(callId, '6005', mode as 'join', '').then(undefined, () => undefined);
    },
    hangUp: () => {
      manager.hangUp(callId).then(undefined, () => undefined);
    },
  };
  act[first]?.('');
  await settle();
  for (const each of steps) {
    const [what = '', about = ''] = each.split(' ');
    // The leak check sees what is there.
    const alice = { number: '6001', name: 'Alice' };
    const where = { extension: '7000', context: 'phones', owner: 'pbx', createdAtMs: clock.wallMs() } as const;
    pbx.present = {
      channels: caller.state === 'there' ? [{ channelId: CALLER, state: 'up', caller: alice, ...where }] : [],
      bridges: [],
    };
    act[what]?.(about);
    await settle();
    if (what === 'wait') await clock.advanceAsync(Number(about));
    const call = manager.get(callId);
    if (call !== null && caller.state === 'there') {
      expect(people.hears(CALLER), `${steps.join(', ')}: at ${each} in ${call.state}`).not.toBe('nothing');
    }
  }
  // However it went, everybody hangs up in the end.
  pbx.failures.clear();
  pbx.onEvent({ kind: 'channelGone', channelId: CALLER, cause: 'normal' });
  await settle();
  pbx.present = { channels: [], bridges: [] };
  for (const channelId of [...people.live]) people.leave('normal', channelId);
  await settle();
  await clock.advanceAsync(40_000);
  const what = steps.join(', ');
  expect(manager.list(), what).toEqual([]);
  expect([...engine.sessions.values()], what).toEqual([]);
  expect(people.openBridges + people.listening.size, what).toBe(0);
  expect([...people.live], what).toEqual([]);
  expect(clock.pendingAlarms, what).toBe(1);
  expect(manager.routeCount, what).toBe(0);
}

it(
  'after a thousand transfers with random events no channel, bridge, session, timer or listener is left, and no caller was in silence',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(story, fc.constantFrom('released', 'kept'), fc.constantFrom('ask', 'ask', 'confer'), play),
      {
        numRuns: TRANSFERS,
      },
    );
  },
);
