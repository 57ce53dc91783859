import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Caller } from '../../src/core/calls.js';
import type { ChannelId } from '../../src/core/ids.js';
import { newBridgeId, newChannelId } from '../../src/core/ids.js';
import type { ConsultPbx, OpenMedia, Parties, Pbx, PbxEvent } from '../../src/pbx/port.js';
import type { PbxRig } from './pbx-contract.js';
import { goneEvents, mediaFor, nothingLeft, serve } from './pbx-contract.js';

/**
 * A PBX that brings callers to people. Its dialplan has, in the context of `human`: `rings` for ever, `busy`, `rejects`, `nobody`
 * (a phone that is not registered), `silent` (rings for a second) and `presses` (answers, then key 1).
 */
export type ConsultRig = PbxRig & {
  /** FreeSWITCH cannot bridge a loopback channel that had unicast and music at once (a codec stays locked, 1.11); a phone's it can. */
  readonly music: 'any time' | 'phones only';
  readonly pbx: Pbx & { readonly consult: ConsultPbx; readonly trackedChannels: number };
};

/** Somebody whom a test rings. */
const ALICE: Caller = { name: 'Alice Smith', number: '5551234' };
const WAIT = { timeout: 10_000, interval: 5 };

/** What every adapter that brings callers to people has to keep. Call it inside a `describe`. */
export function testConsultContract(makeRig: () => Promise<ConsultRig>): void {
  let rig: ConsultRig;
  beforeEach(async () => {
    rig = await makeRig();
  });
  afterEach(async () => {
    await rig.stop();
  });

  async function dial(callerChannelId: ChannelId | null, extension = rig.human.extension): Promise<ChannelId> {
    const channelId = newChannelId();
    const { context } = rig.human;
    await rig.pbx.consult.dial({ channelId, callerChannelId, extension, context, caller: ALICE, ringTimeMs: 20_000 });
    return channelId;
  }

  function told<Kind extends PbxEvent['kind']>(
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
  async function consultation(): Promise<{ readonly parties: Parties; readonly media: OpenMedia }> {
    const { channelId, media } = await serve(rig);
    if (rig.music === 'any time') await rig.pbx.hold(channelId, 'held');
    const personChannelId = await dial(channelId);
    await told('legAnswered', personChannelId);
    return { media, parties: { bridgeId: newBridgeId(), callerChannelId: channelId, personChannelId } };
  }

  test('a person who picks up is told of once, and their end, too', async () => {
    const { channelId, media } = await serve(rig);
    const person = await dial(channelId);
    await told('legAnswered', person);
    const { channels } = await rig.pbx.snapshot();
    expect(channels.find((channel) => channel.channelId === person)).toMatchObject({ owner: 'linecard', state: 'up' });
    await rig.pbx.hangUp(person);
    await told('channelGone', person);
    await rig.pbx.hangUp(channelId);
    await rig.pbx.closeMedia(media);
    await nothingLeft(rig);
    const kinds = rig.events.filter((event) => 'channelId' in event && event.channelId === person);
    expect(kinds.map(({ kind }) => kind)).toEqual(['legAnswered', 'channelGone']);
    await expect.poll(() => rig.pbx.trackedChannels, WAIT).toBe(0);
  });

  test.each([
    ['busy', 'busy'],
    ['rejects', 'declined'],
    ['nobody', 'unreachable'],
    ['silent', 'noAnswer'],
  ] as const)('why somebody who "%s" did not answer is told: %s', async (extension, cause) => {
    const { channelId } = await serve(rig);
    const person = await dial(channelId, extension);
    expect(await told('channelGone', person)).toMatchObject({ cause });
    expect(rig.events.filter((event) => 'channelId' in event && event.channelId === person)).toHaveLength(1);
  });

  test('an extension that does not exist is refused at once, and one that would be more than an extension', async () => {
    const { channelId } = await serve(rig);
    await expect(dial(channelId, 'nowhere')).rejects.toMatchObject({ code: 'PBX_REFUSED' });
    await expect(dial(channelId, '6001@other')).rejects.toMatchObject({ code: 'PBX_UNSUPPORTED' });
  });

  test('who rings is silent when the leg is hung up', async () => {
    const { channelId, media } = await serve(rig);
    const person = await dial(channelId, 'rings');
    await rig.pbx.hangUp(person);
    await told('channelGone', person);
    await rig.pbx.hangUp(channelId);
    await rig.pbx.closeMedia(media);
    await nothingLeft(rig);
  });

  test('digits of the person come from their own channel', async () => {
    const { channelId } = await serve(rig);
    const person = await dial(channelId, 'presses');
    expect(await told('digitPressed', person)).toMatchObject({ digit: '1' });
  });

  test('somebody is rung for a caller who is not on this PBX', async () => {
    const person = await dial(null);
    await told('legAnswered', person);
    const media = mediaFor(rig, person);
    await rig.pbx.mediaFormat(person);
    await rig.pbx.openMedia(media);
    await rig.pbx.closeMedia(media);
    await rig.pbx.hangUp(person);
    await nothingLeft(rig);
  });

  test('the caller can be taken back from a person', async () => {
    const { parties, media } = await consultation();
    await rig.pbx.consult.connect(parties);
    await rig.pbx.consult.takeBack(parties.callerChannelId, media.bridgeId);
    await rig.pbx.hangUp(parties.personChannelId);
    await told('channelGone', parties.personChannelId);
    await rig.pbx.closeMedia({ mediaChannelId: null, bridgeId: parties.bridgeId });
    expect(goneEvents(rig, parties.callerChannelId)).toEqual([]);
    const { channels } = await rig.pbx.snapshot();
    expect(channels.map(({ channelId }) => channelId)).toContain(parties.callerChannelId);
    await rig.pbx.sendDigits(parties.callerChannelId, '1');
  });

  test('a person hangs up: the caller is still ours, and gets other media', async () => {
    const { parties, media } = await consultation();
    await rig.pbx.consult.connect(parties);
    await rig.pbx.hangUp(parties.personChannelId);
    await told('channelGone', parties.personChannelId);
    await rig.pbx.closeMedia(media);
    await rig.pbx.closeMedia({ mediaChannelId: null, bridgeId: parties.bridgeId });
    await rig.pbx.mediaFormat(parties.callerChannelId);
    await rig.pbx.openMedia(mediaFor(rig, parties.callerChannelId));
    expect(goneEvents(rig, parties.callerChannelId)).toEqual([]);
    await rig.pbx.hangUp(parties.callerChannelId);
    await told('channelGone', parties.callerChannelId);
  });

  test('a person who is gone before the two are connected leaves the caller with us', async () => {
    const { parties } = await consultation();
    await rig.pbx.hangUp(parties.personChannelId);
    await told('channelGone', parties.personChannelId);
    await expect(rig.pbx.consult.connect(parties)).rejects.toThrow();
    await rig.pbx.closeMedia({ mediaChannelId: null, bridgeId: parties.bridgeId });
    expect(goneEvents(rig, parties.callerChannelId)).toEqual([]);
    await rig.pbx.hold(parties.callerChannelId, 'resumed');
  });

  test.each(['the caller', 'the person'])(
    'two who were released are none of ours, and end together: %s',
    async (who) => {
      const { parties, media } = await consultation();
      await rig.pbx.consult.connect(parties);
      expect(await rig.pbx.consult.release(parties)).toBe('released');
      await rig.pbx.closeMedia(media);
      await rig.pbx.closeMedia({ mediaChannelId: null, bridgeId: parties.bridgeId });
      // A reconcile run finds nothing that it would hang up; a channel leaves us some milliseconds after it was told to.
      await expect.poll(() => rig.pbx.snapshot(), WAIT).toEqual({ channels: [], bridges: [] });
      if (who === 'the caller') await rig.hangUpCaller(parties.callerChannelId);
      else await rig.pbx.hangUp(parties.personChannelId);
      await nothingLeft(rig);
      for (const channelId of [parties.callerChannelId, parties.personChannelId]) {
        expect(goneEvents(rig, channelId)).toEqual([]);
      }
      await expect.poll(() => rig.pbx.trackedChannels, WAIT).toBe(0);
    },
  );

  test('a supervisor listens, joins and leaves, and the caller notices nothing', async (context) => {
    if (rig.music === 'phones only') return context.skip('what taps a loopback channel may lock it, as music does');
    const { channelId, media } = await serve(rig);
    const personChannelId = await dial(channelId);
    await told('legAnswered', personChannelId);
    const listening = { snoopChannelId: newChannelId(), bridgeId: newBridgeId() };
    await rig.pbx.consult.listen({ callerChannelId: channelId, personChannelId, ...listening });
    await rig.pbx.consult.join(personChannelId, media.bridgeId);
    await rig.pbx.closeMedia({ mediaChannelId: listening.snoopChannelId, bridgeId: listening.bridgeId });
    await rig.pbx.hangUp(personChannelId);
    await told('channelGone', personChannelId);
    expect(goneEvents(rig, channelId)).toEqual([]);
    await rig.pbx.hangUp(channelId);
    await rig.pbx.closeMedia(media);
    await nothingLeft(rig);
  });

  test('a supervisor is overheard by an ear of its own, which is nobody else', async () => {
    const { channelId, media } = await serve(rig);
    const personChannelId = await dial(channelId);
    await told('legAnswered', personChannelId);
    const ear = newChannelId();
    const { overhear } = rig.pbx.consult;
    await overhear?.call(rig.pbx.consult, { personChannelId, snoopChannelId: ear });
    const earMedia = mediaFor(rig, ear);
    await rig.pbx.mediaFormat(ear);
    await rig.pbx.openMedia(earMedia);
    await rig.pbx.closeMedia(earMedia);
    await rig.pbx.hangUp(ear);
    expect(goneEvents(rig, personChannelId)).toEqual([]);
    expect(rig.events.filter((event) => event.kind === 'callOffered')).toHaveLength(1);
    await rig.pbx.hangUp(personChannelId);
    await rig.pbx.hangUp(channelId);
    await rig.pbx.closeMedia(media);
    await nothingLeft(rig);
    await expect.poll(() => rig.pbx.trackedChannels, WAIT).toBe(0);
  });

  test('a person whom a process that is gone had rung is found by the next', async () => {
    const { channelId } = await serve(rig);
    const person = await dial(channelId);
    await told('legAnswered', person);
    await rig.pbx.stop();
    const next = await rig.another('the same');
    // A PBX may write its list behind the events.
    await expect
      .poll(async () => (await next.snapshot()).channels.find((channel) => channel.channelId === person), WAIT)
      .toMatchObject({ owner: 'linecard' });
    await next.hangUp(person);
  });
}
