import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PbxEvent } from '../../../src/pbx/port.js';
import { FAKE_PASSWORD, FakeFreeSwitch } from '../../support/fake-freeswitch/fake-freeswitch.js';
import { goneEvents, mediaFor, offerOf, serve } from '../../support/pbx-contract.js';
import type { FakeFreeSwitchRig } from './fake-rig.js';
import { connected, makeFakeFreeSwitchRig, startAdapter } from './fake-rig.js';

const WAIT = { timeout: 5000, interval: 5 };

async function becomesUnready(pbx: { unready(): string | null }, sentence: RegExp): Promise<void> {
  await vi.waitFor(() => expect(pbx.unready()).toMatch(sentence), WAIT);
}

describe('an event socket that does not let us in', () => {
  let freeswitch: FakeFreeSwitch;
  beforeEach(async () => {
    freeswitch = new FakeFreeSwitch();
    await freeswitch.start();
  });
  afterEach(() => freeswitch.stop());

  it('with a wrong password: the sentence says which one to change', async () => {
    const { pbx, events } = startAdapter(freeswitch, { password: 'wrong' });
    await becomesUnready(pbx, /refuses the password: esl\.password must be that of event_socket\.conf\.xml/);
    expect(events).toEqual([]);
    await pbx.stop();
  });

  it('because of its ACL: the sentence says where to add this host', async () => {
    freeswitch.esl.faults.acl = 'refuses';
    const { pbx } = startAdapter(freeswitch);
    await becomesUnready(pbx, /add it to the list that apply-inbound-acl names in event_socket\.conf\.xml/);
    freeswitch.esl.faults.acl = 'lets in';
    await vi.waitFor(() => expect(pbx.unready()).toBeNull(), WAIT);
    await pbx.stop();
  });

  it('because it is away: it is tried again until it is there', async () => {
    const { port } = freeswitch.esl;
    await freeswitch.stop();
    const { pbx, events } = startAdapter(freeswitch, { port });
    await becomesUnready(pbx, /ECONNREFUSED/);
    freeswitch = new FakeFreeSwitch();
    await freeswitch.start(port);
    await connected(events);
    expect(pbx.unready()).toBeNull();
    await pbx.stop();
  });

  it('because it is something else', async () => {
    const { pbx } = startAdapter(freeswitch);
    await vi.waitFor(() => expect(pbx.unready()).toBeNull(), WAIT);
    freeswitch.esl.write('SSH-2.0-OpenSSH_9.2\n'.repeat(4000));
    await becomesUnready(pbx, /is esl\.port that of mod_event_socket/);
    await pbx.stop();
  });
});

describe('an event socket that misbehaves', () => {
  let rig: FakeFreeSwitchRig;
  beforeEach(async () => {
    rig = await makeFakeFreeSwitchRig();
  });
  afterEach(() => rig.stop());

  it.each(['bytes', 'merged'] as const)('writes %s: a call is served all the same', async (writes) => {
    rig.freeswitch.esl.faults.writes = writes;
    const { channelId } = await serve(rig);
    await rig.hangUpCaller(channelId);
    await vi.waitFor(() => expect(goneEvents(rig, channelId)).toHaveLength(1), WAIT);
  });

  it('does not answer a command: it rejects, and another connection is opened', async () => {
    const channelId = await rig.call('plain');
    await offerOf(rig, channelId);
    rig.freeswitch.esl.faults.deaf = /uuid_displace/;
    await expect(rig.pbx.hold(channelId, 'held')).rejects.toMatchObject({ code: 'PBX_TIMEOUT' });
    rig.freeswitch.esl.faults.deaf = null;
    await connected(rig.events, 2);
    await rig.pbx.hold(channelId, 'held');
  });

  it('sends replies nobody asked for, unknown events, events without names: calls go on', async () => {
    const { channelId } = await serve(rig);
    const event = (body: string): string => `Content-Length: ${body.length}\nContent-Type: text/event-json\n\n${body}`;
    rig.freeswitch.esl.write(
      event('{"Event-Name":"HEARTBEAT"}') + event('{}') + event('{"Unique-ID":7,"Event-Name":[]}'),
    );
    rig.freeswitch.esl.write('Content-Type: text/odd\n\nContent-Type: log/data\nContent-Length: 3\n\nabc');
    await rig.pressKey(channelId, '5');
    await vi.waitFor(() => expect(rig.events.at(-1)).toMatchObject({ kind: 'digitPressed', digit: '5' }), WAIT);
    expect(rig.pbx.unready()).toBeNull();
  });

  it('gives 20,000 replies in a chunk: the process lives', async () => {
    rig.freeswitch.esl.write('Content-Type: command/reply\nReply-Text: -ERR 100%\n\n'.repeat(20_000));
    await rig.call('plain');
    await vi.waitFor(() => expect(rig.events.some((event) => event.kind === 'callOffered')).toBe(true), WAIT);
  });

  it('is told nothing more than was meant, whatever a destination contains', async () => {
    const { channelId } = await serve(rig);
    const to = { context: 'default', extension: '7010\n\napi fsctl shutdown' };
    await rig.pbx.handBack(channelId, to).catch(() => undefined);
    await rig.pbx.sendDigits(channelId, '1\n\napi fsctl').catch(() => undefined);
    expect(rig.freeswitch.esl.commands.filter((command) => command.startsWith('api fsctl'))).toEqual([]);
  });
});

