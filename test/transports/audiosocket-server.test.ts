import { afterEach, describe, expect, it } from 'vitest';
import type { LegId } from '../../src/core/ids.js';
import { newLegId } from '../../src/core/ids.js';
import type { LogFields, Logger } from '../../src/core/logger.js';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import type { LegCloseReason } from '../../src/media/leg.js';
import type { AudioSocketLeg } from '../../src/transports/audiosocket/leg.js';
import type { AudioSocketServerOptions, LegArrival } from '../../src/transports/audiosocket/server.js';
import { AudioSocketServer } from '../../src/transports/audiosocket/server.js';
import { KIND_DIGIT, KIND_ERROR, KIND_HANG_UP, encodeFrame } from '../../src/transports/audiosocket/wire.js';
import { FakeClock } from '../support/fake-clock.js';
import { RawPeer, audioFrame, eventually } from '../support/raw-peer.js';

type Arrived = {
  readonly leg: AudioSocketLeg;
  readonly arrival: LegArrival;
  readonly digits: string[];
  readonly closed: { reason: LegCloseReason; detail: string }[];
};

type SetUp = {
  readonly clock: FakeClock;
  readonly server: AudioSocketServer;
  readonly legs: Arrived[];
  readonly lines: { fields: LogFields; message: string }[];
};

const opened: { server: AudioSocketServer; clock: FakeClock }[] = [];
const SILENCE = new Int16Array(FRAME_SAMPLES);
/** Twenty megabytes, on a machine that has other work. */
const FLOOD_LIMIT_MS = 10_000;

afterEach(async () => {
  for (const { server, clock } of opened.splice(0)) {
    const stopped = server.stop();
    clock.advance(5000);
    await stopped;
  }
});

async function setUp(options: Partial<AudioSocketServerOptions> = {}): Promise<SetUp> {
  const clock = new FakeClock();
  const legs: Arrived[] = [];
  const lines: SetUp['lines'] = [];
  const write = (fields: LogFields, message: string): void => void lines.push({ fields, message });
  const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log };
  const server = new AudioSocketServer({
    host: '127.0.0.1',
    port: 0,
    allow: ['127.0.0.0/8'],
    clock,
    log,
    onUnknown: () => 'nobody wants it',
    onLeg: (leg, arrival) => {
      const arrived: Arrived = { leg, arrival, digits: [], closed: [] };
      leg.listener = {
        digit: (digit) => arrived.digits.push(digit),
        closed: (reason, detail) => arrived.closed.push({ reason, detail }),
      };
      legs.push(arrived);
      leg.push(SILENCE);
    },
    ...options,
  });
  await server.start();
  opened.push({ server, clock });
  return { clock, server, legs, lines };
}

/** A leg that was announced and is connected. */
async function connected(set: SetUp, legId: LegId = newLegId()): Promise<{ peer: RawPeer; arrived: Arrived }> {
  set.server.expect(legId, { rateHz: 8000, timeLimitMs: 2000, onTimeout: () => undefined });
  const peer = await RawPeer.call(set.server.port, legId);
  await peer.until(() => peer.frames.length > 0);
  return { peer, arrived: set.legs.at(-1)! };
}

