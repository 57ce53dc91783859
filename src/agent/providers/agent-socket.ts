import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RawData } from 'ws';
import { WebSocket } from 'ws';
import type { Alarm, Clock } from '../../core/clock.js';
import type { ErrorCode } from '../../core/errors.js';
import { LinecardError, toLinecardError } from '../../core/errors.js';

/** TCP, TLS and the HTTP upgrade together. Longer than this a caller does not wait in silence. */
const OPEN_TIME_LIMIT_MS = 5000;
/** A half-open connection is noticed by nobody who does not ask. */
const PING_INTERVAL_MS = 5000;
/** From our close frame to the end of the connection. */
const CLOSE_TIME_LIMIT_MS = 2000;
/** Audio that waits longer than about a second in the socket is of no use to anybody. */
const MAX_WAITING_MEDIA_BYTES = 32 * 1024;
/** What has to arrive piles up behind a peer that does not read: then it is as good as gone. */
const MAX_WAITING_BYTES = 1024 * 1024;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Of what an HTTP server says instead of upgrading, for the log. */
const MAX_REFUSAL_BYTES = 500;

/** What the owner of a socket is told. At most one of `finished` and `failed`, and nothing after it. */
export interface AgentSocketListener {
  opened(): void;
  text(message: string): void;
  /** The buffer is the listener's to keep. */
  binary(message: Buffer): void;
  /** The other side closed in good order (1000, or no code at all). */
  finished(reason: string): void;
  /** AGENT_UNAVAILABLE: it never opened. AGENT_FAILED: it broke. INVARIANT: the listener threw. */
  failed(error: LinecardError): void;
}

export type AgentSocketOptions = {
  /** `ws:` or `wss:`. Its query may hold secrets: only host and path are ever told. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly listener: AgentSocketListener;
  readonly clock: Clock;
};

/** Close codes of RFC 6455 §7.4.1: normal, and none given. */
const IN_ORDER = new Set([1000, 1005]);

/** A connection of ours to where an agent lives: opens in time, notices a dead peer, never piles up audio, ends once. */
export class AgentSocket {
  readonly #options: AgentSocketOptions;
  readonly #socket: WebSocket;
  /** For people: the URL without what may be secret. */
  readonly #place: string;
  #state: 'opening' | 'open' | 'ended' = 'opening';
  #alarm: Alarm;
  /** Something came since the last ping. */
  #alive = true;
  /** Media messages that were not sent because the socket was backed up. */
  dropped = 0;

  constructor(options: AgentSocketOptions) {
    const { url, headers, clock } = options;
    this.#options = options;
    this.#place = placeOf(url);
    this.#socket = new WebSocket(url, { headers, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES });
    this.#alarm = clock.setAlarm(OPEN_TIME_LIMIT_MS, () => {
      this.#fail('AGENT_UNAVAILABLE', `${this.#place} did not answer within ${OPEN_TIME_LIMIT_MS} ms`);
    });
    this.#socket.on('open', () => this.#opened());
    this.#socket.on('message', (data, isBinary) => this.#message(data, isBinary));
    this.#socket.on('pong', () => {
      this.#alive = true;
    });
    this.#socket.on('unexpected-response', (request, response) => this.#refused(request, response));
    this.#socket.on('close', (code, reason) => this.#closed(code, reason.toString()));
    // Stays for as long as the socket: an error without a listener would end the process.
    this.#socket.on('error', (error) => this.#failed(error));
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  /** Sends what has to arrive. Before `opened` and after the end it is dropped. */
  send(message: string | Uint8Array): void {
    if (this.#state !== 'open') return;
    if (this.#socket.bufferedAmount > MAX_WAITING_BYTES) {
      this.#fail('AGENT_FAILED', `${this.#place} does not read what it is sent`);
      return;
    }
    this.#socket.send(message);
  }

  /** Sends audio, or drops and counts it when the other side does not keep up. */
  sendMedia(message: string | Uint8Array): void {
    if (this.#state !== 'open') return;
    if (this.#socket.bufferedAmount > MAX_WAITING_MEDIA_BYTES) this.dropped += 1;
    else this.#socket.send(message);
  }

  /** Ends the connection in good order; the listener is told nothing more. Idempotent. */
  close(): void {
    const wasOpen = this.#state === 'open';
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#alarm.cancel();
    if (!wasOpen) {
      this.#socket.terminate();
      return;
    }
    this.#socket.close(1000);
    this.#alarm = this.#options.clock.setAlarm(CLOSE_TIME_LIMIT_MS, () => this.#socket.terminate());
  }

  #opened(): void {
    if (this.#state !== 'opening') return;
    this.#state = 'open';
    this.#alarm.cancel();
    this.#watch();
    this.#tell((listener) => listener.opened());
  }

  #watch(): void {
    this.#alarm = this.#options.clock.setAlarm(PING_INTERVAL_MS, () => {
      if (!this.#alive) {
        this.#fail('AGENT_FAILED', `${this.#place} does not answer any more`);
        return;
      }
      this.#alive = false;
      this.#socket.ping();
      this.#watch();
    });
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#state !== 'open') return;
    this.#alive = true;
    // With the default binaryType each message is one Buffer.
    const bytes = data as Buffer;
    this.#tell((listener) => {
      if (isBinary) listener.binary(bytes);
      else listener.text(bytes.toString('utf8'));
    });
  }

  /** The server answered the upgrade with a page of its own. */
  #refused(request: ClientRequest, response: IncomingMessage): void {
    const status = response.statusCode ?? 0;
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (): void => {
      request.destroy();
      const said = Buffer.concat(chunks).toString('utf8').slice(0, MAX_REFUSAL_BYTES).trim();
      this.#fail('AGENT_UNAVAILABLE', `${this.#place} refused with HTTP ${status}${said === '' ? '' : `: ${said}`}`);
    };
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= MAX_REFUSAL_BYTES) finish();
    });
    response.on('end', finish);
    response.on('error', finish);
  }

  #closed(code: number, reason: string): void {
    if (this.#state === 'ended') {
      this.#alarm.cancel();
      return;
    }
    const why = reason === '' ? `code ${code}` : `code ${code}, ${reason}`;
    if (!IN_ORDER.has(code) || this.#state === 'opening') {
      this.#fail('AGENT_FAILED', `${this.#place} closed the connection (${why})`);
      return;
    }
    this.#end();
    this.#tell((listener) => listener.finished(reason));
  }

  #failed(error: Error): void {
    const code = this.#state === 'opening' ? 'AGENT_UNAVAILABLE' : 'AGENT_FAILED';
    this.#fail(code, `${this.#place}: ${error.message || 'connection failed'}`, error);
  }

  #fail(code: ErrorCode, message: string, cause?: unknown): void {
    if (this.#state === 'ended') return;
    this.#end();
    this.#options.listener.failed(new LinecardError(code, message, { cause }));
  }

  #end(): void {
    this.#state = 'ended';
    this.#alarm.cancel();
    this.#socket.terminate();
  }

  /** What a listener throws must not reach the event loop: other calls live on this thread. */
  #tell(act: (listener: AgentSocketListener) => void): void {
    try {
      act(this.#options.listener);
    } catch (thrown) {
      const error = toLinecardError(thrown);
      this.#fail(error.code, error.message, thrown);
    }
  }
}

function placeOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
