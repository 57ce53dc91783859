import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { SocketDesk, SocketLine } from '../call/port.js';
import type { Alarm, Clock } from '../core/clock.js';
import type { CallEvent } from '../core/events.js';
import type { Logger } from '../core/logger.js';
import { SAMPLES_PER_MS } from '../core/units.js';
import type { TrustsProxy } from './client-address.js';
import { clientAddress } from './client-address.js';
import { eventJsonForCaller } from './present.js';
import { HttpProblem, isRefusal, logRefusal, problemText, toProblem } from './problem.js';
import type { SessionClaims, SessionTokens } from './session-token.js';
import { carriedToken, sameToken } from './token.js';
import { placeOf } from './visitors.js';

const PATH = /^\/v1\/ws\/([^/?]{1,300})(?:\?|$)/;
const PROTOCOL = 'linecard';
/** A browser cannot set headers on a WebSocket: its token comes as a second protocol. */
const TOKEN_PROTOCOL = /^bearer\.(.{1,2000})$/;
/** Two seconds of audio; events of clients are tiny. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** Audio that may come faster than it is spoken: what a network held back. */
const MAX_AHEAD_MS = 2000;
/** Audio that waits for a client that reads slowly; what is more is old when it arrives. */
const MAX_WAITING_BYTES = 400 * SAMPLES_PER_MS * 2;
/** Events wait for longer; beyond this nobody reads. */
const MAX_WAITING_EVENTS_BYTES = 512 * 1024;
const PING_INTERVAL_MS = 10_000;

export type AgentSocketsOptions = {
  readonly desk: SocketDesk;
  readonly tokens: SessionTokens;
  readonly apiToken: string;
  readonly trustsProxy: TrustsProxy;
  readonly clock: Clock;
  readonly log: Logger;
};

/** `GET /v1/ws/:agent`: a call over a WebSocket, 16 kHz frames as binary messages and events as text, both ways. */
export class AgentSockets {
  readonly #options: AgentSocketsOptions;
  readonly #server: WebSocketServer;

  constructor(options: AgentSocketsOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      handleProtocols: (protocols) => (protocols.has(PROTOCOL) ? PROTOCOL : false),
    });
  }

  /** Connections that are open. */
  get count(): number {
    return this.#server.clients.size;
  }

  /** A request to change to the WebSocket protocol, whatever it is for. */
  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    try {
      const path = PATH.exec(request.url ?? '')?.[1];
      if (path === undefined) throw new HttpProblem(404, 'NOT_FOUND', 'WebSockets are at /v1/ws/:agent only');
      const agent = decodeURIComponent(path);
      const claims = this.#admit(request, agent);
      this.#server.handleUpgrade(request, socket, head, (webSocket) => {
        socket.off('error', onError);
        void this.#serve(webSocket, agent, claims, placeOf(clientAddress(request, this.#options.trustsProxy)));
      });
    } catch (thrown) {
      refuse(
        socket,
        thrown instanceof URIError ? new HttpProblem(400, 'HTTP_400', 'this is no path') : toProblem(thrown),
      );
    }
  };

  /** Ends every call of ours. */
  close(): void {
    for (const webSocket of this.#server.clients) webSocket.close(1001, 'Linecard shuts down');
  }

  #admit(request: IncomingMessage, agent: string): SessionClaims | null {
    const { tokens, apiToken, clock } = this.#options;
    const given = carriedToken(request) ?? protocolToken(request);
    if (given !== null && sameToken(given, apiToken)) return null;
    const claims = given === null ? null : tokens.read(given, clock.wallMs());
    if (claims === null) {
      throw new HttpProblem(401, 'UNAUTHORIZED', 'this needs the token of the API, or a session token', {
        headers: { 'WWW-Authenticate': 'Bearer realm="linecard"' },
      });
    }
    if (claims.agent === null || claims.agent === agent) return claims;
    throw new HttpProblem(403, 'AGENT_NOT_ALLOWED', `this session token is for the agent "${claims.agent}"`);
  }

  async #serve(webSocket: WebSocket, agent: string, claims: SessionClaims | null, address: string): Promise<void> {
    const { desk, clock, log } = this.#options;
    const client = new SocketClient(webSocket, clock, log);
    try {
      const line = await desk.call({
        agent,
        address,
        caller: { number: claims?.number ?? '', name: claims?.name ?? '' },
        listener: { audio: (pcm) => client.play(pcm), event: (event) => client.tell(event) },
      });
      client.connected(line);
    } catch (thrown) {
      const problem = toProblem(thrown);
      if (isRefusal(thrown, problem)) logRefusal(log, problem, `/v1/ws/${agent}`);
      else if (problem.status >= 500) log.error({ err: thrown, agent }, 'call of a client could not be made');
      client.refused(problem);
    }
  }
}