describe('AudioSocket server', () => {
  it('makes a leg of an announced UUID and sends silence before it gets any audio', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    expect(arrived.arrival).toEqual({ peer: '127.0.0.1', announced: 'yes' });
    expect(peer.frames[0]).toEqual({ kind: 'audio', rateHz: 8000, samples: new Int16Array(160) });
    expect(set.server.halfOpenCount).toBe(0);
  });

  it('asks about a UUID that nobody announced, and takes it where it may', async () => {
    const asked: string[] = [];
    const set = await setUp({
      onUnknown: (legId, peer) => {
        asked.push(`${legId} ${peer}`);
        return null;
      },
    });
    const legId = newLegId();
    const peer = await RawPeer.call(set.server.port, legId);
    await peer.until(() => peer.frames.length > 0);
    expect(asked).toEqual([`${legId} 127.0.0.1`]);
    expect(set.legs[0]?.arrival.announced).toBe('no');
  });

  it('refuses an unknown UUID with an error frame, so that the dialplan rings a human', async () => {
    const set = await setUp();
    const peer = await RawPeer.call(set.server.port, newLegId());
    await peer.untilClosed();
    expect(peer.frames).toEqual([{ kind: 'error' }]);
    expect(peer.goodbye).toBe('fin');
    expect(set.server.counters.refused).toBe(1);
  });

  it('refuses a second connection with the UUID of a live leg, and the leg goes on', async () => {
    const set = await setUp();
    const legId = newLegId();
    const { peer, arrived } = await connected(set, legId);
    const twin = await RawPeer.call(set.server.port, legId);
    await twin.untilClosed();
    expect(twin.frames).toEqual([{ kind: 'error' }]);
    arrived.leg.push(SILENCE);
    await peer.until(() => peer.frames.length === 2);
    expect(arrived.closed).toEqual([]);
  });

  it('resets peers that are not allowed, and logs one line a minute for each', async () => {
    const set = await setUp({ allow: ['192.0.2.0/24', '::1'] });
    for (let i = 0; i < 5; i++) {
      const peer = await RawPeer.connect(set.server.port).catch(() => null);
      await peer?.untilClosed();
    }
    await eventually(() => set.server.counters.notAllowed === 5);
    expect(set.lines).toHaveLength(1);
    set.clock.advance(61_000);
    const peer = await RawPeer.connect(set.server.port).catch(() => null);
    await peer?.untilClosed();
    await eventually(() => set.lines.length === 2);
    expect(set.lines[1]?.fields['times']).toBe(5);
  });

  it('lets go of a connection that says nothing for two seconds', async () => {
    const set = await setUp();
    const peer = await RawPeer.connect(set.server.port);
    await eventually(() => set.server.halfOpenCount === 1);
    set.clock.advance(1999);
    expect(set.server.halfOpenCount).toBe(1);
    set.clock.advance(2);
    await peer.untilClosed();
    expect(set.server.halfOpenCount).toBe(0);
  });

  it('takes no more half-open connections than its limit', async () => {
    const set = await setUp({ limits: { maxHalfOpen: 2 } });
    await RawPeer.connect(set.server.port);
    await RawPeer.connect(set.server.port);
    await eventually(() => set.server.halfOpenCount === 2);
    const third = await RawPeer.connect(set.server.port).catch(() => null);
    await third?.untilClosed();
    expect(set.server.counters.refused).toBe(1);
    expect(set.server.halfOpenCount).toBe(2);
  });

  it('takes no more legs than its limit', async () => {
    const set = await setUp({ limits: { maxLegs: 1 } });
    await connected(set);
    const second = await RawPeer.connect(set.server.port).catch(() => null);
    await second?.untilClosed();
    expect(set.legs).toHaveLength(1);
  });

  it('forgets an announced UUID that does not come', async () => {
    const set = await setUp();
    const legId = newLegId();
    let timedOut = 0;
    set.server.expect(legId, { rateHz: 16_000, timeLimitMs: 2000, onTimeout: () => (timedOut += 1) });
    set.clock.advance(2000);
    expect(timedOut).toBe(1);
    const peer = await RawPeer.call(set.server.port, legId);
    await peer.untilClosed();
    expect(peer.frames).toEqual([{ kind: 'error' }]);
  });

  it.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['audio before the UUID', encodeFrame(0x10, new Uint8Array(320))],
    ['a digit before the UUID', encodeFrame(KIND_DIGIT, Uint8Array.of(49))],
  ])('refuses %s with one line, and goes on serving', async (_, bytes) => {
    const set = await setUp();
    const peer = await RawPeer.connect(set.server.port);
    peer.send(bytes);
    await peer.untilClosed();
    expect(set.lines).toHaveLength(1);
    expect(set.server.counters.refused).toBe(1);
    await connected(set);
  });

  it('says which port is in use and how to change it', async () => {
    const set = await setUp();
    const second = setUp({ port: set.server.port });
    await expect(second).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: `audiosocket: port ${set.server.port} is in use on 127.0.0.1; set audiosocket.port or LINECARD_AUDIOSOCKET_PORT to a free one`,
    });
  });

  it('refuses to start with an allow entry that is no network', async () => {
    await expect(setUp({ allow: ['127.0.0.1', 'localhost/8'] })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('stops with every kind of connection open and leaves none', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    const silent = await RawPeer.connect(set.server.port);
    await eventually(() => set.server.halfOpenCount === 1);
    const stopped = set.server.stop();
    await peer.untilClosed();
    peer.hangUp();
    await silent.untilClosed();
    await stopped;
    expect(arrived.closed).toEqual([{ reason: 'local', detail: 'closed by Linecard' }]);
    expect(peer.frames.at(-1)).toEqual({ kind: 'hangUp' });
    await expect(RawPeer.connect(set.server.port)).rejects.toThrow();
  });
});

