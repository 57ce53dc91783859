import { randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';

export type AriHttpOptions = {
  /** `http://host:port`; a path is not used. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly clock: Clock;
  readonly limitMs?: number;
};

export type AriRequest = {
  readonly method: string;
  /** With the query, from the root of the server: `/ari/channels?...`. */
  readonly path: string;
  readonly body?: string;
};

export type AriReply = { readonly status: number; readonly body: string };

/** Longer than Asterisk's own 2.0 s for an AudioSocket that does not answer, so that its answer is the one we get. */
const LIMIT_MS = 3000;
/** An alarm that rings so late was kept waiting by our own thread, which starts or is short of a processor, and so was the reply: it gets this time to be read. */
const LATE_MS = 50;
const SPARE_MS = 500;
/** Asterisk answers in 1 to 2 ms and has 100 HTTP sessions by default (`sessionlimit`), which others want too. */
const SOCKETS = 16;
/** Asterisk closes an idle session after 15 s: we do it first, so that no request meets a closing socket. */
const IDLE_SOCKET_MS = 5000;
/** The list of 1,000 channels has half a megabyte. */
const LARGEST_REPLY_BYTES = 16 * 1024 * 1024;
/** Repeating these does something a second time. */
const NOT_REPEATABLE = /\/(dtmf|externalMedia)(\?|$)/;

/** HTTP to one ARI: every request ends, with a reply or an error, within its time limit. */
export class AriHttp {
  readonly origin: string;
  readonly #authorization: string;
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #transport: typeof http | typeof https;
  readonly #agent: http.Agent;

  constructor(options: AriHttpOptions) {
    const { protocol, host } = new URL(options.url);
    this.origin = `${protocol}//${host}`;
    this.#authorization = `Basic ${Buffer.from(`${options.username}:${options.password}`).toString('base64')}`;
    this.#clock = options.clock;
    this.#limitMs = options.limitMs ?? LIMIT_MS;
    this.#transport = protocol === 'https:' ? https : http;
    this.#agent = new this.#transport.Agent({ keepAlive: true, maxSockets: SOCKETS, timeout: IDLE_SOCKET_MS });
  }

  /** Any status is a reply. Rejects with PBX_UNREACHABLE or PBX_TIMEOUT. */
  async request(request: AriRequest): Promise<AriReply> {
    const first = await this.#attempt(request);
    if (first !== 'stale') return first;
    const second = await this.#attempt(request);
    if (second !== 'stale') return second;
    throw new LinecardError('PBX_UNREACHABLE', `${this.origin} closes every connection`);
  }

  /** Asks for a WebSocket and drops it at once; the status, 101 when it was granted. Rejects as `request` does. */
  upgrade(path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = this.#transport.request(`${this.origin}${path}`, {
        headers: {
          authorization: this.#authorization,
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': randomBytes(16).toString('base64'),
        },
      });
      const alarm = this.#clock.setAlarm(this.#limitMs, () => {
        request.destroy(new LinecardError('PBX_TIMEOUT', `${this.origin} did not answer within ${this.#limitMs} ms`));
      });
      const settle = (status: number): void => {
        alarm.cancel();
        resolve(status);
        request.destroy();
      };
      request.on('upgrade', (_response, socket) => {
        settle(101);
        socket.destroy();
      });
      request.on('response', (response) => settle(response.statusCode ?? 0));
      request.on('error', (error) => {
        alarm.cancel();
        reject(error instanceof LinecardError ? error : unreachable(this.origin, error));
      });
      request.end();
    });
  }

  /** Ends what is under way with an error. */
  close(): void {
    this.#agent.destroy();
  }

  #setLimit(giveUp: () => void): Alarm {
    const dueAtMs = this.#clock.nowMs() + this.#limitMs;
    let alarm = this.#clock.setAlarm(this.#limitMs, () => {
      if (this.#clock.nowMs() - dueAtMs < LATE_MS) giveUp();
      else alarm = this.#clock.setAlarm(SPARE_MS, giveUp);
    });
    return { cancel: () => alarm.cancel() };
  }

  /** `stale`: the PBX had closed an idle connection just when we used it, and the request may be sent again. */
  #attempt({ method, path, body }: AriRequest): Promise<AriReply | 'stale'> {
    return new Promise((resolve, reject) => {
      const request = this.#transport.request(`${this.origin}${path}`, {
        method,
        agent: this.#agent,
        headers: {
          authorization: this.#authorization,
          accept: 'application/json',
          ...(body === undefined
            ? { 'content-length': 0 }
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
      });
      const alarm = this.#setLimit(() => {
        const about = `${method} ${path.split('?')[0] ?? ''}`;
        request.destroy(
          new LinecardError('PBX_TIMEOUT', `${this.origin} did not answer ${about} within ${this.#limitMs} ms`),
        );
      });
      const fail = (error: NodeJS.ErrnoException): void => {
        alarm.cancel();
        if (error.code === 'ECONNRESET' && request.reusedSocket && !NOT_REPEATABLE.test(path)) resolve('stale');
        else if (error instanceof LinecardError) reject(error);
        else reject(unreachable(this.origin, error));
      };
      request.on('error', fail);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > LARGEST_REPLY_BYTES)
            request.destroy(new Error(`its reply is longer than ${LARGEST_REPLY_BYTES} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('end', () => {
          alarm.cancel();
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
        });
      });
      request.end(body);
    });
  }
}

function unreachable(origin: string, error: NodeJS.ErrnoException): LinecardError {
  const why = error.code === 'ECONNREFUSED' ? 'nobody listens there' : error.message;
  return new LinecardError(
    'PBX_UNREACHABLE',
    `ARI at ${origin} cannot be reached (${why}): is Asterisk running, with enabled = yes in http.conf, and is ari.url right?`,
    { cause: error },
  );
}
