import { networkInterfaces } from 'node:os';
import { Conversation } from './agent/conversation.js';
import { SampleChunks } from './agent/sample-chunks.js';
import type { VoiceActivityDetector } from './agent/speech-gate.js';
import { openAgents } from './compose-agents.js';
import type { Config, FreeSwitchConfig } from './config/index.js';
import { assertNever } from './core/assert-never.js';
import type { Clock } from './core/clock.js';
import { systemClock } from './core/clock.js';
import { LinecardError } from './core/errors.js';
import type { LegId } from './core/ids.js';
import type { Logger } from './core/logger.js';
import type { LegDoor, LegDoorListener } from './engine/leg-door.js';
import { MediaHost } from './engine/media-host.js';
import type { FromMedia, LegSignal, MediaAddress, OpenSession } from './engine/port.js';
import { ThreadLogger } from './engine/thread-log.js';
import { prepareHoldMusic } from './media/hold-music.js';
import { JitterBuffer } from './media/jitter-buffer.js';
import type { MediaLeg } from './media/leg.js';
import { OpusDecoder } from './media/opus/decoder.js';
import { OpusEncoder } from './media/opus/encoder.js';
import { OPUS_CLOCK_RATE_HZ } from './media/opus/packet.js';
import { warmUpOpus } from './media/opus/warm-up.js';
import { Vad, loadVad } from './media/vad.js';
import { Silero } from './speech/silero/silero.js';
import type { AudioSocketServerOptions } from './transports/audiosocket/server.js';
import { AudioSocketServer } from './transports/audiosocket/server.js';
import { UnicastServer } from './transports/unicast/server.js';
import { SocketDoor } from './transports/websocket/door.js';
import { WebRtcDoor } from './transports/webrtc/door.js';
import type { Peer, PeerOptions } from './transports/webrtc/peer.js';

/** Connections beyond the calls that are served: questions of the dialplan must get in. */
const SPARE_LEGS = 100;

/** What a media thread is made of: plain data, it goes to a worker as it is. */
export type MediaConfig = Pick<
  Config,
  | 'agents'
  | 'audiosocket'
  | 'destinations'
  | 'extensions'
  | 'hours'
  | 'media'
  | 'recording'
  | 'schedules'
  | 'tools'
  | 'webrtc'
> & {
  readonly unicast: readonly UnicastRange[];
};

/** Where the audio of a FreeSWITCH comes to. */
export type UnicastRange = { readonly pbx: string } & FreeSwitchConfig['unicast'];

/** What `media-thread.ts` is given. */
export type MediaThreadData = { readonly index: number; readonly threads: number; readonly config: MediaConfig };

/** Puts a media thread's inside together. */
export function composeMedia(
  { config, index, threads }: MediaThreadData,
  send: (message: FromMedia) => void,
  clock: Clock = systemClock,
): MediaHost {
  const log = new ThreadLogger(send);
  const chunks = new SampleChunks();
  const { agents, services } = openAgents(config, { chunks, clock, log });
  const wantsSilero = Object.values(config.agents).some(({ turns }) => turns.vad === 'silero');
  const silero = wantsSilero ? new Silero({ clock, log }) : null;
  return new MediaHost({
    openDoors: (listener) => ({
      audiosocket: new AudioSocketDoor({ config, index, listener, clock, log }),
      ...(config.unicast.length > 0
        ? { unicast: new UnicastDoor({ config, index, threads, listener, clock, log }) }
        : {}),
      websocket: new SocketDoor({
        clock,
        send: (callId, pcm) => send({ kind: 'partyAudio', callId, pcm }),
        onLeg: (leg) => listener.onLeg(leg, { peer: 'websocket', announced: 'yes' }),
      }),
      ...(config.webrtc.enabled ? { webrtc: new BrowserDoor({ config, listener, clock, log }) } : {}),
    }),
    agents,
    services: silero === null ? services : [...services, silero],
    // The dialplan knows one address: the first thread's.
    directAgent: index === 0 ? (config.audiosocket.direct ?? null) : null,
    maxSessions: config.media.callsPerThread,
    admission: config.media.admission,
    openConversation: ({ agent, ...options }) => {
      const { provider, tools, echoGuard, turns, filler } = agent;
      const rules = {
        ...(turns === undefined ? {} : { turns }),
        ...(filler === undefined ? {} : { filler }),
      };
      const isSilero = agent.vad === 'silero' && silero !== null;
      const openDetector = (): VoiceActivityDetector => (isSilero ? silero.open(new Vad()) : new Vad());
      return new Conversation({ ...options, ...rules, provider, tools, echoGuard, openDetector, chunks });
    },
    recording: config.recording.enabled ? 'on' : 'off',
    prepare: () => {
      prepareHoldMusic();
      return loadVad();
    },
    send,
    clock,
    log,
  });
}

/** The AudioSocket server as a media thread's door. */
class AudioSocketDoor implements LegDoor {
  readonly #options: AudioSocketServerOptions;
  readonly #index: number;
  #server: AudioSocketServer;

  constructor(options: {
    readonly config: MediaConfig;
    readonly index: number;
    readonly listener: LegDoorListener;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    const { config, index, listener, clock, log } = options;
    const { host, port, allow } = config.audiosocket;
    this.#index = index;
    this.#options = {
      host,
      port: port === 0 ? 0 : port + index,
      allow,
      clock,
      log,
      limits: { maxLegs: config.media.callsPerThread + SPARE_LEGS },
      onUnknown: (legId, peer) => listener.onUnknown(legId, peer),
      onLeg: (leg, arrival) => listener.onLeg(leg, arrival),
    };
    this.#server = new AudioSocketServer(this.#options);
  }

