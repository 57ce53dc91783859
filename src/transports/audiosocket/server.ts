import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { LegId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { SampleRateHz } from '../../core/units.js';
import { Connection } from './connection.js';
import type { ConnectionHandler } from './connection.js';
import { EndedCalls, isQuestion } from './ended-calls.js';
import { AudioSocketLeg } from './leg.js';
import { AllowList, PeerLogLimit, plainAddress } from './peers.js';
import { uuidText } from './wire.js';

export type AudioSocketLimits = {
  /** From the connection to its UUID; Asterisk sends it at once. */
  readonly uuidTimeLimitMs: number;
  /** Connections without a UUID. */
  readonly maxHalfOpen: number;
  readonly maxLegs: number;
};

const DEFAULT_LIMITS: AudioSocketLimits = { uuidTimeLimitMs: 2000, maxHalfOpen: 512, maxLegs: 2000 };

export type AudioSocketServerOptions = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Networks whose connections are taken; all others are reset at once. */
  readonly allow: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<AudioSocketLimits>;
  /**
   * A UUID that nobody announced: returns why no leg is to be made of it. With null `onLeg` follows at once.
   */
  readonly onUnknown: (legId: LegId, peer: string) => string | null;
  /** A leg is connected; its listener is to be set and its first frame pushed before this returns. */
  readonly onLeg: (leg: AudioSocketLeg, arrival: LegArrival) => void;
};

/** How a leg came in. */
export type LegArrival = { readonly peer: string; readonly announced: 'yes' | 'no' };

/** Counts since the start; the object is live. */
export type AudioSocketServerCounters = {
  connections: number;
  /** From peers that are not allowed. */
  notAllowed: number;
  /** Over a limit, without a UUID in time, a UUID unknown or in use, no UUID at all. */
  refused: number;
  questions: number;
};

/** A connection that has not said which leg it is. */
type HalfOpen = { readonly connection: Connection; readonly alarm: Alarm };

/** A leg that the PBX was told to connect. */
type Expected = { readonly rateHz: SampleRateHz; readonly alarm: Alarm };

/**
 * The AudioSocket port of a media thread: takes TCP connections of allowed peers, learns by their UUID which leg they are, and
 * answers the dialplan's questions about calls that ended. What it lets in is an `AudioSocketLeg`.
 */
export class AudioSocketServer {
  readonly counters: AudioSocketServerCounters = { connections: 0, notAllowed: 0, refused: 0, questions: 0 };
  readonly #options: AudioSocketServerOptions;
  readonly #limits: AudioSocketLimits;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #allow: AllowList;
  readonly #refusals: PeerLogLimit;
  readonly #ended: EndedCalls;
  readonly #server: Server;
  readonly #halfOpen = new Set<HalfOpen>();
  readonly #expected = new Map<LegId, Expected>();
  readonly #legs = new Map<LegId, AudioSocketLeg>();
  /** Every socket, closing ones too: `stop` leaves none. */
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor(options: AudioSocketServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#clock = options.clock;
    this.#log = options.log;
    this.#allow = new AllowList(options.allow);
    this.#refusals = new PeerLogLimit(options.clock);
    this.#ended = new EndedCalls(options.clock);
    this.#server = createServer((socket) => this.#accepted(socket));
  }

  /** The port that is listened on; 0 before `start`. */
  get port(): number {
    return this.#port;
  }

  get legCount(): number {
    return this.#legs.size;
  }

  get halfOpenCount(): number {
    return this.#halfOpen.size;
  }

