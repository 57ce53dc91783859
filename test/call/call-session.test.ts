import { beforeEach, describe, expect, it } from 'vitest';
import { CallManager } from '../../src/call/call-manager.js';
import type { MessageStore } from '../../src/call/port.js';
import { noSchedules } from '../support/schedules.js';
import { LinecardError } from '../../src/core/errors.js';
import type { CallEvent } from '../../src/core/events.js';
import type { BridgeId, CallId, ChannelId } from '../../src/core/ids.js';
import type { ControlRequest } from '../../src/engine/port.js';
import { silentLogger } from '../../src/core/logger.js';
import type { PbxCapabilities } from '../../src/pbx/port.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { FakeEngine, legReport } from '../support/fake-engine.js';
import { FakePbx } from '../support/fake-pbx.js';

let clock: FakeClock;
let pbx: FakePbx;
let engine: FakeEngine;
let events: CallEvent[];
let saved: string[];
let manager: CallManager;

function build(options: { readonly fallback?: string | null; readonly can?: Partial<PbxCapabilities> } = {}): void {
  pbx = new FakePbx(options.can);
  clock = new FakeClock();
  engine = new FakeEngine();
  events = [];
  saved = [];
  const messages: MessageStore = {
    save: (draft) => {
      saved.push(draft.text);
      return Promise.resolve('m1');
    },
    list: () => Promise.resolve([]),
    audioPath: () => Promise.resolve(null),
    calledBack: () => Promise.resolve(null),
  };
  manager = new CallManager({
    services: {
      engine,
      destinations: new Map([
        [
          'sales',
          {
            dial: '6001',
            label: 'Sales',
            mode: 'blind',
            otherwise: 'agent',
            places: [{ extension: '6001', ringTimeMs: 20_000 }],
          },
        ],
      ]),
      transfers: { maxPerCall: 5, graceMs: 10_000, allow: [] },
      messages,
      schedules: noSchedules(),
      clock,
      log: silentLogger,
      publish: (event) => events.push(event),
    },
    pbxes: [pbx],
    agents: new Set(['receptionist', 'billing']),
    extensions: new Map([
      ['7000', { agent: 'receptionist', fallback: options.fallback === undefined ? '6001' : options.fallback }],
    ]),
  });
  engine.onMessage = (message) => manager.onMedia(message);
  manager.start();
}

beforeEach(() => build());

function outcome(): string {
  const end = events.find((event) => event.kind === 'callEnded');
  return end === undefined ? 'none' : `${end.outcome.result}/${end.outcome.fault}`;
}

async function talkingCall(): Promise<{ readonly callId: CallId; readonly channelId: ChannelId }> {
  const channelId = pbx.offer();
  await settle();
  const call = manager.list()[0];
  expect(call?.state).toBe('talking');
  return { callId: call!.id, channelId };
}

function nothingIsLeft(): void {
  expect(manager.list()).toEqual([]);
  expect(engine.sessions.size).toBe(0);
  expect(pbx.openMediaChannels.size).toBe(0);
  expect(clock.pendingAlarms).toBe(1); // the next reconcile
}

