import { describe, expect, it } from 'vitest';
import { newLegId } from '../../../src/core/ids.js';
import { WebRtcDoor } from '../../../src/transports/webrtc/door.js';
import type { WebRtcLeg } from '../../../src/transports/webrtc/leg.js';
import type { Peer, PeerEvents } from '../../../src/transports/webrtc/peer.js';
import { FRAME_SILENCE, NOTHING_KNOWN } from '../../../src/media/leg.js';
import type { LegCloseReason } from '../../../src/media/leg.js';
import { FakeClock } from '../../support/fake-clock.js';
import { silentLogger } from '../../../src/core/logger.js';

class FakePeer implements Peer {
  readonly network = NOTHING_KNOWN;
  readonly events: PeerEvents;
  readonly reachedAt: string;
  readonly texts: string[] = [];
  readonly sent: { sequenceNumber: number; timestamp: number; marker: boolean }[] = [];
  answers: string | Error = 'answer';
  closed = 0;

  constructor(reachedAt: string, events: PeerEvents) {
    this.reachedAt = reachedAt;
    this.events = events;
  }

  answer(): Promise<string> {
    return typeof this.answers === 'string' ? Promise.resolve(this.answers) : Promise.reject(this.answers);
  }

  fragment(sdp: string): Promise<string | null> {
    return Promise.resolve(sdp === 'restart' ? 'fragment' : null);
  }

  sendAudio(_payload: Uint8Array, info: { sequenceNumber: number; timestamp: number; marker: boolean }): void {
    this.sent.push(info);
  }

  sendText(text: string): void {
    this.texts.push(text);
  }

  close(): void {
    this.closed += 1;
  }
}

function setUp(options: { maxLegs?: number; answers?: string | Error; packetBytes?: () => number } = {}) {
  const clock = new FakeClock();
  const peers: FakePeer[] = [];
  const legs: WebRtcLeg[] = [];
  const timeouts: string[] = [];
  const inserted: number[] = [];
  let uplinksClosed = 0;
  let lossPercent = 0;
  const door = new WebRtcDoor({
    openPeer: ({ reachedAt, events }) => {
      const peer = new FakePeer(reachedAt, events);
      if (options.answers !== undefined) peer.answers = options.answers;
      peers.push(peer);
      return peer;
    },
    openUplink: () =>
      Promise.resolve({
        insert: (info) => inserted.push(info.sequenceNumber),
        pull: () => FRAME_SILENCE,
        depthMs: 0,
        skewPpm: 0,
        describe: () => [],
        close: () => (uplinksClosed += 1),
      }),
    openEncoder: () => ({
      encode: () => new Uint8Array(options.packetBytes?.() ?? 40),
      setExpectedLossPercent: (percent) => (lossPercent = percent),
      close: () => undefined,
    }),
    prepare: () => Promise.resolve(),
    maxLegs: options.maxLegs ?? 10,
    clock,
    log: silentLogger,
    onLeg: (leg) => legs.push(leg),
  });
  const expectLeg = () => {
    const legId = newLegId();
    door.expect(legId, { timeLimitMs: 15_000, onTimeout: () => timeouts.push(legId) });
    return legId;
  };
  const connect = async () => {
    const legId = expectLeg();
    await door.offer(legId, 'offer', '127.0.0.1');
    const peer = peers.at(-1) as FakePeer;
    peer.events.connected();
    const leg = legs.at(-1) as WebRtcLeg;
    const closings: [LegCloseReason, string][] = [];
    const digits: string[] = [];
    leg.listener = {
      digit: (digit) => digits.push(digit),
      closed: (reason, detail) => closings.push([reason, detail]),
    };
    return { legId, peer, leg, closings, digits };
  };
  const state = { uplinksClosed: () => uplinksClosed, lossPercent: () => lossPercent };
  return { clock, door, peers, legs, timeouts, inserted, expectLeg, connect, ...state };
}

describe('the door', () => {
  it('answers an offer and lets the leg in when it is connected', async () => {
    const { door, peers, legs, timeouts, clock, expectLeg } = setUp();
    const legId = expectLeg();
    await expect(door.offer(legId, 'offer', '192.0.2.2')).resolves.toBe('answer');
    expect(peers[0]?.reachedAt).toBe('192.0.2.2');
    expect(legs).toHaveLength(0);
    peers[0]?.events.connected();
    expect(legs.map(({ id }) => id)).toEqual([legId]);
    clock.advance(60_000);
    expect(timeouts).toEqual([]);
    expect(clock.pendingAlarms).toBe(0);
  });

  it('keeps packets that come before the connection counts as made', async () => {
    const { door, peers, inserted, expectLeg } = setUp();
    await door.offer(expectLeg(), 'offer', '127.0.0.1');
    peers[0]?.events.packet(
      { ssrc: 1, payloadType: 111, sequenceNumber: 5, timestamp: 0, marker: false },
      new Uint8Array(9),
    );
    expect(inserted).toEqual([5]);
  });

  it('refuses an offer that nobody announced, and a second one', async () => {
    const { door, expectLeg } = setUp();
    await expect(door.offer(newLegId(), 'offer', '127.0.0.1')).rejects.toMatchObject({ code: 'CALL_UNKNOWN' });
    const legId = expectLeg();
    await door.offer(legId, 'offer', '127.0.0.1');
    await expect(door.offer(legId, 'offer', '127.0.0.1')).rejects.toMatchObject({ code: 'CALL_STATE' });
  });

  it('gives up a browser that does not connect, once', async () => {
    const { door, peers, timeouts, clock, expectLeg, uplinksClosed } = setUp();
    const legId = expectLeg();
    await door.offer(legId, 'offer', '127.0.0.1');
    clock.advance(15_000);
    expect(timeouts).toEqual([legId]);
    expect(peers[0]?.closed).toBe(1);
    expect(uplinksClosed()).toBe(1);
    expect(door.visitorCount).toBe(0);
  });

  it('says at once that no way to the browser was found', async () => {
    const { door, peers, timeouts, clock, expectLeg } = setUp();
    const legId = expectLeg();
    await door.offer(legId, 'offer', '127.0.0.1');
    peers[0]?.events.closed('timeout', 'no way to the browser was found');
    expect(timeouts).toEqual([legId]);
    expect(clock.pendingAlarms).toBe(0);
  });

  it('leaves nothing of an offer that was refused', async () => {
    const { door, peers, timeouts, clock, expectLeg } = setUp({ answers: new Error('what is this?') });
    await expect(door.offer(expectLeg(), 'offer', '127.0.0.1')).rejects.toThrow('what is this?');
    expect(peers[0]?.closed).toBe(1);
    expect(door.visitorCount).toBe(0);
    expect(timeouts).toEqual([]);
    expect(clock.pendingAlarms).toBe(0);
  });

  it('has room for so many', () => {
    const { expectLeg } = setUp({ maxLegs: 2 });
    expectLeg();
    expectLeg();
    expect(() => expectLeg()).toThrow('2 browser calls');
  });

  it('closes everything when it stops', async () => {
    const { door, expectLeg, connect, clock } = setUp();
    const { closings, peer } = await connect();
    expectLeg();
    await door.stop();
    expect(closings).toEqual([['local', 'closed by Linecard']]);
    expect(peer.closed).toBe(1);
    expect(clock.pendingAlarms).toBe(0);
  });
});