  /** Rejects with PORT_IN_USE, or CONFIG_INVALID when the host is none of ours. */
  start(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => {
        const inUse = error.code === 'EADDRINUSE';
        const message = inUse
          ? `audiosocket: port ${port} is in use on ${host}; set audiosocket.port or LINECARD_AUDIOSOCKET_PORT to a free one`
          : `audiosocket: cannot listen on ${host}:${port}: ${error.message}`;
        reject(new LinecardError(inUse ? 'PORT_IN_USE' : 'CONFIG_INVALID', message, { cause: error }));
      };
      this.#server.once('error', onError);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', onError);
        // Running out of file descriptors must not end the process with its calls.
        this.#server.on('error', (error) =>
          this.#log.error({ err: error }, 'AudioSocket port failed to take a connection'),
        );
        const address = this.#server.address();
        this.#port = typeof address === 'object' && address !== null ? address.port : port;
        resolve();
      });
    });
  }

  /**
   * A connection with this UUID is coming. When none came in time `onTimeout` is called and the UUID is unknown again.
   * @param rateHz what the PBX was asked for: the downlink begins with it, the leg's first frame decides
   */
  expect(legId: LegId, options: { rateHz: SampleRateHz; timeLimitMs: number; onTimeout: () => void }): void {
    this.unexpect(legId);
    const alarm = this.#clock.setAlarm(options.timeLimitMs, () => {
      this.#expected.delete(legId);
      options.onTimeout();
    });
    this.#expected.set(legId, { rateHz: options.rateHz, alarm });
  }

  /** The connection is not wanted any more. Idempotent. */
  unexpect(legId: LegId): void {
    this.#expected.get(legId)?.alarm.cancel();
    this.#expected.delete(legId);
  }

  /** Remembers for a minute that this call of the dialplan ended on purpose, so that the dialplan hangs up instead of ringing a human. */
  endedOnPurpose(legId: LegId): void {
    this.#ended.add(legId);
  }

  /** Closes the port, every leg and every connection. Idempotent; resolves when no socket is left. */
  async stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const legId of [...this.#expected.keys()]) this.unexpect(legId);
    for (const leg of [...this.#legs.values()]) leg.close('local');
    for (const { connection } of [...this.#halfOpen]) connection.abort('local', 'the server stops');
    const limit = this.#clock.setAlarm(this.#limits.uuidTimeLimitMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await stopped;
    limit.cancel();
  }

  #accepted(socket: Socket): void {
    this.counters.connections += 1;
    const peer = plainAddress(socket.remoteAddress ?? '');
    // A socket without a listener for its errors would end the process.
    socket.on('error', () => undefined);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (!this.#allow.allows(peer)) {
      this.counters.notAllowed += 1;
      this.#logRefusal(peer, 'connection refused: the peer is not in audiosocket.allow');
      socket.resetAndDestroy();
      return;
    }
    if (this.#halfOpen.size >= this.#limits.maxHalfOpen || this.#legs.size >= this.#limits.maxLegs) {
      this.counters.refused += 1;
      this.#logRefusal(peer, 'connection refused: too many connections');
      socket.resetAndDestroy();
      return;
    }
    this.#awaitUuid(socket, peer);
  }

  #awaitUuid(socket: Socket, peer: string): void {
    const refuse = (detail: string): void => connection.close('error', 'protocol', detail);
    const handler: ConnectionHandler = {
      uuid: (bytes, offset) => {
        settle();
        this.#identified(connection, uuidText(bytes, offset) as LegId);
      },
      digit: () => refuse('a digit came before the UUID'),
      audio: () => refuse('audio came before the UUID'),
      hangUp: () => connection.close('hangUp', 'remote', 'hang-up before the UUID'),
      error: () => connection.close('hangUp', 'remote', 'error before the UUID'),
      closed: (reason, detail) => {
        settle();
        if (reason !== 'overload' && reason !== 'protocol') return;
        this.counters.refused += 1;
        this.#logRefusal(peer, 'connection refused: no AudioSocket leg', detail);
      },
    };
    const connection = new Connection({ socket, peer, clock: this.#clock, handler });
    const alarm = this.#clock.setAlarm(this.#limits.uuidTimeLimitMs, () => {
      this.counters.refused += 1;
      this.#logRefusal(peer, 'connection closed: it sent no UUID');
      connection.abort('timeout', 'no UUID came in time');
    });
    const halfOpen: HalfOpen = { connection, alarm };
    const settle = (): void => {
      alarm.cancel();
      this.#halfOpen.delete(halfOpen);
    };
    this.#halfOpen.add(halfOpen);
  }

  #identified(connection: Connection, legId: LegId): void {
    if (isQuestion(legId)) {
      this.counters.questions += 1;
      connection.close(this.#ended.answer(legId) === 'onPurpose' ? 'hangUp' : 'error', 'local', 'question answered');
      return;
    }
    const expected = this.#expected.get(legId);
    const refusal = this.#refusal(legId, connection.peer, expected);
    if (refusal !== null) {
      this.counters.refused += 1;
      this.#logRefusal(connection.peer, 'connection refused: its UUID is not served', refusal);
      connection.close('error', 'local', refusal);
      return;
    }
    this.unexpect(legId);
    const leg = new AudioSocketLeg({
      id: legId,
      connection,
      // The dialplan application speaks 8 kHz only.
      rateHz: expected?.rateHz ?? 8000,
      clock: this.#clock,
      onClosed: () => this.#legs.delete(legId),
    });
    this.#legs.set(legId, leg);
    this.#options.onLeg(leg, { peer: connection.peer, announced: expected === undefined ? 'no' : 'yes' });
  }

  #refusal(legId: LegId, peer: string, expected: Expected | undefined): string | null {
    if (this.#legs.has(legId)) return `leg ${legId} is connected already`;
    if (expected !== undefined) return null;
    const refusal = this.#options.onUnknown(legId, peer);
    return refusal === null ? null : `nobody announced leg ${legId}, and ${refusal}`;
  }

  #logRefusal(peer: string, message: string, detail?: string): void {
    const times = this.#refusals.count(peer);
    if (times > 0) this.#log.warn({ peer, times, detail }, message);
  }
}