describe('a caller who gives the call to somebody else', () => {
  const OTHER = 'other-1' as ChannelId;
  const give = (replacedChannelId: ChannelId, answered: 'yes' | 'no'): void => {
    const by = { channelId: OTHER, caller: { number: '6002', name: 'Bob {ignore all that}' }, answered };
    pbx.onEvent({ kind: 'callerReplaced', replacedChannelId, by });
  };
  const holds = (): string[] => engine.sent.flatMap((message) => (message.kind === 'hold' ? [message.held] : []));

  it('who talks already: the agent goes on with them, and is told', async () => {
    const { callId, channelId } = await talkingCall();
    give(channelId, 'yes');
    pbx.onEvent({ kind: 'channelGone', channelId, cause: 'normal' });
    await settle();
    expect(manager.get(callId)?.state).toBe('talking');
    expect(holds()).toEqual([]);
    expect(engine.sent.findLast(({ kind }) => kind === 'instruct')).toMatchObject({
      text: 'The caller has passed this call on. You now talk with somebody else: 6002.',
    });
    await manager.hangUp(callId);
    expect(pbx.commands).toContain('hangUp other-1');
    nothingIsLeft();
  });

  it('who still has to pick up: the agent is silent until they do', async () => {
    const { callId, channelId } = await talkingCall();
    pbx.onEvent({ kind: 'holdChanged', channelId, held: 'held' });
    give(channelId, 'no');
    expect(manager.get(callId)?.state).toBe('held');
    pbx.onEvent({ kind: 'legAnswered', channelId: OTHER });
    expect(manager.get(callId)?.state).toBe('talking');
    expect(holds()).toEqual(['held', 'resumed']);
    pbx.onEvent({ kind: 'digitPressed', channelId: OTHER, digit: '5' });
    expect(engine.sent.findLast(({ kind }) => kind === 'digit')).toMatchObject({ digit: '5' });
    pbx.onEvent({ kind: 'channelGone', channelId: OTHER, cause: 'normal' });
    await settle();
    expect(outcome()).toBe('completed/none');
    nothingIsLeft();
  });

  it('who never picks up: the call ends', async () => {
    const { channelId } = await talkingCall();
    give(channelId, 'no');
    pbx.onEvent({ kind: 'channelGone', channelId: OTHER, cause: 'busy' });
    await settle();
    expect(outcome()).toBe('completed/none');
    nothingIsLeft();
  });

  it('while on hold by an operator: they hear the music that the caller heard', async () => {
    const { callId, channelId } = await talkingCall();
    await manager.hold(callId);
    give(channelId, 'yes');
    await settle();
    expect(pbx.commands).toContain('hold other-1 held');
    await manager.resume(callId);
    expect(pbx.commands).toContain('hold other-1 resumed');
  });

  it('when the call is over: the channel is hung up', async () => {
    const { callId, channelId } = await talkingCall();
    await manager.hangUp(callId);
    give(channelId, 'no');
    await settle();
    expect(pbx.commands).toContain('hangUp other-1');
  });
});

