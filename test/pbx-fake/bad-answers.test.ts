import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ChannelId } from '../../src/core/ids.js';
import { newBridgeId, newChannelId, newLegId } from '../../src/core/ids.js';
import type { OpenMedia, Pbx } from '../../src/pbx/port.js';
import { FakeClock } from '../support/fake-clock.js';
import type { Instead } from './fake-ari.js';
import type { FakeRig } from './fake-rig.js';
import { makeFakeRig } from './fake-rig.js';

// An ARI that fails in the middle of a call, at every request there is: the command says so, nothing is left behind, the other call goes on, and the same
// command works as soon as the PBX does.

const WAIT = { timeout: 5000, interval: 2 };

let clock: FakeClock;
let rig: FakeRig;

beforeEach(async () => {
  clock = new FakeClock();
  rig = await makeFakeRig(clock);
});
afterEach(() => rig.stop());

type Call = { readonly channelId: ChannelId; readonly media: OpenMedia };

type Command = (pbx: Pbx, call: Call) => Promise<unknown>;

const COMMANDS: readonly { readonly name: string; readonly request: RegExp; readonly run: Command }[] = [
  { name: 'ring', request: /^POST .*\/ring/, run: (pbx, { channelId }) => pbx.ring(channelId) },
  { name: 'answer', request: /^POST .*\/answer/, run: (pbx, { channelId }) => pbx.answer(channelId) },
  { name: 'hold', request: /^POST .*\/moh/, run: (pbx, { channelId }) => pbx.hold(channelId, 'held') },
  { name: 'resume', request: /^DELETE .*\/moh/, run: (pbx, { channelId }) => pbx.hold(channelId, 'resumed') },
  { name: 'digits', request: /^POST .*\/dtmf/, run: (pbx, { channelId }) => pbx.sendDigits(channelId, '1') },
  { name: 'hang up', request: /^DELETE \/channels/, run: (pbx, { channelId }) => pbx.hangUp(channelId) },
  { name: 'hand back', request: /^POST .*\/continue/, run: (pbx, { channelId }) => pbx.handBack(channelId, rig.human) },
  { name: 'snapshot, channels', request: /^GET \/channels$/, run: (pbx) => pbx.snapshot() },
  { name: 'snapshot, bridges', request: /^GET \/bridges$/, run: (pbx) => pbx.snapshot() },
];

const MEDIA_REQUESTS = [/^POST \/channels\/externalMedia/, /^POST \/bridges\/[^/]+$/, /^POST .*\/addChannel/];

const FAILURES: readonly { readonly instead: Instead; readonly code: string }[] = [
  { instead: { status: 500, body: '{"message":"Allocation failed"}' }, code: 'PBX_REFUSED' },
  { instead: { status: 503, body: '' }, code: 'PBX_UNREACHABLE' },
  { instead: { status: 422, body: '<html>' }, code: 'PBX_REFUSED' },
  { instead: 'cut', code: 'PBX_UNREACHABLE' },
  { instead: 'silence', code: 'PBX_TIMEOUT' },
];

function mediaFor(callerChannelId: ChannelId): OpenMedia {
  const { address } = rig;
  return { callerChannelId, mediaChannelId: newChannelId(), bridgeId: newBridgeId(), legId: newLegId(), address };
}

async function offer(): Promise<ChannelId> {
  const channelId = rig.ari.call() as ChannelId;
  await vi.waitFor(() => {
    expect(rig.events.some((event) => event.kind === 'callOffered' && event.offer.channelId === channelId)).toBe(true);
  }, WAIT);
  return channelId;
}

async function talking(): Promise<Call> {
  const channelId = await offer();
  const media = mediaFor(channelId);
  await rig.pbx.openMedia(media);
  await rig.pbx.answer(channelId);
  return { channelId, media };
}

/** Lets time limits pass while a command is under way, and no ping be late. */
async function settled<T>(work: Promise<T>): Promise<T> {
  const passing = setInterval(() => clock.advance(250), 5);
  try {
    return await work;
  } finally {
    clearInterval(passing);
  }
}

async function expectUntouched({ channelId, media }: Call): Promise<void> {
  expect([...(rig.ari.bridges.get(media.bridgeId)?.channels ?? [])].sort()).toEqual(
    [channelId, media.mediaChannelId].sort(),
  );
  await rig.pbx.hold(channelId, 'held');
  await rig.pbx.hold(channelId, 'resumed');
}

