import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Caller } from '../../src/core/calls.js';
import type { ChannelId } from '../../src/core/ids.js';
import { newBridgeId, newChannelId } from '../../src/core/ids.js';
import type { Parties, PbxEvent } from '../../src/pbx/port.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { CALLERS_DIALPLAN, makeAsteriskRig, type AsteriskRig } from '../support/asterisk-rig.js';
import { testConsultContract } from '../support/consult-contract.js';
import { nothingLeft, serve } from '../support/pbx-contract.js';

/** People of the office, each with a way of their own to treat a call. */
const PEOPLE = `${CALLERS_DIALPLAN}
[callers](+)
exten => rings,1,Ringing()
 same => n,Wait(20)
exten => shows,1,Set(GLOBAL(SHOWN)=\${CALLERID(all)})
 same => n,Answer()
 same => n,Wait(600)
exten => busy,1,Busy(1)
exten => rejects,1,Hangup(21)
exten => nobody,1,Dial(PJSIP/6001,5)
 same => n,Hangup()
exten => full,1,Congestion(1)
exten => silent,1,Ringing()
 same => n,Wait(1)
 same => n,Hangup()
exten => presses,1,Answer()
 same => n,Wait(0.3)
 same => n,SendDTMF(1)
 same => n,Wait(600)
`;
const WAIT = { timeout: 10_000, interval: 10 };

let asterisk: TestAsterisk;
let rig: AsteriskRig;
beforeAll(async () => {
  asterisk = await startAsterisk({ append: { 'extensions.conf': PEOPLE } });
}, 300_000);
afterAll(() => asterisk.stop());
describe('what every PBX does for people', () => {
  testConsultContract(() => makeAsteriskRig(asterisk));
});

describe('what Asterisk does in its own way', () => {
  beforeEach(async () => {
    rig = await makeAsteriskRig(asterisk);
  });
  afterEach(() => rig.stop());

  async function dial(
    callerChannelId: ChannelId,
    extension: string,
    caller: Caller = { name: 'Alice Smith', number: '5551234' },
  ): Promise<ChannelId> {
    const channelId = newChannelId();
    await rig.pbx.consult.dial({
      channelId,
      callerChannelId,
      extension,
      context: 'callers',
      caller,
      ringTimeMs: 20_000,
    });
    return channelId;
  }

  async function told<Kind extends PbxEvent['kind']>(
    kind: Kind,
    channelId: ChannelId,
  ): Promise<Extract<PbxEvent, { readonly kind: Kind }>> {
    return vi.waitFor(() => {
      const found = rig.events.find(
        (event) => event.kind === kind && 'channelId' in event && event.channelId === channelId,
      );
      if (found === undefined) throw new Error(`${kind} of ${channelId} was not told: ${JSON.stringify(rig.events)}`);
      return found as Extract<PbxEvent, { readonly kind: Kind }>;
    }, WAIT);
  }

  /** A caller with media, music on, and a person who has answered. */
  async function consultation(): Promise<{
    readonly parties: Parties;
    readonly media: Awaited<ReturnType<typeof serve>>['media'];
  }> {
    const { channelId, media } = await serve(rig);
    await rig.pbx.hold(channelId, 'held');
    const personChannelId = await dial(channelId, 'human');
    await told('legAnswered', personChannelId);
    return { media, parties: { bridgeId: newBridgeId(), callerChannelId: channelId, personChannelId } };
  }

  test('a person who picks up is told of once, and their phone shows who calls', async () => {
    const { channelId, media } = await serve(rig);
    const person = await dial(channelId, 'shows', { name: 'Al"ice\r\n<Müller>', number: '+49 (30)/555;x=1' });
    await told('legAnswered', person);
    expect(await asterisk.cli('dialplan show globals')).toContain('SHOWN="AliceMüller" <+4930555x1>');
    await rig.pbx.hangUp(person);
    await told('channelGone', person);
    await rig.pbx.hangUp(channelId);
    await rig.pbx.closeMedia(media);
    await nothingLeft(rig);
    expect(rig.pbx.trackedChannels).toBe(0);
  });

  test('a PBX that is full is told as unreachable', async () => {
    const { channelId } = await serve(rig);
    const person = await dial(channelId, 'full');
    expect(await told('channelGone', person)).toMatchObject({ cause: 'unreachable' });
  });

  test('a phone that rings falls silent when the leg is hung up', async () => {
    const { channelId } = await serve(rig);
    const person = await dial(channelId, 'rings');
    await expect.poll(() => asterisk.cli('core show channels concise'), WAIT).toContain('!rings!');
    const startedAtMs = performance.now();
    await rig.pbx.hangUp(person);
    await told('channelGone', person);
    await expect.poll(() => asterisk.cli('core show channels concise'), WAIT).not.toContain('!rings!');
    console.log(
      JSON.stringify({ name: 'cancel-ringing', value: Math.round(performance.now() - startedAtMs), unit: 'ms' }),
    );
  });

  test('caller and person talk in a bridge of their own, and the caller can be taken back', async () => {
    const { parties, media } = await consultation();
    await rig.pbx.consult.connect(parties);
    const { bridges } = await rig.pbx.snapshot();
    const bridge = bridges.find(({ bridgeId }) => bridgeId === parties.bridgeId);
    expect(bridge?.holds).toBe('parties');
    expect(new Set(bridge?.channels)).toEqual(new Set([parties.callerChannelId, parties.personChannelId]));

    await rig.pbx.consult.takeBack(parties.callerChannelId, media.bridgeId);
    await rig.pbx.hangUp(parties.personChannelId);
    await rig.pbx.closeMedia({ mediaChannelId: null, bridgeId: parties.bridgeId });
    const after = await rig.pbx.snapshot();
    expect(after.bridges.map(({ bridgeId }) => bridgeId)).toEqual([media.bridgeId]);
    expect(new Set(after.bridges[0]?.channels)).toEqual(new Set([parties.callerChannelId, media.mediaChannelId]));
  });

  test('a PBX without the release context keeps the two with us', async () => {
    const { parties } = await consultation();
    await rig.pbx.consult.connect(parties);
    await asterisk.cli('dialplan remove context linecard-release');
    expect(await rig.pbx.consult.release(parties)).toBe('kept');
    await rig.pbx.hangUp(parties.personChannelId);
    expect(await told('channelGone', parties.personChannelId)).toMatchObject({ cause: 'normal' });
    await asterisk.cli('dialplan reload');
  });
});