describe('a call over a PBX', () => {
  it('rings, connects its audio, is answered, and only then the agent speaks', async () => {
    pbx.offer();
    await settle();
    expect(pbx.commands).toEqual(['start', 'ring caller-1', 'openMedia caller-1', 'answer caller-1']);
    expect(engine.kindsSent()).toEqual(['start']);
    expect(events.map((event) => event.kind)).toEqual(['callStarted', 'legConnected', 'stateChanged', 'callAnswered']);
  });

  it('is answered first where audio before the answer would kill the PBX', async () => {
    build({ can: { mediaBeforeAnswer: 'no' } });
    pbx.offer();
    await settle();
    expect(pbx.commands).toEqual(['start', 'answer caller-1', 'openMedia caller-1']);
  });

  it('ends when the caller hangs up, and leaves nothing', async () => {
    const { channelId } = await talkingCall();
    pbx.onEvent({ kind: 'channelGone', channelId, cause: 'normal' });
    await settle();
    expect(outcome()).toBe('completed/none');
    nothingIsLeft();
  });

  it('ends when the agent has said goodbye', async () => {
    const { callId } = await talkingCall();
    engine.onMessage({ kind: 'agentDone', callId, reason: 'goodbye' });
    await settle();
    expect(pbx.commands).toContain('hangUp caller-1');
    expect(outcome()).toBe('completed/none');
    nothingIsLeft();
  });

  it.each(['ring', 'openMedia', 'answer'] as const)(
    'leaves nothing when the caller hangs up during %s',
    async (step) => {
      pbx.during[step] = () =>
        pbx.onEvent({ kind: 'channelGone', channelId: 'caller-1' as ChannelId, cause: 'cancelled' });
      pbx.offer();
      await settle();
      expect(outcome()).toBe('abandoned/caller');
      nothingIsLeft();
    },
  );

  it.each(['ring', 'openMedia', 'answer'] as const)('goes to the fallback when the PBX fails at %s', async (step) => {
    pbx.failures.set(step, new LinecardError('PBX_REFUSED', 'the PBX answered 500'));
    pbx.offer();
    await settle();
    expect(pbx.commands).toContain('handBack caller-1 -> 6001@phones');
    expect(outcome()).toBe('failed/pbx');
    nothingIsLeft();
  });

  it('goes to the fallback when the PBX never connects the audio', async () => {
    engine.legs = 'stay away';
    pbx.offer();
    await clock.advanceAsync(2000);
    expect(pbx.commands).toContain('handBack caller-1 -> 6001@phones');
    expect(outcome()).toBe('failed/pbx');
    nothingIsLeft();
  });

  it('has its audio connected once more where a PBX says yes and sends nothing', async () => {
    build({ can: { mediaBeforeAnswer: 'no', transport: 'unicast' } });
    engine.legs = 'stay away';
    pbx.offer();
    await settle();
    engine.legs = 'connect';
    clock.advance(600);
    await settle();
    expect(manager.list()[0]?.state).toBe('talking');
    expect(pbx.commands.filter((command) => command.startsWith('openMedia'))).toHaveLength(2);
    await settle();
    expect(pbx.openMediaChannels.size).toBe(1);
  });

  it('goes to the fallback within two seconds when such a PBX never sends', async () => {
    build({ can: { mediaBeforeAnswer: 'no', transport: 'unicast' } });
    engine.legs = 'stay away';
    pbx.offer();
    for (let passedMs = 0; passedMs < 1200; passedMs += 600) {
      await settle();
      clock.advance(600);
    }
    await settle();
    expect(pbx.commands).toContain('handBack caller-1 -> 6001@phones');
    nothingIsLeft();
  });

  it('goes to the fallback when no thread can take it, without being answered', async () => {
    engine.refusals = ['full'];
    pbx.offer();
    await settle();
    expect(pbx.commands).toEqual(['start', 'handBack caller-1 -> 6001@phones']);
    nothingIsLeft();
  });

  it('goes to the fallback when the agent fails for good', async () => {
    const { callId } = await talkingCall();
    engine.onMessage({ kind: 'agentFailed', callId, code: 'AGENT_FAILED', message: 'the provider is gone' });
    await settle();
    expect(pbx.commands).toContain('handBack caller-1 -> 6001@phones');
    expect(outcome()).toBe('failed/provider');
    nothingIsLeft();
  });

  it('is hung up, and says so, when there is no fallback', async () => {
    build({ fallback: null });
    engine.openFailure = new LinecardError('MEDIA_FULL', 'no room');
    pbx.offer();
    await settle();
    expect(pbx.commands).toContain('hangUp caller-1');
    expect(outcome()).toBe('failed/config');
    nothingIsLeft();
  });

  it('to an extension nobody configured is hung up', async () => {
    pbx.offer({ extension: '7999' });
    await settle();
    expect(pbx.commands).toEqual(['start', 'hangUp caller-1']);
    nothingIsLeft();
  });

  it('gets new audio when the leg is lost, twice, then a person', async () => {
    const { callId } = await talkingCall();
    for (let i = 0; i < 2; i++) {
      engine.loseLeg(callId);
      await settle();
      expect(manager.get(callId)?.state).toBe('talking');
    }
    expect(pbx.openMediaChannels.size).toBe(1);
    expect(engine.kindsSent()).toEqual(['start', 'start', 'start']);
    engine.loseLeg(callId);
    await settle();
    expect(pbx.commands).toContain('handBack caller-1 -> 6001@phones');
    nothingIsLeft();
  });

  it('gets new audio each time, when a minute lies between', async () => {
    const { callId } = await talkingCall();
    for (let i = 0; i < 5; i++) {
      engine.loseLeg(callId);
      await settle();
      expect(manager.get(callId)?.state).toBe('talking');
      clock.stall(60_000);
    }
  });

  it('is heard again when the PBX did not hand on what it got, and everybody who watches is told', async () => {
    let packets = 0;
    const refreshed: unknown[] = [];
    pbx.uplink = {
      received: () => Promise.resolve({ packets: (packets += 50), bytes: packets * 160 }),
      refresh: (request) => {
        refreshed.push(request);
        return Promise.resolve();
      },
    };
    const { callId, channelId } = await talkingCall();
    const [media] = pbx.openMediaChannels.values();
    engine.onMessage({ kind: 'uplinkStopped', callId });
    await clock.advanceAsync(200);
    const { mediaChannelId, bridgeId } = media!;
    expect(refreshed).toMatchObject([{ callerChannelId: channelId, mediaChannelId, bridgeId }]);
    engine.onMessage({ kind: 'uplinkResumed', callId, missingMs: 420 });
    expect(events.at(-1)).toMatchObject({ kind: 'callerUnheard', missingMs: 420, cause: 'pbx', mended: 'yes' });
    // The end of the call is the end of the care.
    engine.onMessage({ kind: 'uplinkStopped', callId });
    await manager.hangUp(callId);
    await clock.advanceAsync(10_000);
    expect(refreshed).toHaveLength(1);
  });

  it('passes digits of the PBX on to the agent', async () => {
    const { channelId } = await talkingCall();
    pbx.onEvent({ kind: 'digitPressed', channelId, digit: '5' });
    expect(engine.sent.at(-1)).toMatchObject({ kind: 'digit', digit: '5' });
  });
});

