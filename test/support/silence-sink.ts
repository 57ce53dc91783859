import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { MediaAddress } from '../../src/engine/port.js';
import { encodeFrame, kindOfRate } from '../../src/transports/audiosocket/wire.js';

const FRAME_MS = 20;

/** Takes every AudioSocket leg and sends silence from the first moment, at the rate the leg came with: a silent one can freeze the PBX. */
export class SilenceSink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Legs that ever came. */
  accepted = 0;
  /** Bytes that came, of all legs. */
  receivedBytes = 0;

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  get openLegs(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<MediaAddress> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.accepted += 1;
    this.#sockets.add(socket);
    const frame = encodeFrame(kindOfRate(16_000), new Uint8Array(640));
    const ticks = setInterval(() => socket.write(frame), FRAME_MS);
    socket.write(frame);
    socket.on('data', (chunk) => (this.receivedBytes += chunk.length));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearInterval(ticks);
      this.#sockets.delete(socket);
    });
  }
}
