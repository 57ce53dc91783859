import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import type { MediaAddress } from '../../src/engine/port.js';

const FRAME_MS = 20;
/** Ports of other test processes lie close together. */
const PORT_STEP = 100;
const PORT_TRIES = 10;

/** Our end of a unicast: sends a tone or silence in frames of the size that comes in, and measures what it hears. */
export class UnicastSink {
  readonly address: MediaAddress;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  /** What is sent: frequency and level, zero for silence. */
  #hz = 0;
  #sent = 0;
  datagrams = 0;
  bytes = 0;
  /** The loudest sample since `listen`. */
  peak = 0;

  private constructor(socket: Socket, address: MediaAddress) {
    this.#socket = socket;
    this.address = address;
    socket.on('message', (datagram) => this.#received(datagram));
    socket.on('error', () => undefined);
    this.#timer = setInterval(() => this.#send(), FRAME_MS);
  }

  /** @param firstPort even: the odd one above it is FreeSWITCH's. Another is taken where somebody has it. */
  static async open(firstPort: number): Promise<UnicastSink> {
    for (let port = firstPort; ; port += PORT_STEP) {
      const socket = createSocket('udp4');
      socket.bind(port, '127.0.0.1');
      try {
        await once(socket, 'listening');
        return new UnicastSink(socket, { host: '127.0.0.1', port });
      } catch (error) {
        if (port >= firstPort + PORT_TRIES * PORT_STEP) throw error;
      }
    }
  }

  /** Speaks from now on. */
  speak(hz: number): void {
    this.#hz = hz;
  }

  /** Forgets what was heard. */
  listen(): void {
    this.datagrams = 0;
    this.peak = 0;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #received(datagram: Buffer): void {
    this.datagrams += 1;
    this.bytes = datagram.length;
    for (let at = 0; at + 1 < datagram.length; at += 2) {
      this.peak = Math.max(this.peak, Math.abs(datagram.readInt16LE(at)));
    }
  }

  #send(): void {
    if (this.bytes === 0) return;
    const samples = this.bytes / 2;
    const rateHz = (samples * 1000) / FRAME_MS;
    const frame = Int16Array.from({ length: samples }, (_, i) =>
      this.#hz === 0 ? 0 : 8000 * Math.sin((2 * Math.PI * this.#hz * (this.#sent + i)) / rateHz),
    );
    this.#sent += samples;
    this.#socket.send(new Uint8Array(frame.buffer), this.address.port + 1, this.address.host);
  }
}
