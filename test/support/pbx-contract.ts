import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { BridgeId, ChannelId } from '../../src/core/ids.js';
import { newBridgeId, newChannelId, newLegId } from '../../src/core/ids.js';
import type { MediaAddress } from '../../src/engine/port.js';
import type { CallOffer, OpenMedia, Pbx, PbxEvent } from '../../src/pbx/port.js';

/** A PBX, fake or real, with a hand on its other side. */
export type PbxRig = {
  readonly pbx: Pbx;
  readonly events: PbxEvent[];
  /** The drop-in dialplan answers before it hands over, or not. */
  readonly offers: 'answered' | 'ringing';
  /** Whether media comes by a channel and a bridge of their own, or from the caller's channel itself. */
  readonly bridges: 'used' | 'none';
  /** What a call of a process that is gone does: it waits for the next one, or the dialplan goes on to a human. */
  readonly orphans: 'wait' | 'go to the human';
  /** Somebody listens there for media, and where nobody does; null where a PBX cannot notice (datagrams). */
  readonly address: MediaAddress;
  readonly nowhere: MediaAddress | null;
  /** An extension of the dialplan where somebody answers. */
  readonly human: { readonly context: string; readonly extension: string };
  /** A caller dials `7000`; the hand-over names an extension of its own (`7009`) or not. Returns the channel's id. */
  readonly call: (handOver: 'named' | 'plain') => Promise<ChannelId>;
  readonly hangUpCaller: (channelId: ChannelId) => Promise<void>;
  readonly pressKey: (channelId: ChannelId, digit: string) => Promise<void>;
  /** `context/extension` of a channel, null when there is none. */
  readonly whereIs: (channelId: ChannelId) => Promise<string | null>;
  /** Ids of every channel and bridge the PBX has. */
  readonly leftovers: () => Promise<readonly string[]>;
  /** Another adapter on the same PBX, connected; `app` says for whom calls come there. */
  readonly another: (app: 'the same' | 'its own') => Promise<Pbx>;
  /** Stops the adapters and whatever the rig started; hangs up what is left. */
  readonly stop: () => Promise<void>;
};

const WAIT = { timeout: 10_000, interval: 5 };
const LISTED_COMMANDS = ['ring', 'answer', 'openMedia', 'handBack', 'hold', 'sendDigits'] as const;

