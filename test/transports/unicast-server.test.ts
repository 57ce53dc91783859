import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { LegId } from '../../src/core/ids.js';
import { newLegId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import type { LegCloseReason } from '../../src/media/leg.js';
import type { UnicastLeg } from '../../src/transports/unicast/leg.js';
import { UnicastServer } from '../../src/transports/unicast/server.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { eventually } from '../support/raw-peer.js';

/** The kernel gives nobody these by itself (ip_local_port_range begins above). */
let nextPort = 21_000 + 2 * (process.pid % 2000);
const HOST = '127.0.0.1';
const sockets: Socket[] = [];
const servers: UnicastServer[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
  for (const socket of sockets.splice(0)) socket.close();
});

type Arrived = { readonly leg: UnicastLeg; readonly closed: { reason: LegCloseReason; detail: string }[] };

function setUp(pairs = 4): { server: UnicastServer; clock: FakeClock; legs: Arrived[]; ports: [number, number] } {
  const clock = new FakeClock();
  const legs: Arrived[] = [];
  const ports: [number, number] = [nextPort, nextPort + 2 * pairs - 1];
  nextPort += 2 * pairs;
  const server = new UnicastServer({
    host: HOST,
    ports,
    share: 0,
    shares: 1,
    clock,
    log: silentLogger,
    onLeg: (leg) => {
      const closed: Arrived['closed'] = [];
      leg.listener = { digit: () => undefined, closed: (reason, detail) => closed.push({ reason, detail }) };
      legs.push({ leg, closed });
    },
  });
  servers.push(server);
  return { server, clock, legs, ports };
}

type Format = { readonly rateHz: number; readonly ptimeMs: number };
const NARROW: Format = { rateHz: 8000, ptimeMs: 20 };

function expectLeg(server: UnicastServer, format: Format = NARROW): { port: number; legId: LegId; missed: string[] } {
  const legId = newLegId();
  const missed: string[] = [];
  const port = server.expect(legId, {
    ...format,
    peerHost: HOST,
    codec: 'PCMU',
    timeLimitMs: 1000,
    onTimeout: () => missed.push(legId),
  });
  return { port, legId, missed };
}

/** FreeSWITCH's end: what it was sent, and a way to send. */
async function openPeer(port: number): Promise<{ socket: Socket; got: Buffer[]; send: (bytes: Uint8Array) => void }> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  const got: Buffer[] = [];
  socket.on('message', (datagram) => got.push(datagram));
  socket.on('error', () => undefined);
  socket.bind(port, HOST);
  await once(socket, 'listening');
  return { socket, got, send: (bytes) => socket.send(bytes, port - 1, HOST) };
}

/** A leg that has its first datagram. */
async function connected(
  format: Format = NARROW,
): Promise<
  ReturnType<typeof setUp> & Arrived & { peer: Awaited<ReturnType<typeof openPeer>>; bytes: number; port: number }
> {
  const set = setUp();
  const { port } = expectLeg(set.server, format);
  const peer = await openPeer(port + 1);
  const bytes = (format.rateHz * format.ptimeMs * 2) / 1000;
  // The first ones may come before the socket is connected.
  for (let i = 0; i < 100 && set.legs.length === 0; i++) {
    peer.send(new Uint8Array(bytes));
    await settle();
  }
  await settle();
  return { ...set, ...set.legs[0]!, peer, bytes, port };
}

function tone(frame: number): Int16Array {
  return Int16Array.from({ length: FRAME_SAMPLES }, (_, i) =>
    Math.round(8000 * Math.sin((2 * Math.PI * 1000 * (frame * FRAME_SAMPLES + i)) / 16_000)),
  );
}

const loudest = (samples: Int16Array): number => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);