  get address(): MediaAddress {
    return { host: reachable(this.#options.host), port: this.#server.port };
  }

  async start(): Promise<void> {
    try {
      await this.#server.start();
    } catch (error) {
      // Only the first thread's port is in anybody's dialplan: the others' are told to the PBX call by call.
      const another = error instanceof LinecardError && error.code === 'PORT_IN_USE' && this.#index > 0;
      if (!another) throw error;
      this.#options.log.warn({ err: error }, 'port of a further media thread is in use, taking any free one');
      this.#server = new AudioSocketServer({ ...this.#options, port: 0 });
      await this.#server.start();
    }
  }

  expect({ legId, wireRateHz }: OpenSession, options: Parameters<LegDoor['expect']>[1]): MediaAddress {
    this.#server.expect(legId, { ...options, rateHz: wireRateHz ?? 8000 });
    return this.address;
  }

  unexpect(legId: LegId): void {
    this.#server.unexpect(legId);
  }

  endedOnPurpose(legId: LegId): void {
    this.#server.endedOnPurpose(legId);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

/** FreeSWITCH's `unicast` as a media thread's door: ports of its own for each PBX, shared out between the threads. */
class UnicastDoor implements LegDoor {
  readonly #servers = new Map<string, { readonly host: string; readonly server: UnicastServer }>();

  constructor(options: {
    readonly config: MediaConfig;
    readonly index: number;
    readonly threads: number;
    readonly listener: LegDoorListener;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    const { config, index: share, threads: shares, listener, clock, log } = options;
    const onLeg = (leg: MediaLeg, peer: string): void => listener.onLeg(leg, { peer, announced: 'yes' });
    for (const { pbx, host, ports } of config.unicast) {
      this.#servers.set(pbx, { host, server: new UnicastServer({ host, ports, share, shares, clock, log, onLeg }) });
    }
  }

  /** Ports are opened call by call. */
  start(): Promise<void> {
    return Promise.resolve();
  }

  expect({ legId, format }: OpenSession, options: Parameters<LegDoor['expect']>[1]): MediaAddress {
    const known = format === null ? undefined : this.#servers.get(format.pbx);
    if (format === null || known === undefined) {
      throw new LinecardError('INVARIANT', 'a unicast leg was announced without its format or for an unknown PBX');
    }
    return { host: known.host, port: known.server.expect(legId, { ...format, ...options }) };
  }

  unexpect(legId: LegId): void {
    for (const { server } of this.#servers.values()) server.unexpect(legId);
  }

  stop(): Promise<void> {
    for (const { server } of this.#servers.values()) server.stop();
    return Promise.resolve();
  }
}

/** The browsers' door: where the peers, the codec and the buffer of a leg come together. */
class BrowserDoor implements LegDoor {
  readonly #door: WebRtcDoor;
  /** Loaded at the start and not with this file: a site without browsers does not pay for it. */
  #openPeer: ((options: PeerOptions) => Peer) | null = null;

  constructor(options: {
    readonly config: MediaConfig;
    readonly listener: LegDoorListener;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    const { config, listener, clock, log } = options;
    const { icePolicy, iceServers, announce, ports, maxCalls } = config.webrtc;
    const ice = { policy: icePolicy, servers: iceServers, announce: announce ?? null, ports: ports ?? null };
    this.#door = new WebRtcDoor({
      openPeer: (peer) => {
        if (this.#openPeer === null) throw new LinecardError('INVARIANT', 'the door has not been started');
        return this.#openPeer({ ...peer, ice, clock });
      },
      openUplink: async (counters) =>
        new JitterBuffer({ decoder: await OpusDecoder.open(), clockRateHz: OPUS_CLOCK_RATE_HZ, counters }),
      openEncoder: () => new OpusEncoder({ discontinuous: 'yes' }),
      prepare: async () => {
        const { WeriftPeer, preparePeers } = await import('./transports/webrtc/peer.js');
        this.#openPeer = (options) => new WeriftPeer(options);
        await Promise.all([warmUpOpus(), preparePeers()]);
      },
      maxLegs: maxCalls,
      clock,
      log,
      onLeg: (leg) => listener.onLeg(leg, { peer: 'browser', announced: 'yes' }),
    });
  }

  start(): Promise<void> {
    return this.#door.start();
  }

  /** A browser connects by its signalling, not to an address. */
  expect({ legId }: OpenSession, options: Parameters<LegDoor['expect']>[1]): MediaAddress {
    this.#door.expect(legId, options);
    return { host: '', port: 0 };
  }

  unexpect(legId: LegId): void {
    this.#door.unexpect(legId);
  }

  signal(legId: LegId, signal: LegSignal): Promise<string | null> {
    switch (signal.kind) {
      case 'offer':
        return this.#door.offer(legId, signal.sdp, signal.reachedAt);
      case 'fragment':
        return this.#door.fragment(legId, signal.sdp);
      case 'attach':
        return Promise.reject(new LinecardError('REQUEST_INVALID', 'a browser negotiates its leg'));
      default:
        return assertNever(signal);
    }
  }

  stop(): Promise<void> {
    return this.#door.stop();
  }
}

/** A PBX cannot connect to "every address": it is given the first one that is not this machine's own. */
function reachable(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host;
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family, internal } of addresses ?? []) if (!internal && family === 'IPv4') return address;
  }
  return '127.0.0.1';
}