/** What every adapter has to keep. Call it inside a `describe`. */
export function testPbxContract(makeRig: () => Promise<PbxRig>): void {
  let rig: PbxRig;
  beforeEach(async () => {
    rig = await makeRig();
  });
  afterEach(async () => {
    await rig.stop();
  });

  test('it says that it is connected, and is ready', () => {
    expect(rig.events).toEqual([{ kind: 'connected' }]);
    expect(rig.pbx.unready()).toBeNull();
  });

  test('a caller is offered once, with the dialled extension and where to hand the call back to', async () => {
    const channelId = await rig.call('plain');
    const offer = await offerOf(rig, channelId);
    expect(offer).toMatchObject({ extension: '7000', context: rig.human.context });
    expect(offer.answered).toBe(rig.offers === 'answered' ? 'yes' : 'no');
    expect(offer.caller.number).toBe('6001');
    await rig.pbx.ring(channelId);
    expect(rig.events.filter((event) => event.kind === 'callOffered')).toHaveLength(1);
  });

  test('an extension that the hand-over names goes before the dialled one', async () => {
    const channelId = await rig.call('named');
    expect((await offerOf(rig, channelId)).extension).toBe('7009');
    expect((await rig.pbx.snapshot()).channels).toMatchObject([{ channelId, extension: '7009', owner: 'pbx' }]);
  });

  test('a call is answered with media, and ends without anything left', async () => {
    const { channelId, media } = await serve(rig);
    const { channels, bridges } = await rig.pbx.snapshot();
    expect(channels.find((channel) => channel.channelId === channelId)).toMatchObject({ state: 'up', owner: 'pbx' });
    if (rig.bridges === 'used') {
      expect(new Set(bridges.find((bridge) => bridge.bridgeId === media.bridgeId)?.channels)).toEqual(
        new Set([channelId, media.mediaChannelId]),
      );
      const owner = channels.find((channel) => channel.channelId === media.mediaChannelId)?.owner;
      expect(owner).toBe('linecard');
    }
    await rig.pbx.hangUp(channelId);
    await rig.pbx.closeMedia(media);
    await nothingLeft(rig);
    await vi.waitFor(() => expect(goneEvents(rig, channelId)).toHaveLength(1), WAIT);
  });

  test('closing the media leaves the caller, who gets other media afterwards', async () => {
    const { channelId, media } = await serve(rig);
    await rig.pbx.closeMedia(media);
    await rig.pbx.closeMedia(media);
    const left = async (): Promise<object> => {
      const { channels, bridges } = await rig.pbx.snapshot();
      return { channels: channels.map((channel) => channel.channelId), bridges };
    };
    await expect.poll(left, WAIT).toEqual({ channels: [channelId], bridges: [] });
    const next = mediaFor(rig, channelId);
    await rig.pbx.openMedia(next);
    expect((await rig.pbx.snapshot()).bridges).toHaveLength(rig.bridges === 'used' ? 1 : 0);
    expect(goneEvents(rig, channelId)).toEqual([]);
  });

  test('a key is told once', async () => {
    const { channelId } = await serve(rig);
    await rig.pressKey(channelId, '5');
    await vi.waitFor(() => expect(digits(rig)).toBe('5'), WAIT);
    await rig.pressKey(channelId, '#');
    await vi.waitFor(() => expect(digits(rig)).toBe('5#'), WAIT);
  });

  test('hold, digits and resume are taken while the call goes on', async () => {
    const { channelId } = await serve(rig);
    await rig.pbx.hold(channelId, 'held');
    await rig.pbx.hold(channelId, 'resumed');
    await rig.pbx.sendDigits(channelId, '12#');
    expect(goneEvents(rig, channelId)).toEqual([]);
    await expect(rig.pbx.sendDigits(channelId, '1w2')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('a call that is handed back goes on at its extension, and no hang-up is told', async () => {
    const { channelId, media } = await serve(rig);
    await rig.pbx.handBack(channelId, rig.human);
    await rig.pbx.closeMedia(media);
    const place = `${rig.human.context}/${rig.human.extension}`;
    await vi.waitFor(async () => expect(await rig.whereIs(channelId)).toBe(place), WAIT);
    await expect.poll(() => rig.pbx.snapshot(), WAIT).toEqual({ channels: [], bridges: [] });
    await rig.hangUpCaller(channelId);
    await nothingLeft(rig);
    expect(goneEvents(rig, channelId)).toEqual([]);
  });

  test('a caller is not handed to an extension that does not exist', async () => {
    const { channelId } = await serve(rig);
    const to = { context: rig.human.context, extension: '4711' };
    await expect(rig.pbx.handBack(channelId, to)).rejects.toMatchObject({ code: 'PBX_REFUSED' });
    await rig.pbx.handBack(channelId, rig.human);
  });

  test('a caller who hangs up is told once, and hanging up again is no error', async () => {
    const { channelId, media } = await serve(rig);
    await rig.hangUpCaller(channelId);
    await vi.waitFor(() => expect(goneEvents(rig, channelId)).toHaveLength(1), WAIT);
    await rig.pbx.closeMedia(media);
    await rig.pbx.hangUp(channelId);
    await rig.pbx.hangUp(channelId, 'busy');
    await nothingLeft(rig);
    expect(goneEvents(rig, channelId)).toEqual([{ kind: 'channelGone', channelId, cause: 'normal' }]);
  });

  test.each(LISTED_COMMANDS)('%s for a caller who is gone is CHANNEL_GONE, and leaves nothing', async (command) => {
    const channelId = await rig.call('plain');
    await offerOf(rig, channelId);
    await rig.hangUpCaller(channelId);
    await vi.waitFor(async () => expect(await rig.whereIs(channelId)).toBeNull(), WAIT);
    await expect(runCommand(rig, command, channelId)).rejects.toMatchObject({ code: 'CHANNEL_GONE' });
    await nothingLeft(rig);
  });

  test('media to an address where nobody listens is refused, and the caller stays', async (context) => {
    const { nowhere } = rig;
    if (nowhere === null) return context.skip('a PBX that sends datagrams does not notice');
    const channelId = await rig.call('plain');
    await offerOf(rig, channelId);
    const request = { ...mediaFor(rig, channelId), address: nowhere };
    await expect(rig.pbx.openMedia(request)).rejects.toMatchObject({ code: 'PBX_REFUSED' });
    const { channels, bridges } = await rig.pbx.snapshot();
    expect(channels.map((channel) => channel.channelId)).toEqual([channelId]);
    expect(bridges).toEqual([]);
  });

  test('what a process that is gone left behind is found and taken away by the next', async () => {
    const { channelId, media } = await serve(rig);
    await rig.pbx.stop();
    const next = await rig.another('the same');
    if (rig.orphans === 'go to the human') {
      const place = `${rig.human.context}/${rig.human.extension}`;
      await vi.waitFor(async () => expect(await rig.whereIs(channelId)).toBe(place), WAIT);
      expect(await next.snapshot()).toEqual({ channels: [], bridges: [] });
      return;
    }
    const { channels, bridges } = await next.snapshot();
    if (rig.bridges === 'used') {
      expect(bridges).toMatchObject([{ bridgeId: media.bridgeId }]);
      expect(channels.find((channel) => channel.owner === 'linecard')?.channelId).toBe(media.mediaChannelId);
    }
    expect(channels.find((channel) => channel.owner === 'pbx')).toMatchObject({ channelId, extension: '7000' });
    await next.closeMedia(media);
    await next.openMedia(mediaFor(rig, channelId));
    await next.hangUp(channelId);
  });

  test('two Linecards on one PBX do not see each other’s calls', async () => {
    const { channelId, media } = await serve(rig);
    const other = await rig.another('its own');
    expect(await other.snapshot()).toEqual({ channels: [], bridges: [] });
    expect((await rig.pbx.snapshot()).channels.map((channel) => channel.channelId)).toContain(channelId);
    await rig.pbx.closeMedia(media);
    await rig.pbx.hangUp(channelId);
    await nothingLeft(rig);
  });
}

/** Serves one call up to the conversation. */
export async function serve(rig: PbxRig): Promise<{ readonly channelId: ChannelId; readonly media: OpenMedia }> {
  const channelId = await rig.call('plain');
  await offerOf(rig, channelId);
  const media = mediaFor(rig, channelId);
  if (rig.pbx.can.mediaBeforeAnswer === 'yes') {
    await Promise.all([rig.pbx.ring(channelId), rig.pbx.openMedia(media)]);
    await rig.pbx.answer(channelId);
  } else {
    await rig.pbx.answer(channelId);
    await rig.pbx.openMedia(media);
  }
  return { channelId, media };
}

/** Fresh ids for a caller's media. */
export function mediaFor(rig: PbxRig, callerChannelId: ChannelId): OpenMedia {
  const ids: { mediaChannelId: ChannelId; bridgeId: BridgeId } = {
    mediaChannelId: newChannelId(),
    bridgeId: newBridgeId(),
  };
  return { callerChannelId, legId: newLegId(), address: rig.address, ...ids };
}

export async function nothingLeft(rig: PbxRig): Promise<void> {
  await vi.waitFor(async () => expect(await rig.leftovers()).toEqual([]), WAIT);
}

export function goneEvents(rig: PbxRig, channelId: ChannelId): readonly PbxEvent[] {
  return rig.events.filter((event) => event.kind === 'channelGone' && event.channelId === channelId);
}

/** The offer of a channel, when it has come. */
export async function offerOf(rig: PbxRig, channelId: ChannelId): Promise<CallOffer> {
  return vi.waitFor(() => {
    for (const event of rig.events)
      if (event.kind === 'callOffered' && event.offer.channelId === channelId) return event.offer;
    throw new Error(`channel ${channelId} was not offered`);
  }, WAIT);
}

function runCommand(rig: PbxRig, command: (typeof LISTED_COMMANDS)[number], channelId: ChannelId): Promise<unknown> {
  switch (command) {
    case 'ring':
    case 'answer':
      return rig.pbx[command](channelId);
    case 'openMedia':
      return rig.pbx.openMedia(mediaFor(rig, channelId));
    case 'handBack':
      return rig.pbx.handBack(channelId, rig.human);
    case 'hold':
      return rig.pbx.hold(channelId, 'held');
    case 'sendDigits':
      return rig.pbx.sendDigits(channelId, '1');
  }
}

function digits(rig: PbxRig): string {
  return rig.events.map((event) => (event.kind === 'digitPressed' ? event.digit : '')).join('');
}
