import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { LegId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import { UnicastLeg } from './leg.js';
import { PortPairs } from './port-pairs.js';
import type { DatagramFormat } from './wire.js';
import { datagramFormat } from './wire.js';

/** What the kernel keeps for us while our thread is busy: a second at 48 kHz. The default holds less once overhead is counted. */
const RECEIVE_BUFFER_BYTES = 256 * 1024;

export type UnicastServerOptions = {
  /** The address that FreeSWITCH sends to. */
  readonly host: string;
  /** Both included; the odd port of each pair is FreeSWITCH's. */
  readonly ports: readonly [first: number, last: number];
  /** This server uses every `shares`th pair, beginning with the `share`th. */
  readonly share: number;
  readonly shares: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onLeg: (leg: UnicastLeg, peer: string) => void;
};

/** How a leg will come. */
export type ExpectedLeg = {
  readonly peerHost: string;
  readonly rateHz: number;
  readonly ptimeMs: number;
  readonly codec: string;
  readonly timeLimitMs: number;
  /** No datagram came in time, or the port could not be opened; the leg is not expected any more. */
  readonly onTimeout: () => void;
};

type Expectation = { readonly port: number; readonly socket: Socket; readonly alarm: Alarm };

/**
 * Where FreeSWITCH's `unicast` sends to: a port of its own for each leg, connected to the one address that may speak there, so that the
 * kernel drops whatever comes from elsewhere. A leg is here with its first datagram.
 */
export class UnicastServer {
  readonly #options: UnicastServerOptions;
  readonly #pairs: PortPairs;
  readonly #expected = new Map<LegId, Expectation>();
  readonly #live = new Set<UnicastLeg>();

  constructor(options: UnicastServerOptions) {
    const { clock, ports, share, shares } = options;
    this.#options = options;
    this.#pairs = new PortPairs({ clock, range: ports, share, shares });
  }

  get liveCount(): number {
    return this.#live.size;
  }

  /**
   * Leases a port and listens there.
   * @returns our port; FreeSWITCH's end is the one above it
   * @throws MEDIA_FULL without a port; PBX_UNSUPPORTED for a format that cannot be
   */
  expect(legId: LegId, expected: ExpectedLeg): number {
    const { rateHz, ptimeMs, peerHost } = expected;
    const format = datagramFormat(rateHz, ptimeMs);
    if (format === null) throw unsupported(`audio at ${rateHz} Hz in frames of ${ptimeMs} ms`);
    if (!isIPv4(peerHost)) throw unsupported(`"${peerHost}": unicast goes to an IPv4 address`);
    this.unexpect(legId);
    const port = this.#pairs.lease();
    if (port === null) {
      const [first, last] = this.#options.ports;
      throw new LinecardError(
        'MEDIA_FULL',
        `all ports of unicast.ports [${first}, ${last}] are in use; each call needs two`,
      );
    }
    const alarm = this.#options.clock.setAlarm(expected.timeLimitMs, () => this.#giveUp(legId, expected));
    const socket = this.#open(port, legId, expected, format);
    this.#expected.set(legId, { port, socket, alarm });
    return port;
  }

  /** Idempotent. */
  unexpect(legId: LegId): void {
    const expectation = this.#expected.get(legId);
    if (expectation === undefined) return;
    this.#expected.delete(legId);
    expectation.alarm.cancel();
    expectation.socket.close();
    this.#pairs.release(expectation.port);
  }

  stop(): void {
    for (const legId of [...this.#expected.keys()]) this.unexpect(legId);
    for (const leg of [...this.#live]) leg.close('local');
  }

  #giveUp(legId: LegId, expected: ExpectedLeg): void {
    if (!this.#expected.has(legId)) return;
    this.unexpect(legId);
    expected.onTimeout();
  }

  #open(port: number, legId: LegId, expected: ExpectedLeg, format: DatagramFormat): Socket {
    const { host, log } = this.#options;
    const { peerHost } = expected;
    const peerPort = port + 1;
    const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
    let isConnected = false;
    let leg: UnicastLeg | null = null;
    socket.on('message', (datagram, from) => {
      if (leg !== null) {
        leg.received(datagram);
        return;
      }
      // What came between bind and connect is in the queue already.
      if (!isConnected || from.address !== peerHost || from.port !== peerPort) return;
      leg = this.#arrived(legId, socket, expected, format, datagram);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The PBX has not opened its end yet, or closed it: silence tells.
      if (isConnected && error.code === 'ECONNREFUSED') return;
      log.warn({ err: error, port }, 'UDP port of a leg failed');
      if (leg !== null) {
        leg.end('error', error.message);
        return;
      }
      this.#pairs.release(port, 'taken');
      this.#giveUp(legId, expected);
    });
    socket.bind({ port, address: host, exclusive: true }, () => {
      if (this.#expected.get(legId)?.socket !== socket) return;
      socket.connect(peerPort, peerHost, () => (isConnected = true));
    });
    return socket;
  }

  #arrived(
    legId: LegId,
    socket: Socket,
    expected: ExpectedLeg,
    format: DatagramFormat,
    first: Uint8Array,
  ): UnicastLeg | null {
    const expectation = this.#expected.get(legId);
    if (expectation?.socket !== socket) return null;
    this.#expected.delete(legId);
    expectation.alarm.cancel();
    const { port } = expectation;
    const { clock, onLeg } = this.#options;
    const leg: UnicastLeg = new UnicastLeg({
      id: legId,
      socket,
      peer: `${expected.peerHost}:${port + 1}`,
      format,
      codec: expected.codec,
      clock,
      onClosed: () => {
        this.#live.delete(leg);
        this.#pairs.release(port);
      },
    });
    this.#live.add(leg);
    onLeg(leg, expected.peerHost);
    leg.received(first);
    return leg;
  }
}

function unsupported(what: string): LinecardError {
  return new LinecardError('PBX_UNSUPPORTED', `FreeSWITCH's unicast cannot bring ${what}`);
}