describe('an event socket that dies in the middle of', () => {
  let rig: FakeFreeSwitchRig;
  beforeEach(async () => {
    rig = await makeFakeFreeSwitchRig();
  });
  afterEach(() => rig.stop());

  type Step = readonly [
    what: string,
    cutAt: RegExp,
    run: (rig: FakeFreeSwitchRig, id: Parameters<typeof mediaFor>[1]) => Promise<unknown>,
  ];
  it.each<Step>([
    ['answering', /uuid_answer/, (r, id) => r.pbx.answer(id)],
    ['ringing', /uuid_ring_ready/, (r, id) => r.pbx.ring(id)],
    ['connecting the audio', /sendmsg/, (r, id) => r.pbx.openMedia(mediaFor(r, id))],
    ['holding', /uuid_displace/, (r, id) => r.pbx.hold(id, 'held')],
    ['looking the extension up', /xml_locate/, (r, id) => r.pbx.handBack(id, r.human)],
    ['handing back', /uuid_transfer/, (r, id) => r.pbx.handBack(id, r.human)],
    ['sending digits', /uuid_send_dtmf/, (r, id) => r.pbx.sendDigits(id, '1')],
    ['hanging up', /uuid_kill/, (r, id) => r.pbx.hangUp(id)],
    ['the snapshot', /show channels/, (r) => r.pbx.snapshot()],
  ])('%s: it is said, and once there is another the caller is ours as before', async (_what, cutAt, run) => {
    const channelId = await rig.call('plain');
    await offerOf(rig, channelId);
    rig.freeswitch.esl.faults.cutAt = cutAt;
    await expect(run(rig, channelId)).rejects.toMatchObject({ code: 'PBX_UNREACHABLE' });
    rig.freeswitch.esl.faults.cutAt = null;
    await connected(rig.events, 2);
    expect(kinds(rig.events)).toEqual(['connected', 'callOffered', 'disconnected', 'connected']);
    expect((await rig.pbx.snapshot()).channels.map((channel) => channel.channelId)).toEqual([channelId]);
    await rig.pbx.openMedia(mediaFor(rig, channelId));
    await rig.pbx.hangUp(channelId);
    await vi.waitFor(() => expect(goneEvents(rig, channelId)).toHaveLength(1), WAIT);
    expect(rig.pbx.trackedChannels).toBe(0);
  });

  it('handing back: the next process knows whose caller it is, too', async () => {
    const { channelId } = await serve(rig);
    rig.freeswitch.esl.faults.cutAt = /uuid_transfer/;
    await expect(rig.pbx.handBack(channelId, rig.human)).rejects.toMatchObject({ code: 'PBX_UNREACHABLE' });
    rig.freeswitch.esl.faults.cutAt = null;
    await connected(rig.events, 2);
    expect(rig.freeswitch.channels.get(channelId)?.variables.get('linecard_app')).toBe('linecard');
    rig.freeswitch.hold(channelId, 'held');
    await vi.waitFor(() => expect(rig.events.at(-1)).toMatchObject({ kind: 'holdChanged', held: 'held' }), WAIT);
    expect(goneEvents(rig, channelId)).toEqual([]);
  });

  it('a call: a caller who hangs up meanwhile is missed in the next snapshot', async () => {
    const { channelId } = await serve(rig);
    rig.freeswitch.esl.cut();
    rig.freeswitch.hangUp(channelId);
    await connected(rig.events, 2);
    expect((await rig.pbx.snapshot()).channels).toEqual([]);
    expect(goneEvents(rig, channelId)).toHaveLength(1);
    expect(rig.pbx.trackedChannels).toBe(0);
  });

  it('everything: the PBX is gone, and back with other calls', async () => {
    const { channelId } = await serve(rig);
    const { port } = rig.freeswitch.esl;
    await rig.freeswitch.stop();
    const next = new FakeFreeSwitch();
    next.socketPort = rig.pbx.socketPort;
    await next.start(port);
    await connected(rig.events, 2);
    expect((await rig.pbx.snapshot()).channels).toEqual([]);
    expect(goneEvents(rig, channelId)).toHaveLength(1);
    await offerOf({ ...rig }, next.call('7000'));
    await next.stop();
  });
});

it('a caller whom the dialplan takes on because its connection to us broke is gone for us', async () => {
  const rig = await makeFakeFreeSwitchRig();
  const { channelId } = await serve(rig);
  rig.freeswitch.breakLifeline(channelId);
  await vi.waitFor(() => expect(goneEvents(rig, channelId)).toHaveLength(1), WAIT);
  expect(await rig.whereIs(channelId)).toBe('default/7010');
  expect((await rig.pbx.snapshot()).channels).toEqual([]);
  await rig.stop();
});

it('a stopped adapter opens no further connection', async () => {
  const freeswitch = new FakeFreeSwitch();
  await freeswitch.start();
  const { pbx, events } = startAdapter(freeswitch, { password: FAKE_PASSWORD });
  await connected(events);
  await pbx.stop();
  await pbx.stop();
  await vi.waitFor(() => expect(freeswitch.esl.connections).toBe(0), WAIT);
  expect(kinds(events)).toEqual(['connected']);
  await freeswitch.stop();
});

function kinds(events: readonly PbxEvent[]): string[] {
  return events.map((event) => event.kind);
}