describe('what the agent asks for', () => {
  it('a transfer gives the caller back to the dialplan and the call is over for us', async () => {
    const { callId } = await talkingCall();
    engine.onMessage({
      kind: 'request',
      callId,
      requestId: 1,
      request: { op: 'transfer', to: 'sales', mode: 'blind', summary: '' },
    });
    await settle();
    expect(pbx.commands).toContain('handBack caller-1 -> 6001@phones');
    expect(outcome()).toBe('transferred/none');
    nothingIsLeft();
  });

  it('a transfer to an unknown place is refused with the places that exist', async () => {
    const { callId } = await talkingCall();
    engine.onMessage({
      kind: 'request',
      callId,
      requestId: 7,
      request: { op: 'transfer', to: '+1900', mode: 'blind', summary: '' },
    });
    await settle();
    const answer = engine.sent.find((message) => message.kind === 'answer');
    expect(answer).toMatchObject({ requestId: 7, answer: { ok: false, code: 'DESTINATION_UNKNOWN' } });
    expect(answer?.answer).toHaveProperty('message', expect.stringContaining('sales, fallback'));
    expect(pbx.commands.some((command) => command.startsWith('handBack'))).toBe(false);
  });

  it('a transfer that the PBX refuses returns to the conversation', async () => {
    const { callId } = await talkingCall();
    pbx.failures.set('handBack', new LinecardError('PBX_REFUSED', 'no such extension'));
    engine.onMessage({
      kind: 'request',
      callId,
      requestId: 2,
      request: { op: 'transfer', to: 'sales', mode: 'blind', summary: '' },
    });
    await settle();
    expect(manager.get(callId)?.state).toBe('talking');
    expect(engine.sent.at(-1)).toMatchObject({ kind: 'answer', answer: { ok: false } });
  });

  it('a message is kept before the agent may say so', async () => {
    const { callId } = await talkingCall();
    const request = { op: 'saveMessage', from: 'Bob', text: 'call me', audio: new Int16Array(0) } as const;
    engine.onMessage({ kind: 'request', callId, requestId: 3, request });
    await settle();
    expect(saved).toEqual(['call me']);
    expect(engine.sent.at(-1)).toMatchObject({ kind: 'answer', requestId: 3, answer: { ok: true, value: 'm1' } });
  });

  // Callers who hung up instead of pressing a key lost their message.
  // The agent's wish to save it came when the call had ended, and was dropped.
  // Found while the attendant was tried by telephone.
  it('a message that comes when the caller has hung up is kept', async () => {
    const { callId, channelId } = await talkingCall();
    pbx.onEvent({ kind: 'channelGone', channelId, cause: 'normal' });
    const request = { op: 'saveMessage', from: 'Bob', text: 'call me', audio: new Int16Array(0) } as const;
    engine.onMessage({ kind: 'request', callId, requestId: 1, request });
    await manager.settled();
    expect(saved).toEqual(['call me']);
  });
});

