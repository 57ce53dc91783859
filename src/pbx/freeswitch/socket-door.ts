import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { LinecardError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';

/** More calls than a machine of ours carries; beyond it the dialplan goes on to the fallback. */
const MAX_SOCKETS = 2000;
/** FreeSWITCH says nothing on this socket but what we ask, and we ask nothing. */
const MAX_BYTES_READ = 1024 * 1024;

export type SocketDoorOptions = {
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
  /** Whether FreeSWITCH is at this address, and reachable there: whoever is let in waits for commands. */
  readonly mayEnter: (address: string) => boolean;
};

/**
 * Where the dialplan's `socket <host:port> async full` connects to. The connection carries no command: control is the inbound event socket. It
 * is the caller's lifeline: as long as it is open the call is parked for us, and when our process dies FreeSWITCH runs the next action of
 * the dialplan, the fallback (mod_event_socket.c, socket_function).
 */
export class SocketDoor {
  readonly #options: SocketDoorOptions;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(options: SocketDoorOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Port it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Rejects PORT_IN_USE. */
  listen(): Promise<void> {
    const { host, port, log } = this.#options;
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        reject(
          new LinecardError(
            'PORT_IN_USE',
            `cannot listen on ${host}:${port} for FreeSWITCH (${error.code ?? error.message}); change socket.port`,
            {
              cause: error,
            },
          ),
        );
      };
      this.#server.once('error', failed);
      this.#server.listen(port, host, () => {
        this.#server.off('error', failed);
        this.#server.on('error', (error) => log.error({ err: error }, 'door for FreeSWITCH failed'));
        resolve();
      });
    });
  }

  /** Closes the door; callers behind it go on in the dialplan. */
  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (!this.#options.mayEnter(plainAddress(address)) || this.#sockets.size >= MAX_SOCKETS) {
      this.#options.log.warn({ address, open: this.#sockets.size }, 'connection to the FreeSWITCH door refused');
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
    socket.on('data', () => {
      if (socket.bytesRead > MAX_BYTES_READ) socket.destroy();
    });
    socket.on('error', (error) => this.#options.log.debug({ err: error }, 'connection of the FreeSWITCH door failed'));
    socket.on('close', () => this.#sockets.delete(socket));
    // Without this command FreeSWITCH does not begin to park the call.
    socket.write('connect\n\n');
  }
}

/** IPv4 in its IPv6 form is IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