describe('a browser leg', () => {
  it('counts every frame and sends nothing but a sign of life while there is silence', async () => {
    let bytes = 40;
    const { connect } = setUp({ packetBytes: () => bytes });
    const { leg, peer } = await connect();
    const speech = new Int16Array(320).fill(1000);
    const silence = new Int16Array(320);
    leg.push(speech);
    bytes = 1;
    for (let i = 0; i < 50; i++) leg.push(silence);
    bytes = 40;
    leg.push(speech);
    leg.push(speech);
    expect(leg.counters.framesOut).toBe(53);
    expect(peer.sent.map(({ timestamp }) => timestamp / 960)).toEqual([0, 1, 21, 41, 51, 52]);
    expect(peer.sent.map(({ sequenceNumber }) => sequenceNumber)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(peer.sent.map(({ marker }) => marker)).toEqual([false, false, false, false, true, false]);
  });

  it('takes digits of the page, no more than a finger presses, and nothing else', async () => {
    const { connect } = setUp();
    const { peer, digits } = await connect();
    for (const text of [
      '{"kind":"digits","digits":"1#a"}',
      'nonsense',
      '{"kind":"digits","digits":7}',
      '[]',
      '{"kind":"x"}',
    ]) {
      peer.events.message(text);
    }
    expect(digits).toEqual(['1', '#', 'A']);
    for (let i = 0; i < 10; i++) peer.events.message('{"kind":"digits","digits":"123456789"}');
    expect(digits).toHaveLength(32);
  });

  it('ends when the browser has sent nothing for fifteen seconds', async () => {
    const { connect } = setUp();
    const { leg, peer, closings } = await connect();
    const frame = new Int16Array(320);
    for (let i = 0; i < 749; i++) leg.pull(frame);
    peer.events.packet({ ssrc: 1, payloadType: 1, sequenceNumber: 1, timestamp: 0, marker: false }, new Uint8Array(3));
    for (let i = 0; i < 749; i++) leg.pull(frame);
    expect(closings).toEqual([]);
    leg.pull(frame);
    expect(closings).toEqual([['timeout', 'the browser has sent nothing for 15 s']]);
    expect(peer.closed).toBe(1);
  });

  it('is away without signs of life, and gets its time when it looks for another way', async () => {
    const { connect, door } = setUp();
    const { legId, leg, peer, closings } = await connect();
    const frame = new Int16Array(320);
    for (let i = 0; i < 74; i++) leg.pull(frame);
    expect(leg.presence).toBe('here');
    for (let i = 0; i < 600; i++) leg.pull(frame);
    expect(leg.presence).toBe('away');
    await door.fragment(legId, 'restart');
    for (let i = 0; i < 600; i++) leg.pull(frame);
    expect([leg.presence, closings]).toEqual(['away', []]);
    // The microphone is taken, the browser is there and reports.
    peer.events.reported(0);
    for (let i = 0; i < 600; i++) leg.pull(frame);
    expect([leg.presence, closings]).toEqual(['away', []]);
    peer.events.packet({ ssrc: 1, payloadType: 1, sequenceNumber: 1, timestamp: 0, marker: false }, new Uint8Array(3));
    expect(leg.presence).toBe('here');
  });

  it('prepares for the loss that the browser reports', async () => {
    const { connect, lossPercent } = setUp();
    const { peer, leg } = await connect();
    for (let i = 0; i < 20; i++) peer.events.reported(10);
    expect(lossPercent()).toBeGreaterThan(9);
    expect(leg.network).toBe(peer.network);
  });

  it('tells of its end once, whoever began it', async () => {
    const { connect, door, uplinksClosed } = setUp();
    const { leg, peer, closings } = await connect();
    peer.events.closed('remote', 'the browser closed the connection');
    leg.close('local');
    leg.push(new Int16Array(320));
    leg.notify('{}');
    expect(closings).toEqual([['remote', 'the browser closed the connection']]);
    expect(uplinksClosed()).toBe(1);
    expect(door.visitorCount).toBe(0);
    expect(peer.texts).toEqual([]);
  });
});