describe('what an agent does besides speaking', () => {
  const ask = (callId: CallId, request: ControlRequest): Promise<void> => {
    engine.onMessage({ kind: 'request', callId, requestId: 1, request });
    return settle();
  };

  it('hold plays music and gives the caller back', async () => {
    const { callId } = await talkingCall();
    await ask(callId, { op: 'hold', held: 'held' });
    expect(pbx.commands).toContain('hold caller-1 held');
    expect(manager.get(callId)?.state).toBe('held');
    await ask(callId, { op: 'hold', held: 'resumed' });
    expect(pbx.commands).toContain('hold caller-1 resumed');
    expect(manager.get(callId)?.state).toBe('talking');
  });

  it('a caller on hold whose media is lost is taken from the music: the agent that would have done it is gone', async () => {
    const { callId } = await talkingCall();
    await ask(callId, { op: 'hold', held: 'held' });
    engine.loseLeg(callId);
    await settle();
    expect(pbx.commands).toContain('hold caller-1 resumed');
    expect(engine.kindsSent().at(-1)).toBe('start');
  });

  it('a limit that it reaches brings the caller to a person, and is in the record with what was spent', async () => {
    const { callId } = await talkingCall();
    const usage = { inputTokens: 9, outputTokens: 1, cost: 0.5 };
    engine.onMessage({ kind: 'usage', callId, usage });
    engine.onMessage({ kind: 'limitReached', callId, limit: 'cost' });
    await settle();
    expect(pbx.commands).toContain('handBack caller-1 -> 6001@phones');
    expect(outcome()).toBe('transferred/none');
    expect(events.find((event) => event.kind === 'callEnded')?.call.usage).toEqual(usage);
    expect(events.map(({ kind }) => kind)).toContain('limitReached');
  });

  // A leg that was lost every nine minutes gave its agent of ten minutes all day: the clock of the limit was the leg's.
  it('what it has talked already counts when its audio is opened again', async () => {
    const { callId } = await talkingCall();
    engine.loseLeg(callId, legReport({ talkedMs: 540_000 }));
    await settle();
    expect([...engine.sessions.values()][0]).toMatchObject({ callId, talkedMs: 540_000 });
  });

  it('notes and tools are in the call’s record', async () => {
    const { callId } = await talkingCall();
    await ask(callId, { op: 'note', text: 'has called twice' });
    const use = { tool: 'order_status', ok: true, tookMs: 12, input: '{"order":"1"}', result: '"sent"' };
    engine.onMessage({ kind: 'toolCalled', callId, ...use });
    expect(manager.get(callId)?.notes).toMatchObject([{ text: 'has called twice' }]);
    expect(manager.get(callId)?.toolCalls).toMatchObject([use]);
  });
});

describe('what the dialplan wants', () => {
  it('is told to the agent that it names', async () => {
    pbx.offer({ agent: 'billing', variables: { customer: '42' } });
    await settle();
    const [call] = manager.list();
    expect(call?.agent).toBe('billing');
    expect([...engine.sessions.values()][0]).toMatchObject({
      agent: 'billing',
      facts: { 'var.customer': '42', 'hours.state': 'open' },
    });
  });

  it('is an agent that does not exist: the extension’s own answers', async () => {
    pbx.offer({ agent: 'biling' });
    await settle();
    expect(manager.list()[0]?.agent).toBe('receptionist');
  });

  it('does not matter any more when the call was handed over and its audio is opened again', async () => {
    const { callId } = await talkingCall();
    engine.onMessage({ kind: 'agentChanged', callId, agent: 'billing' });
    engine.loseLeg(callId);
    await settle();
    expect([...engine.sessions.values()][0]).toMatchObject({ agent: 'billing' });
    expect(manager.get(callId)?.agent).toBe('billing');
  });
});

describe('hold', () => {
  it('of the phone silences the agent until the phone is back', async () => {
    const { callId, channelId } = await talkingCall();
    pbx.onEvent({ kind: 'holdChanged', channelId, held: 'held' });
    expect(manager.get(callId)?.state).toBe('held');
    expect(engine.sent.at(-1)).toMatchObject({ kind: 'hold', held: 'held' });
    pbx.onEvent({ kind: 'holdChanged', channelId, held: 'resumed' });
    expect(engine.sent.at(-1)).toMatchObject({ kind: 'hold', held: 'resumed' });
    expect(manager.get(callId)?.state).toBe('talking');
  });

  it('of phone and operator at once ends when both have resumed', async () => {
    const { callId, channelId } = await talkingCall();
    await manager.hold(callId);
    pbx.onEvent({ kind: 'holdChanged', channelId, held: 'held' });
    await manager.resume(callId);
    expect(manager.get(callId)?.state).toBe('held');
    pbx.onEvent({ kind: 'holdChanged', channelId, held: 'resumed' });
    expect(manager.get(callId)?.state).toBe('talking');
  });
});

describe('a call that the dialplan connected', () => {
  it('is handed to the human of the dialplan by a close that is not on purpose', async () => {
    const callId = engine.directCall();
    engine.onMessage({
      kind: 'request',
      callId,
      requestId: 1,
      request: { op: 'transfer', to: 'fallback', mode: 'blind', summary: '' },
    });
    await settle();
    expect(engine.sent).toContainEqual({ kind: 'close', callId, ending: 'handover' });
    expect(outcome()).toBe('transferred/none');
  });

  it('is closed on purpose when the agent said goodbye', async () => {
    const callId = engine.directCall();
    engine.onMessage({ kind: 'agentDone', callId, reason: 'goodbye' });
    await settle();
    expect(engine.sent).toContainEqual({ kind: 'close', callId, ending: 'completed' });
  });

  it('ends when its connection ends', async () => {
    const callId = engine.directCall();
    engine.loseLeg(callId);
    await settle();
    expect(outcome()).toBe('completed/none');
    expect(manager.list()).toEqual([]);
  });
});

