import { expect, it } from 'vitest';
import { nothingLeft, serve } from '../../support/pbx-contract.js';
import type { FakeFreeSwitchRig } from './fake-rig.js';
import { makeFakeFreeSwitchRig } from './fake-rig.js';

const CALLS = 1000;

it(`after ${CALLS} calls nothing is left, at the switch or here`, { timeout: 60_000 }, async () => {
  const rig = await makeFakeFreeSwitchRig();
  for (let call = 0; call < 10; call += 1) await oneCall(rig);
  await nothingLeft(rig);
  const before = countSockets();
  for (let call = 0; call < CALLS; call += 10) {
    await Promise.all(Array.from({ length: 10 }, () => oneCall(rig)));
  }
  await nothingLeft(rig);
  await expect.poll(countSockets, { timeout: 5000 }).toBeLessThanOrEqual(before);
  await expect.poll(() => rig.pbx.trackedChannels).toBe(0);
  await rig.stop();
});

async function oneCall(rig: FakeFreeSwitchRig): Promise<void> {
  const { channelId, media } = await serve(rig);
  await rig.hangUpCaller(channelId);
  await rig.pbx.closeMedia(media);
}

/** Sockets of this process that keep it alive. */
function countSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCP|UDP/.test(name)).length;
}