/** One client's connection: never trusted, never waited for. */
class SocketClient {
  readonly #webSocket: WebSocket;
  readonly #clock: Clock;
  readonly #log: Logger;
  #line: SocketLine | null = null;
  #ended = false;
  #alive: 'yes' | 'asked' = 'yes';
  #ping: Alarm;
  /** Audio that this client may still send now, milliseconds. */
  #creditMs = MAX_AHEAD_MS;
  #creditAtMs: number;
  #dropped = 0;

  constructor(webSocket: WebSocket, clock: Clock, log: Logger) {
    this.#webSocket = webSocket;
    this.#clock = clock;
    this.#log = log;
    this.#creditAtMs = clock.nowMs();
    this.#ping = this.#armPing();
    webSocket.on('message', (data, isBinary) => this.#message(data, isBinary));
    webSocket.on('pong', () => (this.#alive = 'yes'));
    webSocket.on('error', (error) => log.debug({ err: error }, 'client connection failed'));
    webSocket.on('close', () => this.#gone());
  }

  connected(line: SocketLine): void {
    this.#line = line;
    if (this.#ended) void this.#hangUp();
  }

  refused(problem: HttpProblem): void {
    this.#send(problemText(problem));
    // RFC 6455 §7.4 and the IANA registry: 1013, try again later; 1008, policy.
    this.#webSocket.close(problem.status >= 500 || problem.status === 429 ? 1013 : 1008, problem.code);
  }

  /** One frame of the agent. */
  play(pcm: Int16Array): void {
    if (this.#ended) return;
    if (this.#webSocket.bufferedAmount > MAX_WAITING_BYTES) this.#dropped += 1;
    else this.#webSocket.send(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength));
  }

  tell(event: CallEvent): void {
    this.#send(JSON.stringify(eventJsonForCaller(event)));
    if (event.kind === 'callEnded') this.#webSocket.close(1000, event.outcome.result);
  }

  #message(data: RawData, isBinary: boolean): void {
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    if (isBinary) this.#audio(bytes);
    else this.#text(bytes.toString('utf8'));
  }

  #audio(bytes: Buffer): void {
    if (bytes.length % 2 !== 0) {
      this.#webSocket.close(1007, 'audio is 16 bit: an even number of bytes');
      return;
    }
    const nowMs = this.#clock.nowMs();
    this.#creditMs = Math.min(MAX_AHEAD_MS, this.#creditMs + nowMs - this.#creditAtMs);
    this.#creditAtMs = nowMs;
    const durationMs = bytes.length / 2 / SAMPLES_PER_MS;
    if (durationMs > this.#creditMs) return; // faster than anybody speaks: it would be shed later
    this.#creditMs -= durationMs;
    const pcm = new Int16Array(bytes.length / 2);
    Buffer.from(pcm.buffer).set(bytes);
    this.#line?.hear(pcm);
  }

  /** What it cannot mean is ignored: a client of another version may say more. */
  #text(text: string): void {
    const message = parse(text);
    if (message?.['kind'] === 'hangUp') void this.#hangUp();
    const digits = message?.['kind'] === 'digits' ? message['digits'] : null;
    if (typeof digits !== 'string' || !/^[0-9*#A-Da-d]{1,32}$/.test(digits)) return;
    for (const digit of digits.toUpperCase()) this.#line?.press(digit);
  }

  #send(text: string): void {
    if (this.#webSocket.bufferedAmount > MAX_WAITING_EVENTS_BYTES) this.#webSocket.terminate();
    else if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.send(text);
  }

  #armPing(): Alarm {
    return this.#clock.setAlarm(PING_INTERVAL_MS, () => {
      if (this.#alive === 'asked') {
        this.#webSocket.terminate();
        return;
      }
      this.#alive = 'asked';
      this.#webSocket.ping();
      this.#ping = this.#armPing();
    });
  }

  #gone(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ping.cancel();
    if (this.#dropped > 0) this.#log.info({ dropped: this.#dropped }, 'client read too slowly, frames were dropped');
    void this.#hangUp();
  }

  async #hangUp(): Promise<void> {
    try {
      await this.#line?.hangUp();
    } catch (error) {
      this.#log.warn({ err: error }, 'call of a client could not be ended');
    }
  }
}

function protocolToken(request: IncomingMessage): string | null {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',');
  for (const protocol of offered) {
    const token = TOKEN_PROTOCOL.exec(protocol.trim())?.[1];
    if (token !== undefined) return token;
  }
  return null;
}

function refuse(socket: Duplex, problem: HttpProblem): void {
  const body = problemText(problem);
  const headers = Object.entries(problem.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${problem.status} Refused\r\nConnection: close\r\nContent-Type: application/problem+json\r\n` +
      `${headers.join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