describe('after a restart or a lost connection', () => {
  const channel = {
    channelId: 'caller-9' as ChannelId,
    state: 'up',
    caller: { number: '6002', name: '' },
    extension: '7000',
    context: 'phones',
    owner: 'pbx',
    createdAtMs: 0,
  } as const;

  it('a caller whom nobody serves is served again', async () => {
    pbx.present = { channels: [channel], bridges: [] };
    pbx.onEvent({ kind: 'connected' });
    await settle();
    expect(manager.list().map((call) => [call.caller.number, call.state])).toEqual([['6002', 'talking']]);
    expect(pbx.commands).not.toContain('answer caller-9');
  });

  it('bridges and media channels that belong to nobody are taken away, those of live calls stay', async () => {
    await talkingCall();
    const live = [...pbx.openMediaChannels.values()][0]!;
    const orphan = { ...channel, channelId: 'linecard-1' as ChannelId, owner: 'linecard', extension: null } as const;
    pbx.present = {
      channels: [{ ...channel, channelId: 'caller-1' as ChannelId }, orphan],
      bridges: [
        { bridgeId: live.bridgeId, channels: ['caller-1' as ChannelId, live.mediaChannelId] },
        { bridgeId: 'linecard-b' as BridgeId, channels: [orphan.channelId] },
      ],
    };
    pbx.onEvent({ kind: 'connected' });
    await settle();
    expect(pbx.commands).toContain('closeMedia linecard-b');
    expect(pbx.commands).toContain('hangUp linecard-1');
    expect(pbx.openMediaChannels.size).toBe(1);
  });

  // A busy PBX took its time with a call that ended, the look every 30 s fell into it, and the bridge was taken away twice.
  it('an empty bridge is taken away when it is still there at the next look', async () => {
    pbx.onEvent({ kind: 'connected' });
    await settle();
    pbx.present = { channels: [], bridges: [{ bridgeId: 'linecard-b' as BridgeId, channels: [] }] };
    await clock.advanceAsync(30_000);
    expect(pbx.commands).not.toContain('closeMedia linecard-b');
    await clock.advanceAsync(30_000);
    expect(pbx.commands).toContain('closeMedia linecard-b');
  });

  it('a call that the PBX no longer has is over', async () => {
    await talkingCall();
    pbx.onEvent({ kind: 'connected' });
    await settle();
    expect(outcome()).toBe('failed/pbx');
    nothingIsLeft();
  });
});

describe('a PBX that says whether it was restarted', () => {
  it('has lost the calls that it had when it was', async () => {
    await talkingCall();
    pbx.failures.set('snapshot', new LinecardError('PBX_TIMEOUT', 'busy with its start'));
    pbx.onEvent({ kind: 'connected', pbx: 'restarted' });
    await settle();
    expect(outcome()).toBe('failed/pbx');
    expect(manager.list()).toEqual([]);
  });

  it('has lost those that it ends itself', async () => {
    const { channelId } = await talkingCall();
    pbx.onEvent({ kind: 'channelGone', channelId, cause: 'lost' });
    await settle();
    expect(outcome()).toBe('failed/pbx');
    nothingIsLeft();
  });

  // An outcome "failed, fault of the PBX" would wake an admin for a caller who just hung up.
  it('has not: who is not there any more hung up meanwhile', async () => {
    await talkingCall();
    pbx.onEvent({ kind: 'connected', pbx: 'same' });
    await settle();
    expect(outcome()).toBe('completed/none');
    nothingIsLeft();
  });
});

describe('shutting down', () => {
  it('lets live calls end, then sends the rest to the fallback, and takes no new ones', async () => {
    await talkingCall();
    const drained = manager.drain(10_000);
    pbx.offer({ channelId: 'late' as ChannelId });
    await clock.advanceAsync(10_000);
    await drained;
    expect(pbx.commands).toContain('handBack late -> 6001@phones');
    expect(pbx.commands).toContain('handBack caller-1 -> 6001@phones');
    expect(manager.list()).toEqual([]);
  });
});