describe('questions of the dialplan', () => {
  async function ask(set: SetUp, legId: LegId): Promise<RawPeer> {
    const peer = await RawPeer.call(set.server.port, `00000000${legId.slice(8)}`);
    await peer.untilClosed();
    return peer;
  }

  it('answers hang-up for a call that ended on purpose, for a minute', async () => {
    const set = await setUp();
    const legId = newLegId();
    set.server.endedOnPurpose(legId);
    set.clock.advance(59_000);
    expect((await ask(set, legId)).frames).toEqual([{ kind: 'hangUp' }]);
    set.clock.advance(2000);
    expect((await ask(set, legId)).frames).toEqual([{ kind: 'error' }]);
  });

  it('answers error for a call that is unknown, or still live', async () => {
    const set = await setUp();
    expect((await ask(set, newLegId())).frames).toEqual([{ kind: 'error' }]);
    const legId = newLegId();
    const { arrived } = await connected(set, legId);
    expect((await ask(set, legId)).frames).toEqual([{ kind: 'error' }]);
    expect(arrived.closed).toEqual([]);
    expect(set.legs).toHaveLength(1);
  });

  it('remembers a bounded number of calls', async () => {
    const set = await setUp();
    const legIds = Array.from({ length: 1201 }, newLegId);
    for (const legId of legIds) set.server.endedOnPurpose(legId);
    expect((await ask(set, legIds[0]!)).frames).toEqual([{ kind: 'error' }]);
    expect((await ask(set, legIds[1]!)).frames).toEqual([{ kind: 'hangUp' }]);
  });
});

