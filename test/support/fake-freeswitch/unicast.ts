import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import type { MediaAddress } from '../../../src/engine/port.js';

const FRAME_MS = 20;

/** The PBX's end of a unicast: a frame each 20 ms, PCMU as L16, and what came back. */
export class FakeUnicast {
  /** Datagrams of Linecard: how many, and those that the real one would choke on. */
  heard = 0;
  misfits = 0;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  readonly #frame: Buffer;

  /** A port in use is told to nobody, as by the real one. */
  constructor(
    local: MediaAddress,
    remote: MediaAddress,
    rateHz: number,
    audio: 'flows' | 'comes back' | 'never' = 'flows',
  ) {
    this.#frame = Buffer.alloc((2 * rateHz * FRAME_MS) / 1000, 0x10);
    this.#socket = createSocket('udp4');
    this.#socket.on('error', () => undefined);
    this.#socket.on('message', (datagram) => {
      this.heard += 1;
      if (datagram.length !== this.#frame.length) this.misfits += 1;
      else if (audio === 'comes back') this.#frame.set(datagram);
    });
    this.#socket.bind(local.port, local.host);
    this.#timer = setInterval(
      () => this.#socket.send(this.#frame, remote.port, remote.host, () => undefined),
      FRAME_MS,
    );
    if (audio === 'never') this.silence();
  }

  /** No frame comes any more, and nothing tells why. */
  silence(): void {
    clearInterval(this.#timer);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}
