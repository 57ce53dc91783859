import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { AgentSockets } from '../../src/api/agent-sockets.js';
import { SessionTokens } from '../../src/api/session-token.js';
import type { SocketDesk } from '../../src/call/port.js';
import { newCallId, newLegId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import type { SampleRateHz } from '../../src/core/units.js';
import type { LegCloseReason, MediaLeg } from '../../src/media/leg.js';
import { AudioSocketServer } from '../../src/transports/audiosocket/server.js';
import { encodeFrame, kindOfRate } from '../../src/transports/audiosocket/wire.js';
import { UnicastServer } from '../../src/transports/unicast/server.js';
import { SocketDoor } from '../../src/transports/websocket/door.js';
import { FakeClock } from './fake-clock.js';
import { RawPeer, eventually } from './raw-peer.js';
import type { StreamLegRig } from './stream-leg-contract.js';

const HOST = '127.0.0.1';
const TIME_LIMIT_MS = 2000;
const TOKEN = 'token-of-the-api';
/** The leg that arrives, and how it ended. */
class Arrival {
  leg: MediaLeg | null = null;
  readonly closed: { reason: LegCloseReason; detail: string }[] = [];

  take(leg: MediaLeg): void {
    this.leg = leg;
    leg.listener = { digit: () => undefined, closed: (reason, detail) => this.closed.push({ reason, detail }) };
  }

  async here(): Promise<MediaLeg> {
    await eventually(() => this.leg !== null);
    if (this.leg === null) throw new Error('no leg came');
    return this.leg;
  }
}

/** A PBX's AudioSocket connection. */
export async function audioSocketRig(rateHz: SampleRateHz): Promise<StreamLegRig> {
  const clock = new FakeClock();
  const arrival = new Arrival();
  const server = new AudioSocketServer({
    host: HOST,
    port: 0,
    allow: ['127.0.0.0/8'],
    clock,
    log: silentLogger,
    onUnknown: () => 'nobody wants it',
    onLeg: (leg) => arrival.take(leg),
  });
  await server.start();
  const legId = newLegId();
  server.expect(legId, { rateHz, timeLimitMs: TIME_LIMIT_MS, onTimeout: () => undefined });
  const peer = await RawPeer.call(server.port, legId);
  return {
    leg: await arrival.here(),
    clock,
    closed: arrival.closed,
    messageMs: 20,
    say: (samples) => peer.send(encodeFrame(kindOfRate(rateHz), bytesOf(samples))),
    sayBytes: (bytes) => peer.send(bytes),
    heard: () => peer.audio,
    leftovers: () => server.legCount + server.halfOpenCount,
    stop: async () => {
      const stopped = server.stop();
      peer.hangUp();
      clock.advance(5000);
      await stopped;
      peer.destroy();
    },
  };
}

/** FreeSWITCH's end of a unicast. */
export async function unicastRig(rateHz: number, ptimeMs: number): Promise<StreamLegRig> {
  const clock = new FakeClock();
  const arrival = new Arrival();
  const first = await freePair();
  const server = new UnicastServer({
    host: HOST,
    ports: [first, first + 1],
    share: 0,
    shares: 1,
    clock,
    log: silentLogger,
    onLeg: (leg) => arrival.take(leg),
  });
  const expected = { peerHost: HOST, rateHz, ptimeMs, codec: 'L16', timeLimitMs: TIME_LIMIT_MS };
  const port = server.expect(newLegId(), { ...expected, onTimeout: () => undefined });
  const socket = createSocket('udp4');
  const heard: Int16Array[] = [];
  socket.on('message', (datagram) => heard.push(samplesOf(datagram)));
  socket.on('error', () => undefined); // our end is closed
  socket.bind(port + 1, HOST);
  await once(socket, 'listening');
  const send = (bytes: Uint8Array): void => socket.send(bytes, port, HOST);
  // What comes before our socket is connected is nobody's.
  await eventually(() => {
    if (arrival.leg === null) send(new Uint8Array((2 * rateHz * ptimeMs) / 1000));
    return arrival.leg !== null;
  });
  return {
    leg: await arrival.here(),
    clock,
    closed: arrival.closed,
    messageMs: ptimeMs,
    say: (samples) => send(bytesOf(samples)),
    sayBytes: send,
    heard: () => heard,
    leftovers: () => server.liveCount,
    stop: () => {
      server.stop();
      socket.close();
      // Ports rest.
      clock.advance(60_000);
      return Promise.resolve();
    },
  };
}

/** A client program on `/v1/ws/:agent`. */
export async function webSocketRig(): Promise<StreamLegRig> {
  const clock = new FakeClock();
  const arrival = new Arrival();
  let play: (pcm: Int16Array) => void = () => undefined;
  const door = new SocketDoor({ clock, send: (_, pcm) => play(pcm), onLeg: (leg) => arrival.take(leg) });
  const desk: SocketDesk = {
    agents: ['loop'],
    call: async ({ listener }) => {
      const [callId, legId] = [newCallId(), newLegId()];
      play = (pcm) => listener.audio(pcm);
      door.expect({ callId, legId }, { timeLimitMs: TIME_LIMIT_MS, onTimeout: () => undefined });
      await door.signal(legId);
      return {
        callId,
        hear: (pcm) => door.hear(legId, pcm),
        press: () => undefined,
        hangUp: () => {
          arrival.leg?.close('remote');
          return Promise.resolve();
        },
      };
    },
  };
  const sockets = new AgentSockets({
    desk,
    tokens: new SessionTokens(TOKEN),
    apiToken: TOKEN,
    trustsProxy: () => false,
    clock,
    log: silentLogger,
  });
  const http = createServer().on('upgrade', sockets.upgrade).listen(0, HOST);
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const client = new WebSocket(`ws://${HOST}:${port}/v1/ws/loop`, { headers: { Authorization: `Bearer ${TOKEN}` } });
  const heard: Int16Array[] = [];
  client.on('message', (data: Buffer, isBinary) => {
    if (isBinary) heard.push(samplesOf(data));
  });
  client.on('error', () => undefined); // the server has closed
  await once(client, 'open');
  const send = (bytes: Uint8Array): void => {
    if (client.readyState === WebSocket.OPEN) client.send(bytes);
  };
  return {
    leg: await arrival.here(),
    clock,
    closed: arrival.closed,
    messageMs: 20,
    say: (samples) => send(bytesOf(samples)),
    sayBytes: send,
    heard: () => heard,
    leftovers: () => sockets.count,
    stop: async () => {
      await door.stop();
      client.terminate();
      await eventually(() => sockets.count === 0);
      http.close();
      await once(http, 'close');
    },
  };
}

/** An even port that nobody has, as is the odd one above it. */
async function freePair(): Promise<number> {
  for (;;) {
    const below = createSocket('udp4').bind(0, HOST);
    await once(below, 'listening');
    const { port } = below.address();
    const above = createSocket('udp4').bind(port + 1, HOST);
    const isFree = await once(above, 'listening').then(
      () => port % 2 === 0,
      () => false, // somebody has it
    );
    below.close();
    above.close();
    if (isFree) return port;
  }
}

function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

/** A copy: the bytes of a message may begin anywhere. */
function samplesOf(bytes: Uint8Array): Int16Array {
  return new Int16Array(Uint8Array.from(bytes.subarray(0, bytes.length & ~1)).buffer);
}
