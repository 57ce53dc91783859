import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ChannelId } from '../../src/core/ids.js';
import { newChannelId } from '../../src/core/ids.js';
import type { PbxEvent } from '../../src/pbx/port.js';
import { connected, makeFakeRig, type FakeRig } from './fake-rig.js';

// The event connection was cut for a second while Sales rang. Who picked up after that was hung up at once, as a channel that nobody
// knows, and the caller heard music to the end of the ring time.

const WAIT = { timeout: 5000, interval: 2 };
const CALLER = { name: 'Alice', number: '6001' };

let rig: FakeRig;
let person: ChannelId;

beforeEach(async () => {
  rig = await makeFakeRig();
  person = newChannelId();
  const callerChannelId = await rig.call('plain');
  const leg = {
    channelId: person,
    callerChannelId,
    caller: CALLER,
    ...rig.human,
    extension: 'rings',
    ringTimeMs: 20_000,
  };
  await rig.pbx.consult.dial(leg);
});
afterEach(() => rig.stop());

/** What control does at every connection, too. */
async function cut(meanwhile: () => void): Promise<void> {
  rig.ari.dropEvents();
  await vi.waitFor(() => expect(rig.events.at(-1)).toMatchObject({ kind: 'disconnected' }), WAIT);
  meanwhile();
  await connected(rig.events, 2);
  await rig.pbx.snapshot();
}

function toldOfPerson(): PbxEvent[] {
  return rig.events.filter((event) => 'channelId' in event && event.channelId === person);
}

test('somebody who rings when the connection is cut, and picks up when it is back, has answered', async () => {
  await cut(() => undefined);
  expect(toldOfPerson()).toEqual([]);
  rig.ari.pickUp(person);
  await vi.waitFor(() => expect(toldOfPerson()).toEqual([{ kind: 'legAnswered', channelId: person }]), WAIT);
  expect(rig.ari.channels.has(person)).toBe(true);
});

test('somebody who picked up while it was cut was hung up by the PBX: that is told at the first look, once', async () => {
  await cut(() => rig.ari.pickUp(person));
  await rig.pbx.snapshot();
  expect(toldOfPerson()).toEqual([{ kind: 'channelGone', channelId: person, cause: 'failed' }]);
});

test('somebody who was with us and left while it was cut is gone', async () => {
  rig.ari.pickUp(person);
  await vi.waitFor(() => expect(toldOfPerson()).toHaveLength(1), WAIT);
  await cut(() => rig.ari.hangUp(person));
  expect(toldOfPerson().slice(1)).toEqual([{ kind: 'channelGone', channelId: person, cause: 'failed' }]);
});

test('somebody for whom the PBX is only being asked is not missed', async () => {
  const late = newChannelId();
  const leg = {
    channelId: late,
    callerChannelId: null,
    caller: CALLER,
    ...rig.human,
    extension: 'rings',
    ringTimeMs: 20_000,
  };
  rig.ari.script(/^POST \/channels\/linecard-/, 'silence');
  const dialling = rig.pbx.consult.dial(leg);
  await rig.pbx.snapshot();
  expect(rig.events.filter((event) => 'channelId' in event && event.channelId === late)).toEqual([]);
  await rig.ari.stop();
  await expect(dialling).rejects.toMatchObject({ code: 'PBX_UNREACHABLE' });
});

test('whether it is the PBX of before is told with the connection', async () => {
  await cut(() => undefined);
  expect(rig.events.at(-1)).toEqual({ kind: 'connected', pbx: 'same' });
  await rig.ari.stop();
  await rig.ari.start();
  await connected(rig.events, 3);
  expect(rig.events.at(-1)).toEqual({ kind: 'connected', pbx: 'restarted' });
});

// `core restart now` hangs up every channel before it ends, and each call was told as one that its caller had ended.
test('a PBX that ends, and hangs everybody up before, has lost its calls', async () => {
  const caller = await rig.call('plain');
  await vi.waitFor(() => expect(rig.events.at(-1)).toMatchObject({ kind: 'callOffered' }), WAIT);
  rig.ari.emit({ type: 'ChannelHangupRequest', cause: 4, soft: true, channel: rig.ari.channels.get(caller) });
  const lost = { kind: 'channelGone', channelId: caller, cause: 'lost' };
  await vi.waitFor(() => expect(rig.events.at(-1)).toEqual(lost), WAIT);
});
