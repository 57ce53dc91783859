import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LinecardError } from '../../src/core/errors.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { CALLERS_DIALPLAN, makeAsteriskRig } from '../support/asterisk-rig.js';
import { goneEvents, mediaFor, nothingLeft, offerOf, serve, testPbxContract } from '../support/pbx-contract.js';

const LEAK_CALLS = 1000;

let asterisk: TestAsterisk;
beforeAll(async () => {
  asterisk = await startAsterisk({ append: { 'extensions.conf': CALLERS_DIALPLAN } });
}, 300_000);
afterAll(() => asterisk.stop());

describe('Asterisk adapter on a real Asterisk', () => {
  testPbxContract(() => makeAsteriskRig(asterisk));

  test('a caller who hangs up at any moment of the set-up leaves nothing', async () => {
    const rig = await makeAsteriskRig(asterisk);
    let unanswered = 0;
    // Set-up takes 15 to 40 ms: these fall before, into and after each of its steps.
    for (let delayMs = 0; delayMs < 40; delayMs += 1) {
      const channelId = await rig.call('plain');
      await offerOf(rig, channelId);
      const media = mediaFor(rig, channelId);
      const hungUp = sleep(delayMs).then(() => rig.hangUpCaller(channelId));
      try {
        await Promise.all([rig.pbx.ring(channelId), rig.pbx.openMedia(media)]);
        await rig.pbx.answer(channelId);
      } catch (error) {
        expect(error).toBeInstanceOf(LinecardError);
        expect((error as LinecardError).code, `${delayMs} ms: ${String(error)}`).toBe('CHANNEL_GONE');
        unanswered += 1;
      }
      await hungUp;
      await rig.pbx.closeMedia(media);
      await nothingLeft(rig);
      // Asterisk may list a channel no more before it has told of its end.
      await expect.poll(() => goneEvents(rig, channelId)).toHaveLength(1);
    }
    expect(rig.pbx.trackedChannels).toBe(0);
    await expect.poll(() => rig.sink.openLegs).toBe(0);
    console.log(JSON.stringify({ name: 'hang-up-at-every-step', value: 40, unit: 'calls', unanswered }));
    await rig.stop();
  });

  test(`after ${LEAK_CALLS} calls nothing is left, in Asterisk or here`, async () => {
    const rig = await makeAsteriskRig(asterisk);
    const oneCall = async (): Promise<void> => {
      const { channelId, media } = await serve(rig);
      await rig.hangUpCaller(channelId);
      await rig.pbx.closeMedia(media);
    };
    for (let call = 0; call < 10; call += 1) await oneCall();
    await nothingLeft(rig);
    const before = countResources();
    const startedAtMs = performance.now();
    for (let call = 0; call < LEAK_CALLS; call += 10) await Promise.all(Array.from({ length: 10 }, oneCall));
    const tookMs = performance.now() - startedAtMs;
    await nothingLeft(rig);
    // Connections that are kept for the next request are closed after five idle seconds.
    await expect.poll(countResources, { timeout: 15_000 }).toBeLessThanOrEqual(before);
    expect(rig.pbx.trackedChannels).toBe(0);
    await expect.poll(() => rig.sink.openLegs).toBe(0);
    const report = { msPerCall: Math.round(tookMs / LEAK_CALLS), resources: [before, countResources()] };
    console.log(JSON.stringify({ name: 'pbx-leak', value: LEAK_CALLS, unit: 'calls', ...report }));
    await rig.stop();
  });

  test('Asterisk restarts: the adapter says so, comes back, and serves', async () => {
    const rig = await makeAsteriskRig(asterisk);
    await asterisk.stop();
    await expect.poll(() => rig.pbx.unready()).not.toBeNull();
    asterisk = await startAsterisk({ ...asterisk.config });
    await expect.poll(() => rig.pbx.unready(), { timeout: 15_000 }).toBeNull();
    expect(rig.events.map((event) => event.kind)).toEqual(['connected', 'disconnected', 'connected']);
    const { channelId, media } = await serve(rig);
    await rig.pbx.closeMedia(media);
    await rig.pbx.hangUp(channelId);
    await rig.stop();
  });
});

/** Sockets and timers of this process that keep it alive. */
function countResources(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name)).length;
}
