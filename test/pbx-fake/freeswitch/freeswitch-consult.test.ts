import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChannelId } from '../../../src/core/ids.js';
import { newBridgeId, newChannelId } from '../../../src/core/ids.js';
import type { OpenMedia, Parties } from '../../../src/pbx/port.js';
import { serve } from '../../support/pbx-contract.js';
import type { FakeFreeSwitchRig } from './fake-rig.js';
import { connected, makeFakeFreeSwitchRig } from './fake-rig.js';

const WAIT = { timeout: 5000, interval: 5 };

let rig: FakeFreeSwitchRig;
/** The caller's, of the last consultation. */
let opened: OpenMedia;
beforeEach(async () => {
  rig = await makeFakeFreeSwitchRig();
});
afterEach(() => rig.stop());

async function dial(callerChannelId: ChannelId, extension = '7010'): Promise<ChannelId> {
  const channelId = newChannelId();
  const caller = { name: `Bob',x=1}"\n`, number: '55 (1)\r\n' };
  await rig.pbx.consult.dial({
    channelId,
    callerChannelId,
    extension,
    context: 'default',
    caller,
    ringTimeMs: 5000,
  });
  return channelId;
}

async function consultation(): Promise<Parties> {
  const { channelId, media } = await serve(rig);
  opened = media;
  const personChannelId = await dial(channelId);
  await vi.waitFor(() => {
    if (!rig.events.some((event) => event.kind === 'legAnswered')) throw new Error('nobody answered');
  }, WAIT);
  return { bridgeId: newBridgeId(), callerChannelId: channelId, personChannelId };
}

/** The event socket dies at the command that `at` matches, and comes back. */
async function cutAt(at: RegExp, doing: () => Promise<unknown>): Promise<void> {
  rig.freeswitch.esl.faults.cutAt = at;
  await expect(doing()).rejects.toMatchObject({ code: 'PBX_UNREACHABLE' });
  rig.freeswitch.esl.faults.cutAt = null;
  await connected(rig.events, 2);
}

describe('what a caller brings', () => {
  it('adds nothing to the dial string', async () => {
    const { channelId } = await serve(rig);
    await dial(channelId);
    const [command] = rig.freeswitch.esl.commands.filter((each) => each.startsWith('bgapi originate'));
    expect(command).toContain("origination_caller_id_name='Bobx1',origination_caller_id_number=551,");
  });
});

describe('the event socket dies', () => {
  it('when a person is to be rung: nobody is', async () => {
    const { channelId } = await serve(rig);
    await cutAt(/^bgapi/, () => dial(channelId));
    expect((await rig.pbx.snapshot()).channels.map((channel) => channel.channelId)).toEqual([channelId]);
    expect(rig.pbx.consult.legIds).toEqual([]);
  });

  it.each([/linecard_person/, /transfer_after_bridge/, /uuid_bridge/])(
    'when caller and person are to be connected, at %s: it can be tried again',
    async (at) => {
      const parties = await consultation();
      await cutAt(at, () => rig.pbx.consult.connect(parties));
      await rig.pbx.snapshot();
      await rig.pbx.consult.connect(parties);
      expect(rig.events.filter((event) => event.kind === 'channelGone')).toEqual([]);
    },
  );

  it('when the two are to be released: they are still ours, and can be released later', async () => {
    const parties = await consultation();
    await rig.pbx.consult.connect(parties);
    await cutAt(/linecard_leg none/, () => rig.pbx.consult.release(parties));
    const { channels } = await rig.pbx.snapshot();
    expect(channels.map(({ channelId }) => channelId)).toEqual([parties.callerChannelId, parties.personChannelId]);
    expect(await rig.pbx.consult.release(parties)).toBe('released');
  });

  it('while the two talk, and the person hangs up meanwhile: it is told, and the caller gets other media', async () => {
    const parties = await consultation();
    await rig.pbx.consult.connect(parties);
    rig.freeswitch.esl.cut();
    rig.freeswitch.hangUp(parties.personChannelId);
    await connected(rig.events, 2);
    await rig.pbx.snapshot();
    expect(rig.events).toContainEqual({ kind: 'channelGone', channelId: parties.personChannelId, cause: 'failed' });
    await rig.pbx.mediaFormat(parties.callerChannelId);
    expect(rig.events.filter((event) => event.kind === 'channelGone')).toHaveLength(1);
  });
});

describe('a supervisor', () => {
  it('who listens is muted before they hear, since a key would let them be heard, and speaks when they join or take over', async () => {
    const { callerChannelId, personChannelId } = await consultation();
    const { channels, esl } = rig.freeswitch;
    const isMuted = (): boolean => channels.get(personChannelId)?.isMuted ?? false;
    const ids = { snoopChannelId: newChannelId(), bridgeId: newBridgeId() };
    for (const then of ['join', 'take over'] as const) {
      await rig.pbx.consult.listen({ callerChannelId, personChannelId, ...ids });
      expect(isMuted()).toBe(true);
      const steps = esl.commands.filter((command) => /uuid_audio|eavesdrop/.test(command)).slice(-2);
      expect(steps).toEqual([expect.stringContaining('mute 1'), expect.stringContaining(callerChannelId)]);
      if (then === 'take over') await rig.pbx.consult.connect({ ...ids, callerChannelId, personChannelId });
      else await rig.pbx.consult.join(personChannelId, opened.bridgeId);
      expect(isMuted()).toBe(false);
    }
  });

  it('is overheard by an ear that ends when they do, and that is told', async () => {
    const { personChannelId } = await consultation();
    const ear = newChannelId();
    await rig.pbx.consult.overhear({ personChannelId, snoopChannelId: ear });
    rig.freeswitch.hangUp(ear);
    await vi.waitFor(() => expect(rig.events.at(-1)).toMatchObject({ kind: 'channelGone', channelId: ear }), WAIT);
  });
});

it('a process that is gone left two who talk: the next leaves them to FreeSWITCH, which ends them together', async () => {
  const parties = await consultation();
  await rig.pbx.consult.connect(parties);
  await rig.pbx.stop();
  const next = await rig.another('the same');
  expect(await next.snapshot()).toEqual({ channels: [], bridges: [] });
  rig.freeswitch.hangUp(parties.personChannelId);
  await vi.waitFor(() => expect([...rig.freeswitch.channels.keys()]).toEqual([]), WAIT);
});

it('a person who hangs up in the moment of the release leaves no caller behind', async () => {
  const parties = await consultation();
  await rig.pbx.consult.connect(parties);
  rig.freeswitch.hangUp(parties.personChannelId);
  expect(await rig.pbx.consult.release(parties)).toBe('released');
  await vi.waitFor(() => expect([...rig.freeswitch.channels.keys()]).toEqual([]), WAIT);
  await vi.waitFor(() => expect(rig.pbx.trackedChannels).toBe(0), WAIT);
});
