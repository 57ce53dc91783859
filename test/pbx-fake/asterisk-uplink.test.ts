import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ChannelId } from '../../src/core/ids.js';
import { newBridgeId, newChannelId, newLegId } from '../../src/core/ids.js';
import type { OpenMedia, UplinkPbx } from '../../src/pbx/port.js';
import { FakeClock } from '../support/fake-clock.js';
import type { FakeRig } from './fake-rig.js';
import { makeFakeRig } from './fake-rig.js';

let rig: FakeRig;
let uplink: UplinkPbx;

beforeEach(async () => {
  rig = await makeFakeRig(new FakeClock());
  ({ uplink } = rig.pbx);
});
afterEach(() => rig.stop());

async function withMedia(): Promise<OpenMedia> {
  const callerChannelId = rig.ari.call() as ChannelId;
  const { address } = rig;
  const media = {
    callerChannelId,
    mediaChannelId: newChannelId(),
    bridgeId: newBridgeId(),
    legId: newLegId(),
    address,
  };
  await rig.pbx.openMedia(media);
  return media;
}

test('what the PBX got of a caller is told in packets and bytes; by an older one in packets alone', async () => {
  const { callerChannelId } = await withMedia();
  rig.ari.rtp = { rxcount: 50, rxoctetcount: 8000 };
  expect(await uplink.received(callerChannelId)).toEqual({ packets: 50, bytes: 8000 });
  rig.ari.rtp = { rxcount: 51 };
  expect(await uplink.received(callerChannelId)).toEqual({ packets: 51, bytes: null });
});

test('of a channel without RTP nothing is known', async () => {
  const { callerChannelId } = await withMedia();
  expect(await uplink.received(callerChannelId)).toBeNull();
  rig.ari.rtp = { something: 'else' };
  expect(await uplink.received(callerChannelId)).toBeNull();
});

test('a PBX that fails to tell is an error', async () => {
  const { callerChannelId } = await withMedia();
  rig.ari.script(/rtp_statistics/, { status: 503, body: '' });
  await expect(uplink.received(callerChannelId)).rejects.toMatchObject({ code: 'PBX_UNREACHABLE' });
});

test('a refresh brings the caller into the same bridge, and says when there is no caller any more', async () => {
  const { callerChannelId, mediaChannelId, bridgeId } = await withMedia();
  rig.ari.requests.length = 0;
  await uplink.refresh({ callerChannelId, mediaChannelId, bridgeId });
  expect(rig.ari.requests).toEqual([`POST /bridges/${bridgeId}/addChannel`]);
  rig.ari.hangUp(callerChannelId);
  await expect(uplink.refresh({ callerChannelId, mediaChannelId, bridgeId })).rejects.toMatchObject({
    code: 'CHANNEL_GONE',
  });
});