describe('AudioSocket leg', () => {
  it('finds the rate from the first frame, changes the downlink to it, and carries audio both ways', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    const { leg } = arrived;
    expect([leg.codec, leg.wireRateHz]).toEqual(['slin', 8000]);
    const frame = new Int16Array(FRAME_SAMPLES);
    for (let i = 0; i < 30; i++) peer.sendAudio(16_000, 1000);
    await eventually(() => leg.counters.framesIn === 30);
    expect([leg.codec, leg.wireRateHz]).toEqual(['slin16', 16_000]);
    let loudest = 0;
    for (let i = 0; i < 5; i++) {
      leg.pull(frame, i * FRAME_MS);
      loudest = Math.max(loudest, ...frame);
    }
    expect(loudest).toBe(1000);
    leg.push(frame.fill(-5));
    await peer.until(() => peer.frames.length === 2);
    expect(peer.frames[1]).toMatchObject({ kind: 'audio', rateHz: 16_000 });
    expect(peer.audio[1]).toEqual(new Int16Array(320).fill(-5));
  });

  it('hears digits, and nothing that is none', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    for (const digit of '5*#ad!X\u0000') peer.send(encodeFrame(KIND_DIGIT, Buffer.from(digit)));
    await eventually(() => arrived.digits.length === 5);
    expect(arrived.digits).toEqual(['5', '*', '#', 'A', 'D']);
  });

  it('bounds a flood of digits', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    for (let i = 0; i < 500; i++) peer.send(encodeFrame(KIND_DIGIT, Buffer.from('1')));
    peer.hangUp();
    await eventually(() => arrived.closed.length === 1);
    expect(arrived.digits).toHaveLength(32);
  });

  it.each([
    ['fin', 'the peer closed the connection'],
    ['rst', 'the peer reset the connection'],
  ] as const)('knows a hang-up by %s', async (how, detail) => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    peer.hangUp(how);
    await eventually(() => arrived.closed.length === 1);
    expect(arrived.closed).toEqual([{ reason: 'remote', detail }]);
    expect(set.server.legCount).toBe(0);
  });

  it.each([
    [encodeFrame(KIND_HANG_UP), 'the peer sent a hang-up'],
    [encodeFrame(KIND_ERROR, Uint8Array.of(2)), 'the peer sent an error, code 2'],
  ])('knows what peers other than Asterisk may send at the end', async (bytes, detail) => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    peer.send(bytes);
    await eventually(() => arrived.closed.length === 1);
    expect(arrived.closed).toEqual([{ reason: 'remote', detail }]);
  });

  it('names a connection that was cut amid a frame', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    peer.send(encodeFrame(0x10, new Uint8Array(320)).subarray(0, 200));
    peer.hangUp();
    await eventually(() => arrived.closed.length === 1);
    expect(arrived.closed[0]?.detail).toBe('the peer closed amid a frame');
  });

  it('closes a leg whose stream makes no sense, and only that one', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    const other = await connected(set);
    peer.send(Buffer.from('0200017f', 'hex'));
    await peer.untilClosed();
    expect(arrived.closed[0]?.reason).toBe('protocol');
    expect(arrived.closed[0]?.detail).toContain('kind 0x02');
    expect(other.arrived.closed).toEqual([]);
  });

  it('closes in order: hang-up frame, then FIN, though audio goes on coming in', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    for (let i = 0; i < 50; i++) peer.sendAudio(8000, 1);
    arrived.leg.close('local');
    arrived.leg.close('error');
    for (let i = 0; i < 50; i++) peer.sendAudio(8000, 1);
    await peer.untilClosed();
    expect(peer.frames.at(-1)).toEqual({ kind: 'hangUp' });
    expect(peer.goodbye).toBe('fin');
    expect(arrived.closed).toEqual([{ reason: 'local', detail: 'closed by Linecard' }]);
    arrived.leg.push(SILENCE);
    expect(arrived.leg.pull(new Int16Array(FRAME_SAMPLES), 0)).toBeTypeOf('number');
  });

  it('does not wait for ever for a peer that does not close', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    arrived.leg.close('local');
    await peer.untilClosed();
    expect(peer.gone).toBe(false);
    set.clock.advance(1000);
    await eventually(() => {
      // Writing to a socket that is gone is answered by a reset.
      if (!peer.gone) peer.sendAudio(8000, 1);
      return peer.gone;
    });
  });

  it('drops what a slow peer does not read, counts it, and gives up after ten seconds', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    const { leg } = arrived;
    peer.stall();
    const noise = new Int16Array(FRAME_SAMPLES).fill(1);
    // The kernel's own buffers come first; then two frames wait, no more.
    for (let i = 0; i < 200_000 && leg.counters.dropped === 0; i++) {
      leg.push(noise);
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(leg.counters.dropped).toBe(1);
    for (let i = 0; i < 498; i++) leg.push(noise);
    expect(arrived.closed).toEqual([]);
    leg.push(noise);
    expect(arrived.closed).toEqual([{ reason: 'timeout', detail: 'the peer has not read anything for 10 s' }]);
    peer.destroy();
  });

  it('keeps what waits for a slow peer as it was, whatever other calls send meanwhile', async () => {
    const set = await setUp();
    const slow = await connected(set);
    const other = await connected(set);
    // No filter between the frame and the wire.
    for (const { peer } of [slow, other]) peer.sendAudio(16_000, 1);
    await eventually(() => [slow, other].every(({ arrived }) => arrived.leg.codec === 'slin16'));
    const { peer } = slow;
    const { leg } = slow.arrived;
    peer.stall();
    const frame = new Int16Array(FRAME_SAMPLES);
    let sent = 0;
    while (leg.counters.dropped === 0 && sent < 200_000) {
      leg.push(frame.fill(sent % 10_000));
      sent += 1;
      other.arrived.leg.push(frame.fill(-7));
      if (sent % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    peer.resume();
    await peer.until(() => peer.audio.length === leg.counters.framesOut);
    const frames = peer.audio.filter((samples) => samples.length === FRAME_SAMPLES);
    expect(frames.map((samples) => samples[0])).toEqual(frames.map((_, i) => i % 10_000));
    expect(frames.length).toBe(sent - 1);
    for (const each of [slow, other]) each.peer.destroy();
  });

  it('bounds what it keeps of a flood', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    for (let i = 0; i < 400; i++) peer.sendAudio(8000, 1);
    await eventually(() => arrived.leg.counters.framesIn === 400);
    expect(arrived.leg.playout.depthMs).toBeLessThanOrEqual(500);
    expect(arrived.leg.counters.overruns).toBeGreaterThan(0);
    expect(arrived.closed).toEqual([]);
  });

  /*
   * The incident: the RTP source of an Opus caller changed in mid-call, with sequence numbers 20,000 ahead. Debian's Asterisk concealed 20,000 packets at once
   * and sent them within a second; the leg was closed as a flood, and so were the two that took its place: the caller was lost.
   */
  it('bears eleven minutes at once, and plays what comes after them without delay', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    const made = audioFrame(16_000, 1);
    const flood = Buffer.concat(Array.from({ length: 1000 }, () => made));
    for (let i = 0; i < 32; i++) peer.send(flood);
    await eventually(() => arrived.leg.counters.framesIn === 32_000, FLOOD_LIMIT_MS);
    expect(arrived.closed).toEqual([]);
    expect(arrived.leg.playout.depthMs).toBeLessThanOrEqual(240);
    expect(arrived.leg.counters.overruns).toBeGreaterThan(31_900);
    // It speaks again, as fast as it is played.
    const heard = new Int16Array(FRAME_SAMPLES);
    let frames = 0;
    for (; frames < 50 && heard.at(-1) !== 9000; frames++) {
      peer.sendAudio(16_000, 9000);
      await eventually(() => arrived.leg.counters.framesIn === 32_001 + frames);
      arrived.leg.pull(heard, set.clock.nowMs());
      set.clock.advance(FRAME_MS);
    }
    expect(frames * FRAME_MS).toBeLessThanOrEqual(280);
  });

  it('ends a flood that does not end', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    const flood = Buffer.concat(Array.from({ length: 1000 }, () => audioFrame(16_000, 1)));
    for (let i = 0; i < 36; i++) peer.send(flood);
    await eventually(() => arrived.closed.length === 1, FLOOD_LIMIT_MS);
    expect(arrived.closed[0]?.reason).toBe('overload');
  });

  it('ends a peer that changes its rate again and again', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    for (let i = 0; i < 10; i++) peer.sendAudio(i % 2 === 0 ? 16_000 : 8000, 1);
    await eventually(() => arrived.closed.length === 1);
    expect(arrived.closed[0]).toEqual({ reason: 'protocol', detail: 'the peer changed its rate 9 times' });
  });

  it('refuses a second UUID on a live leg', async () => {
    const set = await setUp();
    const { peer, arrived } = await connected(set);
    peer.send(encodeFrame(0x01, new Uint8Array(16)));
    await eventually(() => arrived.closed.length === 1);
    expect(arrived.closed[0]?.reason).toBe('protocol');
  });

  it('tells its chain in the order of the signal', async () => {
    const set = await setUp();
    const { arrived } = await connected(set);
    const chain = arrived.leg.describe();
    expect(chain[0]).toBe('audiosocket from 127.0.0.1, slin, 8000 Hz');
    expect(chain.at(-1)).toBe('audiosocket to 127.0.0.1, slin, one write a frame');
  });

  it('leaves no alarm behind after a hundred calls', async () => {
    const set = await setUp();
    for (let i = 0; i < 100; i++) {
      const { peer, arrived } = await connected(set);
      if (i % 2 === 0) arrived.leg.close('local');
      peer.hangUp();
      await eventually(() => arrived.closed.length === 1);
      await peer.untilClosed();
    }
    await eventually(() => set.clock.pendingAlarms === 0);
    expect(set.server.legCount).toBe(0);
  });
});
