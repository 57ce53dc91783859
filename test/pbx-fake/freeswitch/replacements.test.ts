import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChannelId } from '../../../src/core/ids.js';
import { goneEvents, serve } from '../../support/pbx-contract.js';
import type { FakeFreeSwitchRig } from './fake-rig.js';
import { makeFakeFreeSwitchRig } from './fake-rig.js';

const WAIT = { timeout: 5000, interval: 5 };
/** The phone's other call, as FreeSWITCH has it. */
const OTHER_CALL = '24a91646-177b-4296-8120-b83794933b69' as ChannelId;

let rig: FakeFreeSwitchRig;
beforeEach(async () => {
  rig = await makeFakeFreeSwitchRig();
});
afterEach(() => rig.stop());

/** The phone brings its two calls together: FreeSWITCH ends ours. */
function givesAway(channelId: ChannelId, referredTo: ChannelId | null): void {
  if (referredTo !== null) rig.freeswitch.channels.get(channelId)?.variables.set('refer_uuid', referredTo);
  rig.freeswitch.hangUp(channelId, 'ATTENDED_TRANSFER');
}

/** Whom it talked with on the other line is sent to the extension. */
function comes(talkedWith: ChannelId | null): ChannelId {
  const id = rig.freeswitch.call('7000');
  if (talkedWith !== null) rig.freeswitch.channels.get(id)?.variables.set('last_bridge_to', talkedWith);
  return id;
}

/** The phone pressed its key in the other call, which named ours. */
function namedByOtherCall(channelId: ChannelId): void {
  rig.freeswitch.esl.tell({
    'Event-Name': 'CHANNEL_HANGUP',
    'Unique-ID': OTHER_CALL,
    'Call-Direction': 'outbound',
    'Answer-State': 'hangup',
    variable_refer_uuid: channelId,
  });
}

async function nothingKept(): Promise<void> {
  for (const id of [...rig.freeswitch.channels.keys()]) rig.freeswitch.hangUp(id);
  rig.freeswitch.esl.tell({ 'Event-Name': 'CHANNEL_HANGUP_COMPLETE', 'Unique-ID': OTHER_CALL });
  await vi.waitFor(() => expect(rig.pbx.trackedChannels).toBe(0), WAIT);
}

describe("a caller's phone gives the call to its other line", () => {
  it.each(['ours', 'the other'])('by the key pressed in %s: whoever comes takes the place', async (pressed) => {
    const { channelId } = await serve(rig);
    givesAway(channelId, pressed === 'ours' ? OTHER_CALL : null);
    if (pressed === 'the other') namedByOtherCall(channelId);
    const other = comes(OTHER_CALL);
    await vi.waitFor(() => {
      expect(rig.events.at(-1)).toMatchObject({
        kind: 'callerReplaced',
        replacedChannelId: channelId,
        by: { channelId: other, answered: 'yes' },
      });
    }, WAIT);
    expect(goneEvents(rig, channelId)).toEqual([]);
    expect(rig.events.filter(({ kind }) => kind === 'callOffered')).toHaveLength(1);
    expect((await rig.pbx.snapshot()).channels).toMatchObject([{ channelId: other }]);
    await nothingKept();
  });

  it('and nobody comes: the caller is gone, which is told once', async () => {
    const { channelId } = await serve(rig);
    givesAway(channelId, OTHER_CALL);
    await vi.waitFor(() => expect(goneEvents(rig, channelId)).toHaveLength(1), WAIT);
    await nothingKept();
    expect(goneEvents(rig, channelId)).toHaveLength(1);
  });

  it.each([null, '1d6a8a8e-3a09-4a06-9a39-6f8a4e6f6c11' as ChannelId])(
    'and a stranger calls meanwhile, who talked with %s before: that is a call of its own',
    async (talkedWith) => {
      const { channelId } = await serve(rig);
      givesAway(channelId, OTHER_CALL);
      comes(talkedWith);
      await vi.waitFor(() => expect(rig.events.filter(({ kind }) => kind === 'callOffered')).toHaveLength(2), WAIT);
      await vi.waitFor(() => expect(goneEvents(rig, channelId)).toHaveLength(1), WAIT);
      await nothingKept();
    },
  );
});
