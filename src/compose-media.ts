import { networkInterfaces } from 'node:os';
import type { AgentProvider } from './agent/port.js';
import { EchoProvider } from './agent/providers/echo.js';
import type { Clock } from './core/clock.js';
import { systemClock } from './core/clock.js';
import { LinecardError } from './core/errors.js';
import type { Logger } from './core/logger.js';
import type { HostedAgent, LegDoor, LegDoorListener } from './engine/media-host.js';
import { MediaHost } from './engine/media-host.js';
import { PlainConversation } from './engine/plain-conversation.js';
import type { FromMedia, MediaAddress } from './engine/port.js';
import type { ThreadLink } from './engine/thread-link.js';
import { LocalLink, WorkerLink } from './engine/thread-link.js';
import { ThreadLogger } from './engine/thread-log.js';
import type { AudioSocketServerOptions } from './transports/audiosocket/server.js';
import { AudioSocketServer } from './transports/audiosocket/server.js';

/** Connections beyond the calls that are served. */
const SPARE_LEGS = 100;

/** An agent as the configuration has it; each provider reads the rest of its settings. */
export type AgentSettings = {
  readonly provider: string;
  readonly backup?: string | undefined;
  readonly [setting: string]: unknown;
};

/** What a media thread is made of. Plain data: it goes to a worker as it is. */
export type MediaConfig = {
  readonly audiosocket: {
    readonly host: string;
    /** Of the first thread; the others take those after it. 0: any. */
    readonly port: number;
    readonly allow: readonly string[];
    /** The agent for calls of the dialplan; null: they are refused. */
    readonly direct: string | null;
  };
  readonly agents: Readonly<Record<string, AgentSettings>>;
  readonly maxSessionsPerThread: number;
};

/** What `media-thread.ts` is given. */
export type MediaThreadData = { readonly index: number; readonly config: MediaConfig };

/**
 * How the threads of `config` are started: workers that run `entry` (`media-thread.js`), or, with `threads: 0`, the media side on our own
 * thread.
 */
export function mediaLinks(
  config: MediaConfig,
  options: { readonly threads: number; readonly entry: URL },
): (index: number) => ThreadLink {
  if (options.threads === 0) return (index) => new LocalLink((send) => composeMedia({ index, config }, send));
  return (index) => {
    const workerData: MediaThreadData = { index, config };
    return new WorkerLink({ entry: options.entry, workerData });
  };
}

/** Puts a media thread's inside together. */
export function composeMedia(
  data: MediaThreadData,
  send: (message: FromMedia) => void,
  clock: Clock = systemClock,
): MediaHost {
  const { config, index } = data;
  const log = new ThreadLogger(send);
  const agents = new Map<string, HostedAgent>();
  for (const [name, settings] of Object.entries(config.agents)) {
    agents.set(name, { provider: openProvider(name, settings), backup: settings.backup ?? null });
  }
  return new MediaHost({
    openDoor: (listener) => new AudioSocketDoor({ config, index, listener, clock, log }),
    agents,
    // The dialplan knows one address: the first thread's.
    directAgent: index === 0 ? config.audiosocket.direct : null,
    maxSessions: config.maxSessionsPerThread,
    openConversation: (options) => new PlainConversation(options),
    send,
    clock,
    log,
  });
}

function openProvider(name: string, settings: AgentSettings): AgentProvider {
  switch (settings.provider) {
    case 'echo':
      return new EchoProvider(name);
    default:
      throw new LinecardError('CONFIG_INVALID', `agents.${name}.provider: there is no provider "${settings.provider}"`);
  }
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
      // The host counts calls; questions of the dialplan must get in beside them.
      limits: { maxLegs: config.maxSessionsPerThread + SPARE_LEGS },
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

  expect: LegDoor['expect'] = (legId, options) => this.#server.expect(legId, options);
  unexpect: LegDoor['unexpect'] = (legId) => this.#server.unexpect(legId);
  endedOnPurpose: LegDoor['endedOnPurpose'] = (legId) => this.#server.endedOnPurpose(legId);

  stop(): Promise<void> {
    return this.#server.stop();
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