test.each(COMMANDS.flatMap((command) => FAILURES.map((failure) => ({ ...command, ...failure }))))(
  '$name, answered by $instead: $code, and it may be repeated',
  async ({ name, request, run, instead, code }) => {
    const other = await talking();
    const call = await talking();
    // What may be sent twice is, when its connection is cut; digits would be heard twice.
    rig.ari.script(request, instead, instead === 'cut' && name !== 'digits' ? 2 : 1);
    await expect(settled(run(rig.pbx, call))).rejects.toMatchObject({ code });
    await expectUntouched(other);
    await run(rig.pbx, call);
    expect(rig.pbx.unready()).toBeNull();
  },
);

test.each(MEDIA_REQUESTS.flatMap((request) => FAILURES.map((failure) => ({ request, ...failure }))))(
  'audio that cannot be connected ($request, $instead) is taken away as far as it was built, and the caller stays',
  async ({ request, instead, code }) => {
    const other = await talking();
    const channelId = await offer();
    // The wide format, and after a quick refusal the narrow one.
    rig.ari.script(request, instead, 2);
    const media = mediaFor(channelId);
    await expect(settled(rig.pbx.openMedia(media))).rejects.toMatchObject({ code });
    expect([...rig.ari.channels.keys()].sort()).toEqual(
      [channelId, other.channelId, other.media.mediaChannelId].sort(),
    );
    expect([...rig.ari.bridges.keys()]).toEqual([other.media.bridgeId]);
    await expectUntouched(other);
  },
);

test('a media channel that is made and never arrives is given up after three seconds', async () => {
  const channelId = await offer();
  rig.ari.mediaEvent = 'never';
  await expect(settled(rig.pbx.openMedia(mediaFor(channelId)))).rejects.toMatchObject({ code: 'PBX_TIMEOUT' });
  expect(rig.ari.bridges.size).toBe(0);
  expect(rig.pbx.trackedChannels).toBe(1);
});

test.each([...MEDIA_REQUESTS, /^POST .*\/answer/, /^POST .*\/ring/])(
  'a caller who hangs up before %s is CHANNEL_GONE, and nothing is left',
  async (request) => {
    const channelId = await offer();
    rig.ari.before(request, () => rig.ari.hangUp(channelId));
    const media = mediaFor(channelId);
    const serve = async (): Promise<void> => {
      await rig.pbx.ring(channelId);
      await rig.pbx.openMedia(media);
      await rig.pbx.answer(channelId);
    };
    await expect(settled(serve())).rejects.toMatchObject({ code: 'CHANNEL_GONE' });
    await rig.pbx.closeMedia(media);
    await vi.waitFor(async () => expect(await rig.leftovers()).toEqual([]), WAIT);
    await vi.waitFor(() => expect(rig.pbx.trackedChannels).toBe(0), WAIT);
  },
);

test.each(['{}', 'null', '17', '"text"', '', 'nonsense'])(
  'a list that is none (%j) is refused, not empty',
  async (body) => {
    const call = await talking();
    rig.ari.script(/^GET \/channels$/, { status: 200, body });
    await expect(rig.pbx.snapshot()).rejects.toMatchObject({ code: 'PBX_REFUSED' });
    rig.ari.script(/^GET \/bridges$/, { status: 200, body });
    await expect(rig.pbx.snapshot()).rejects.toMatchObject({ code: 'PBX_REFUSED' });
    await expectUntouched(call);
    expect(rig.events.filter(({ kind }) => kind === 'channelGone')).toEqual([]);
  },
);

test('what has no id in a list is passed over', async () => {
  await talking();
  rig.ari.script(/^GET \/channels$/, { status: 200, body: '[null, 17, "x", {}, {"id": 5}, {"id": ""}]' });
  rig.ari.script(/^GET \/bridges$/, {
    status: 200,
    body: '[null, {"channels": "x"}, {"id": "not-ours", "channels": 1}]',
  });
  const outcome = await rig.pbx.snapshot().catch((error: unknown) => error);
  if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'PBX_REFUSED' });
  else expect(outcome).toEqual({ channels: [], bridges: [] });
});
