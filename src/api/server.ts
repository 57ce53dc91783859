import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { Api } from './app.js';
import { HttpProblem, problemText } from './problem.js';

/** Requests are small and come from near; who needs longer is no client of ours. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 1000;
/** How long running requests may take when the process ends. */
const STOP_LIMIT_MS = 2000;

export type HttpServerOptions = {
  readonly api: Api;
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Where the server listens. */
export type HttpAddress = { readonly host: string; readonly port: number; readonly url: string };

/** The HTTP server around the routes: limits on what clients may do to it, and an end in order. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  #stopping: Promise<void> | null = null;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
        connectionsCheckingInterval: 5000,
        maxHeaderSize: MAX_HEADER_BYTES,
        requireHostHeader: true,
      },
      (request: IncomingMessage, response: ServerResponse) => {
        options.api.app(request, response);
      },
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('upgrade', options.api.upgrade);
    this.#server.on('clientError', answerBrokenRequest);
  }

  /** Rejects PORT_IN_USE or CONFIG_INVALID, in words that name the key and the variable. */
  async start(): Promise<HttpAddress> {
    const { host, port, log } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    }).catch((error: unknown) => {
      throw listenError(error as NodeJS.ErrnoException, host, port);
    });
    this.#server.on('error', (error) => log.error({ err: error }, 'HTTP server failed'));
    const bound = this.#server.address() as AddressInfo;
    return { host: bound.address, port: bound.port, url: `http://${urlHost(bound.address)}:${bound.port}` };
  }

  /** Idempotent. No new requests; running ones get a moment, then their connections are cut. */
  stop(): Promise<void> {
    this.#stopping ??= new Promise<void>((resolve) => {
      const alarm = this.#options.clock.setAlarm(STOP_LIMIT_MS, () => this.#server.closeAllConnections());
      this.#server.close(() => {
        alarm.cancel();
        resolve();
      });
      this.#options.api.closeStreams();
      this.#server.closeIdleConnections();
    });
    return this.#stopping;
  }
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const where = `http: port ${port} on ${host}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new LinecardError('PORT_IN_USE', `${where} is in use; set http.port or LINECARD_HTTP_PORT to a free one`, {
        cause: error,
      });
    case 'EACCES':
      return new LinecardError(
        'CONFIG_INVALID',
        `${where} is for privileged users; set http.port or LINECARD_HTTP_PORT to one above 1023`,
        { cause: error },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new LinecardError('CONFIG_INVALID', `http.host: ${host} is no address of this machine`, { cause: error });
    default:
      return error;
  }
}

/** A wildcard address means nothing in a browser. */
function urlHost(address: string): string {
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1';
  return address.includes(':') ? `[${address}]` : address;
}

/** What node's parser refuses never reaches the routes. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = ((): HttpProblem => {
    switch (error.code) {
      case 'HPE_HEADER_OVERFLOW':
        return new HttpProblem(431, 'HEADERS_TOO_LARGE', `the headers are larger than ${MAX_HEADER_BYTES} bytes`);
      case 'ERR_HTTP_REQUEST_TIMEOUT':
        return new HttpProblem(408, 'REQUEST_TIMEOUT', 'the request did not come to its end in time');
      default:
        return new HttpProblem(400, 'REQUEST_INVALID', 'this is no HTTP request');
    }
  })();
  const body = problemText(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} Refused\r\nConnection: close\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
