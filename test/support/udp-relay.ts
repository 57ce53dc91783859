import type { RemoteInfo, Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { isRtp } from '../../src/transports/webrtc/srtp.js';
import { randomFrom } from './random.js';

/** What happens to sound on its way, in each direction. */
export type Impairment = {
  /** uniform: each packet by itself. bursty: three in a row on average. */
  readonly lossPercent?: number;
  readonly manner?: 'uniform' | 'bursty';
  /** Each packet is delayed by anything up to this; one overtakes another. */
  readonly jitterMs?: number;
};

const LOOPBACK = '127.0.0.1';
/** A way by UDP on this machine: what is before its port, the port, and the rest with the end of the line. */
const CANDIDATE = /^(a=candidate:\S+ 1 udp \d+ \S+ )(\d+)( typ host.*\r?\n)/gim;
const BURST_LENGTH_PACKETS = 3;

/**
 * A piece of network between a browser and a bridge on this machine: loses and delays what is sound, leaves alone what makes the connection, and
 * can be cut, or come from another address all at once, as a telephone does that leaves its WLAN.
 */
export class UdpRelay {
  readonly #browserSide: Socket;
  #bridgeSide: Socket;
  #bridgePort: number | null = null;
  readonly #random: () => number;
  readonly #ways = { up: { bad: false }, down: { bad: false } };
  #browserPort: number | null = null;
  #impairment: Required<Impairment> = { lossPercent: 0, manner: 'uniform', jitterMs: 0 };
  #state: 'open' | 'cut' | 'closed' = 'open';
  /** Packets of sound towards the bridge, and those of them that were lost. */
  readonly uplink = { packets: 0, lost: 0 };

  private constructor(browserSide: Socket, bridgeSide: Socket, seed: number) {
    this.#browserSide = browserSide;
    this.#bridgeSide = bridgeSide;
    this.#random = randomFrom(seed);
    browserSide.on('message', (datagram, { port }: RemoteInfo) => {
      this.#browserPort = port;
      this.#pass(datagram, 'up');
    });
    this.#listen();
  }

  static async open(seed = 1): Promise<UdpRelay> {
    return new UdpRelay(await openSocket(), await openSocket(), seed);
  }

  /** The browser's offer as the bridge is to see it: the one way to the browser is the relay. */
  offer(sdp: string): string {
    return this.#oneWay(sdp, portOf(this.#bridgeSide)).sdp;
  }

  /** The bridge's answer as the browser is to see it. */
  answer(sdp: string): string {
    const way = this.#oneWay(sdp, portOf(this.#browserSide));
    this.#bridgePort = way.port;
    return way.sdp;
  }

  #oneWay(sdp: string, relayPort: number): { readonly sdp: string; readonly port: number } {
    let port = 0;
    const changed = sdp.replace(CANDIDATE, (_line, before: string, own: string, after: string) => {
      if (port !== 0 || !before.endsWith(` ${LOOPBACK} `)) return '';
      port = Number(own);
      return `${before}${relayPort}${after}`;
    });
    if (port === 0) throw new Error(`no way on this machine in:\n${sdp}`);
    return { sdp: changed, port };
  }

  impair(impairment: Impairment): void {
    this.#impairment = { lossPercent: 0, manner: 'uniform', jitterMs: 0, ...impairment };
  }

  /** Nothing passes any more, until it is mended. */
  cut(): void {
    if (this.#state === 'open') this.#state = 'cut';
  }

  mend(): void {
    if (this.#state === 'cut') this.#state = 'open';
  }

  /** The browser's packets come from another address from now on. */
  async move(): Promise<void> {
    const before = this.#bridgeSide;
    this.#bridgeSide = await openSocket();
    this.#listen();
    before.close();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#browserSide.close();
    this.#bridgeSide.close();
  }

  #listen(): void {
    this.#bridgeSide.on('message', (datagram) => this.#pass(datagram, 'down'));
  }

  #pass(datagram: Buffer, way: 'up' | 'down'): void {
    if (this.#state !== 'open') return;
    if (!isRtp(datagram)) {
      this.#deliver(datagram, way);
      return;
    }
    const lost = this.#isLost(this.#ways[way]);
    if (way === 'up') {
      this.uplink.packets += 1;
      if (lost) this.uplink.lost += 1;
    }
    if (lost) return;
    const delayMs = this.#random() * this.#impairment.jitterMs;
    if (delayMs < 1) this.#deliver(datagram, way);
    else setTimeout(() => this.#deliver(datagram, way), delayMs);
  }

  #isLost(way: { bad: boolean }): boolean {
    const { lossPercent, manner } = this.#impairment;
    const part = lossPercent / 100;
    if (manner === 'uniform') return this.#random() < part;
    // Gilbert's model: a good state without loss and a bad one in which all is lost.
    way.bad = way.bad
      ? this.#random() >= 1 / BURST_LENGTH_PACKETS
      : this.#random() < part / BURST_LENGTH_PACKETS / (1 - part);
    return way.bad;
  }

  #deliver(datagram: Buffer, way: 'up' | 'down'): void {
    if (this.#state === 'closed') return;
    if (way === 'up') {
      if (this.#bridgePort !== null) this.#bridgeSide.send(datagram, this.#bridgePort, LOOPBACK);
    } else if (this.#browserPort !== null) this.#browserSide.send(datagram, this.#browserPort, LOOPBACK);
  }
}

function openSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, LOOPBACK, () => resolve(socket));
  });
}

function portOf(socket: Socket): number {
  return socket.address().port;
}