describe('unicast server', () => {
  it.each([
    [8000, 20, 320],
    [8000, 10, 160],
    [8000, 30, 480],
    [16_000, 20, 640],
    [48_000, 20, 1920],
    [48_000, 60, 5760],
  ])(
    'carries %i Hz in frames of %i ms: datagrams of exactly %i bytes, and a tone both ways',
    async (rateHz, ptimeMs, bytes) => {
      const { leg, peer } = await connected({ rateHz, ptimeMs });
      const datagrams = Math.floor(300 / ptimeMs);
      const heard = new Int16Array(FRAME_SAMPLES);
      const silence = new Uint8Array(bytes).fill(0xff);
      for (let i = 0; i < 15; i++) {
        // As FreeSWITCH does, whatever its party does.
        for (let sent = 0; sent < FRAME_MS; sent += ptimeMs) peer.send(silence);
        await settle();
        leg.pull(heard, i * FRAME_MS);
        leg.push(tone(i));
        await settle();
      }
      await eventually(() => peer.got.length >= datagrams);
      expect(new Set(peer.got.map((datagram) => datagram.length))).toEqual(new Set([bytes]));
      const last = peer.got[datagrams - 1]!;
      expect(
        loudest(new Int16Array(last.buffer.slice(last.byteOffset, last.byteOffset + last.length))),
      ).toBeGreaterThan(7500);

      const framesIn = leg.counters.framesIn;
      for (let i = 0; i < 3; i++) peer.send(peer.got[datagrams - 1]!);
      await eventually(() => leg.counters.framesIn === framesIn + 3);
      let most = 0;
      for (let i = 15; i < 25; i++) {
        leg.pull(heard, i * FRAME_MS);
        most = Math.max(most, loudest(heard));
      }
      expect(most).toBeGreaterThan(7500);
      expect(leg.describe()[0]).toContain(`party on PCMU, L16 at ${rateHz} Hz, ${ptimeMs} ms`);
    },
  );

  // FreeSWITCH's thread that sends to the phone keeps a lock while anything waits for it: a hang-up then waits until we stop.
  it('sends no more than comes, but for 100 ms: when FreeSWITCH stands still, nothing waits there', async () => {
    const { leg, peer, bytes } = await connected();
    const push = async (frames: number): Promise<void> => {
      for (let i = 0; i < frames; i++) {
        leg.push(tone(i));
        await settle();
      }
    };
    await push(10);
    await eventually(() => peer.got.length === 5);
    expect(leg.counters).toMatchObject({ framesOut: 5, dropped: 5 });
    const before = leg.counters.framesIn;
    for (let i = 0; i < 2; i++) peer.send(new Uint8Array(bytes));
    await eventually(() => leg.counters.framesIn === before + 2);
    await push(10);
    await eventually(() => peer.got.length === 7);
    expect(leg.counters).toMatchObject({ framesOut: 7, dropped: 13 });
  });

  it('takes the made-up frames of a party that sends nothing for silence', async () => {
    const { leg, peer, bytes } = await connected();
    const before = leg.counters.framesIn;
    for (let i = 0; i < 3; i++) peer.send(new Uint8Array(bytes).fill(0xff));
    await eventually(() => leg.counters.framesIn === before + 3);
    const heard = new Int16Array(FRAME_SAMPLES);
    for (let i = 0; i < 4; i++) {
      leg.pull(heard, i * FRAME_MS);
      expect(loudest(heard)).toBe(0);
    }
  });

  it('hears nobody but the port of the PBX that belongs to the leg', async () => {
    const { leg, legs, bytes, port, server } = await connected();
    const before = leg.counters.framesIn;
    const stranger = createSocket('udp4');
    sockets.push(stranger);
    stranger.on('error', () => undefined);
    stranger.bind(0, HOST);
    await once(stranger, 'listening');
    for (let i = 0; i < 10; i++) stranger.send(new Uint8Array(bytes), port, HOST);
    await settle();
    expect(leg.counters.framesIn).toBe(before);
    expect(legs).toHaveLength(1);
    expect(server.liveCount).toBe(1);
  });

  it('closes a leg that gets no audio for half a second, whatever the pace before', async () => {
    const { leg, closed, clock, peer, bytes, server } = await connected();
    for (let i = 0; i < 10; i++) {
      clock.advance(400);
      const before = leg.counters.framesIn;
      peer.send(new Uint8Array(bytes));
      await eventually(() => leg.counters.framesIn === before + 1);
    }
    expect(closed).toEqual([]);
    clock.advance(521);
    expect(closed).toEqual([{ reason: 'timeout', detail: expect.stringContaining('500 ms') as string }]);
    expect(server.liveCount).toBe(0);
    expect(clock.pendingAlarms).toBe(0);
  });

  it('does not take a stall of its own thread for a dead leg: what waits in the socket is read first', async () => {
    const { leg, closed, clock, peer, bytes } = await connected();
    clock.advance(500);
    const before = leg.counters.framesIn;
    peer.send(new Uint8Array(bytes));
    await eventually(() => leg.counters.framesIn === before + 1);
    clock.advance(400);
    expect(closed).toEqual([]);
  });

  it('leaves out datagrams of a wrong size, and closes when they do not end', async () => {
    const { leg, closed, peer } = await connected();
    const heard = leg.counters.framesIn;
    for (const size of [0, 1, 319, 321, 640]) peer.send(new Uint8Array(size));
    await eventually(() => leg.counters.lost === 5);
    expect(leg.counters.framesIn).toBe(heard);
    expect(closed).toEqual([]);
    for (let i = 0; i < 25; i++) peer.send(new Uint8Array(640));
    await eventually(() => closed.length === 1);
    expect(closed[0]).toMatchObject({ reason: 'protocol', detail: expect.stringContaining('640 bytes') as string });
  });

  it('goes on while the end of the PBX is closed for a moment', async () => {
    const { leg, closed, peer, bytes, port } = await connected();
    peer.socket.close();
    sockets.splice(sockets.indexOf(peer.socket), 1);
    for (let i = 0; i < 5; i++) {
      leg.push(tone(i));
      await settle();
    }
    const again = await openPeer(port + 1);
    const before = leg.counters.framesIn;
    again.send(new Uint8Array(bytes));
    await eventually(() => leg.counters.framesIn > before);
    leg.push(tone(0));
    await eventually(() => again.got.length > 0);
    expect(closed).toEqual([]);
  });

  it('says once that no datagram came in time, and lets the port rest', () => {
    const { server, clock } = setUp(1);
    const { missed, legId } = expectLeg(server);
    clock.advance(1000);
    expect(missed).toEqual([legId]);
    expect(() => expectLeg(server)).toThrow(/all ports/);
    clock.advance(5000);
    expect(expectLeg(server).port).toBeGreaterThan(0);
  });

  it('tells at once when a port is taken by somebody else, and leaves that one alone for a while', async () => {
    const { server, clock, ports } = setUp(1);
    const { socket } = await openPeer(ports[0]);
    const { missed } = expectLeg(server);
    await eventually(() => missed.length === 1);
    socket.close();
    sockets.pop();
    clock.advance(59_000);
    expect(() => expectLeg(server)).toThrow(/all ports/);
    clock.advance(1000);
    expect(expectLeg(server).port).toBe(ports[0]);
  });

  it('refuses more legs than it has ports with MEDIA_FULL, and formats that no codec has', () => {
    const { server } = setUp(2);
    expectLeg(server);
    expectLeg(server);
    expect(() => expectLeg(server)).toThrow(expect.objectContaining({ code: 'MEDIA_FULL' }) as Error);
    for (const format of [
      { rateHz: 11_025, ptimeMs: 20 },
      { rateHz: 8000, ptimeMs: 120 },
      { rateHz: 8000, ptimeMs: NaN },
    ]) {
      expect(() => expectLeg(server, format)).toThrow(expect.objectContaining({ code: 'PBX_UNSUPPORTED' }) as Error);
    }
  });

  it('closes its legs and sockets when it stops, and tells each once', async () => {
    const { server, leg, closed, clock, port } = await connected();
    expectLeg(server);
    server.stop();
    server.stop();
    leg.push(tone(0));
    leg.close('local');
    expect(closed).toEqual([{ reason: 'local', detail: 'closed by Linecard' }]);
    expect(clock.pendingAlarms).toBe(0);
    await openPeer(port);
  });
});
