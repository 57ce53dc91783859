import { beforeEach, describe, expect, it } from 'vitest';
import { CallManager } from '../../src/call/call-manager.js';
import { noSchedules } from '../support/schedules.js';
import { LinecardError } from '../../src/core/errors.js';
import type { CallEvent } from '../../src/core/events.js';
import type { CallId, ChannelId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { FakeEngine } from '../support/fake-engine.js';
import { FakePbx } from '../support/fake-pbx.js';

const CALLER = 'caller-1' as ChannelId;

let clock: FakeClock;
let pbx: FakePbx;
let engine: FakeEngine;
let events: CallEvent[];
let manager: CallManager;
let callId: CallId;
let ears: Set<string>;

beforeEach(async () => {
  ears = new Set(['receptionist']);
  pbx = new FakePbx({}, 'reachable');
  clock = new FakeClock();
  engine = new FakeEngine();
  events = [];
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
      ears,
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
  pbx.offer({ channelId: CALLER });
  await settle();
  callId = manager.list()[0]!.id;
});

async function supervise(mode: 'listen' | 'whisper' | 'join' | 'takeover', text = ''): Promise<void> {
  await manager.supervise(callId, '6002', mode, text);
  if (pbx.people.live.has(pbx.people.last)) pbx.people.answer();
  await settle();
}

function outcome(): string {
  const end = events.find((event) => event.kind === 'callEnded');
  return end === undefined ? 'none' : `${end.outcome.result}/${end.outcome.fault}`;
}

/** The caller and the agent are as they were before anybody came. */
function isUndisturbed(): void {
  expect(manager.get(callId)?.state).toBe('talking');
  expect(pbx.people.live.size).toBe(0);
  expect(pbx.people.listening.size).toBe(0);
  expect(pbx.people.overheard.size).toBe(0);
  expect(engine.sessions.size).toBe(1);
  expect(pbx.people.openBridges).toBe(0);
  expect(clock.pendingAlarms).toBe(1);
}

function nothingIsLeft(): void {
  expect(manager.list()).toEqual([]);
  expect(engine.sessions.size).toBe(0);
  expect(pbx.people.live.size).toBe(0);
  expect(pbx.people.listening.size).toBe(0);
  expect(pbx.openMediaChannels.size).toBe(0);
  expect(clock.pendingAlarms).toBe(1);
}

describe('a supervisor', () => {
  it('who listens is in a bridge of their own, and leaves nothing when they hang up', async () => {
    await supervise('listen');
    expect(pbx.people.dialled).toMatchObject([{ extension: '6002', context: 'phones' }]);
    expect([...pbx.people.listening.values()]).toEqual([pbx.people.last]);
    pbx.people.leave();
    await settle();
    isUndisturbed();
  });

  it('who joins is where caller and agent are', async () => {
    await supervise('join');
    expect(pbx.people.bridgeOf(pbx.people.last)).toBe(pbx.people.bridgeOf(CALLER));
    pbx.people.leave();
    await settle();
    isUndisturbed();
  });

  it('changes by key what they do, without being rung again', async () => {
    await supervise('listen');
    pbx.people.press('6');
    await settle();
    expect(pbx.people.bridgeOf(pbx.people.last)).toBe(pbx.people.bridgeOf(CALLER));
    expect(pbx.people.listening.size).toBe(0);
    pbx.people.press('4');
    await settle();
    expect(pbx.people.listening.size).toBe(1);
    pbx.people.press('5');
    await settle();
    expect(pbx.people.dialled).toHaveLength(1);
  });

  it('is not rung twice when asked for again', async () => {
    await supervise('listen');
    await supervise('join');
    expect(pbx.people.dialled).toHaveLength(1);
    expect(pbx.people.bridgeOf(pbx.people.last)).toBe(pbx.people.bridgeOf(CALLER));
  });

  it('who whispers gives words to the agent alone, with or without a phone', async () => {
    await manager.supervise(callId, null, 'whisper', 'Offer ten percent.');
    expect(pbx.people.dialled).toEqual([]);
    expect(engine.sent.at(-1)).toEqual({ kind: 'instruct', callId, text: 'Offer ten percent.' });
    await supervise('whisper', 'Be quick.');
    expect(pbx.people.listening.size).toBe(1);
  });

  describe('who whispers', () => {
    const ear = (): CallId | undefined =>
      [...engine.sessions.values()].find(({ agent }) => agent.startsWith(':ear:'))?.callId;
    const say = (text: string): void => {
      const turn = { who: 'caller', text, atMs: 0, heardMs: 1, interrupted: false } as const;
      engine.onMessage({ kind: 'turn', callId: ear()!, turn });
    };

    it('is understood with the ears of the agent, who alone is told', async () => {
      await supervise('whisper');
      expect(engine.sessions.get(ear()!)?.agent).toBe(':ear:receptionist');
      expect(pbx.people.overheard.size).toBe(1);
      say('Offer ten percent.');
      expect(engine.sent.at(-1)).toMatchObject({
        kind: 'instruct',
        callId,
        text: expect.stringContaining('the caller does not hear it: "Offer ten percent."') as unknown,
      });
      expect(manager.get(callId)?.turns).toEqual([]);
      pbx.people.leave();
      await settle();
      isUndisturbed();
    });

    it('is not listened to any more when they only listen, join or take over', async () => {
      await supervise('listen');
      expect(ear()).toBeUndefined();
      for (const [key, heard] of [
        ['5', true],
        ['4', false],
        ['5', true],
        ['6', false],
        ['5', true],
        ['9', false],
      ] as const) {
        pbx.people.press(key);
        await settle();
        expect(ear() !== undefined, key).toBe(heard);
        expect(pbx.people.overheard.size, key).toBe(heard ? 1 : 0);
      }
      expect(outcome()).toBe('transferred/none');
    });

    it('leaves nothing when the call ends', async () => {
      await supervise('whisper');
      pbx.onEvent({ kind: 'channelGone', channelId: CALLER, cause: 'normal' });
      await settle();
      expect(pbx.people.overheard.size).toBe(0);
      nothingIsLeft();
    });

    it('to an agent without ears is told so, and may write', async () => {
      ears.clear();
      await expect(manager.supervise(callId, '6002', 'whisper', '')).rejects.toThrow('send it as "text"');
      expect(pbx.people.dialled).toEqual([]);
      await supervise('whisper', 'Be quick.');
      pbx.people.press('5');
      await settle();
      expect(ear()).toBeUndefined();
      expect(pbx.people.listening.size).toBe(1);
    });
  });

  it('who takes over talks with the caller, the agent is gone, and the PBX carries both', async () => {
    await supervise('takeover');
    expect(pbx.people.hears(CALLER)).toBe('a person');
    expect(pbx.people.released).toHaveLength(1);
    expect(outcome()).toBe('transferred/none');
    expect(pbx.commands).not.toContain(`hangUp ${pbx.people.last}`);
    nothingIsLeft();
  });

  it('who takes over where the PBX cannot do without us is hung up with the caller', async () => {
    pbx.people.releases = 'kept';
    await supervise('takeover');
    expect(pbx.people.hears(CALLER)).toBe('a person');
    pbx.onEvent({ kind: 'channelGone', channelId: CALLER, cause: 'normal' });
    await settle();
    nothingIsLeft();
  });

  it('who cannot take over leaves the caller with the agent', async () => {
    pbx.failures.set('connect', new LinecardError('PBX_REFUSED', 'no'));
    await supervise('takeover');
    await settle();
    expect(engine.sent.filter(({ kind }) => kind === 'hold')).toMatchObject([{ held: 'held' }, { held: 'resumed' }]);
    expect(pbx.people.hears(CALLER)).toBe('media');
    isUndisturbed();
  });

  it('who does not pick up is let go', async () => {
    await manager.supervise(callId, '6002', 'listen', '');
    await clock.advanceAsync(29_000);
    expect(pbx.people.live.size).toBe(1);
    await clock.advanceAsync(1000);
    expect(pbx.people.live.size).toBe(0);
  });

  it('whose phone cannot be rung is told so', async () => {
    pbx.failures.set('dial', new LinecardError('PBX_REFUSED', 'no such extension'));
    await expect(manager.supervise(callId, '6002', 'listen', '')).rejects.toMatchObject({ code: 'PBX_REFUSED' });
    await settle();
    isUndisturbed();
  });

  it.each(['listen', 'join'] as const)('(%s) is hung up when the caller is gone', async (mode) => {
    await supervise(mode);
    pbx.onEvent({ kind: 'channelGone', channelId: CALLER, cause: 'normal' });
    await settle();
    nothingIsLeft();
  });

  it.each(['dial', 'listen', 'connect', 'release'] as const)(
    'leaves nothing when the caller hangs up in the middle of %s',
    async (command) => {
      pbx.during[command] = () => pbx.onEvent({ kind: 'channelGone', channelId: CALLER, cause: 'normal' });
      pbx.people.releases = 'kept';
      await supervise(command === 'listen' ? 'listen' : 'takeover');
      await settle();
      nothingIsLeft();
    },
  );

  it('is no number that costs money', async () => {
    const asked = manager.supervise(callId, '0019005551234', 'listen', '');
    await expect(asked).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(pbx.people.dialled).toEqual([]);
  });

  it('is one of five at most', async () => {
    for (const phone of ['1', '2', '3', '4', '5']) await manager.supervise(callId, phone, 'listen', '');
    await expect(manager.supervise(callId, '6', 'listen', '')).rejects.toMatchObject({ code: 'CALL_STATE' });
  });
});
