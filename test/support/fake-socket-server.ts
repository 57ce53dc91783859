import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

/** How a fake treats who connects: `hang` never answers the upgrade. */
export type Welcome =
  { readonly kind: 'accept' } | { readonly kind: 'refuse'; readonly status: number } | { readonly kind: 'hang' };

/** One connection to a fake, with its request. */
export type FakeConnection = {
  readonly socket: WebSocket;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The close code when it is over. */
  closedWith: number | null;
};

/** A WebSocket server on a free port that can also refuse, hang, cut and stall. */
export class FakeSocketServer {
  readonly #http = createServer();
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #sockets = new Set<Socket>();
  readonly connections: FakeConnection[] = [];
  welcome: Welcome = { kind: 'accept' };

  /** @param onRequest answers what is no upgrade; absent: nothing does */
  constructor(onConnection: (connection: FakeConnection) => void, onRequest?: RequestListener) {
    if (onRequest !== undefined) this.#http.on('request', onRequest);
    this.#http.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#http.on('upgrade', (request, socket, head) => {
      const { welcome } = this;
      if (welcome.kind === 'hang') return;
      if (welcome.kind === 'refuse') {
        socket.end(`HTTP/1.1 ${welcome.status} No\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot today`);
        return;
      }
      this.#server.handleUpgrade(request, socket, head, (webSocket) => {
        const connection: FakeConnection = {
          socket: webSocket,
          path: request.url ?? '',
          headers: request.headers,
          closedWith: null,
        };
        webSocket.on('close', (code) => {
          connection.closedWith = code;
        });
        webSocket.on('error', () => undefined);
        this.connections.push(connection);
        onConnection(connection);
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** Cuts every connection without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#http.close(resolve));
  }
}
