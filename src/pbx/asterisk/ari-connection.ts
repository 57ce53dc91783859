import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import { WANTED_EVENTS, field, text } from './ari-events.js';
import { AriHttp } from './ari-http.js';
import {
  AriRefusal,
  knowsEvent,
  loadClient,
  openSocket,
  runErrand,
  type AriClient,
  type AriSocket,
} from './ari-library.js';
import { explainRefusal } from './refusals.js';

export type AriOptions = {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** Name of the Stasis application. */
  readonly app: string;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Who answers. */
export type PbxIdentity = {
  /** `22.10.1`, as the PBX says. */
  readonly version: string;
  /** When it was started, in its own words: another word is another life, without the calls of the one before. Empty: it does not say. */
  readonly startedAt: string;
};

/** What a connection tells, from `begin` on. `onLost` comes once, after it nothing else. */
export type AriListener = {
  readonly onEvent: (event: unknown) => void;
  readonly onLost: (reason: string) => void;
};

/** Loading the API description is twelve requests, 20 ms together on an idle machine. */
const CONNECT_LIMIT_MS = 10_000;
/** A half-open connection is noticed after PING_INTERVAL_MS + PONG_LIMIT_MS at most. */
const PING_INTERVAL_MS = 2000;
const PONG_LIMIT_MS = 2500;
/** A socket that does not close politely is cut. */
const CLOSE_LIMIT_MS = 500;

/**
 * Connects: asks who is there and whether we may, loads the description, registers the application. Rejects with a LinecardError
 * whose message says what to change.
 */
export async function connectAri(
  options: AriOptions,
  signal: AbortSignal,
  listener: AriListener,
): Promise<AriConnection> {
  const { url, username, password, clock } = options;
  const http = new AriHttp({ url, username, password, clock });
  const limit = new AbortController();
  const alarm = clock.setAlarm(CONNECT_LIMIT_MS, () => {
    const message = `${http.origin} did not let us connect within ${CONNECT_LIMIT_MS} ms`;
    limit.abort(new LinecardError('PBX_TIMEOUT', message));
  });
  const givenUp = rejectOnAbort([limit.signal, signal]);
  let connection: AriConnection | null = null;
  try {
    const pbx = await Promise.race([askIdentity(http), givenUp.promise]);
    await Promise.race([askPermission(http, username), givenUp.promise]);
    const client = await Promise.race([loadClient(http, username, password), givenUp.promise]);
    if (!knowsEvent(client, 'StasisStart'))
      throw new LinecardError(
        'PBX_REFUSED',
        `the ARI at ${http.origin} does not describe its events, so no call would be noticed`,
      );
    connection = new AriConnection(options, http, client, pbx, listener);
    await Promise.race([connection.opened, givenUp.promise]);
    return connection;
  } catch (error) {
    if (connection === null) http.close();
    else await connection.close();
    throw explainRefusal(error, options);
  } finally {
    alarm.cancel();
    givenUp.release();
  }
}

/** One life of the connection to ARI: HTTP by ari-client, its WebSocket, and the ping that finds it half-open. */
export class AriConnection {
  readonly pbx: PbxIdentity;
  /** Resolves when the application is registered. */
  readonly opened: Promise<void>;
  readonly #options: AriOptions;
  readonly #http: AriHttp;
  readonly #client: AriClient;
  readonly #socket: AriSocket;
  readonly #listener: AriListener;
  #state: 'opening' | 'open' | 'closed' = 'opening';
  /** The next ping, or the pong that is due. */
  #alarm: Alarm | null = null;
  #onSocketClosed: () => void = () => undefined;
  #undeliverable = 0;
  /** Events that came before `begin`, which follows within microtasks. */
  #early: unknown[] | null = [];
  #lostBecause = '';

  constructor(options: AriOptions, http: AriHttp, client: AriClient, pbx: PbxIdentity, listener: AriListener) {
    this.#options = options;
    this.#http = http;
    this.#client = client;
    this.pbx = pbx;
    this.#listener = listener;
    // Never on channel objects: the library keeps those listeners for ever.
    client.on('*', (event) => {
      if (this.#early !== null) this.#early.push(event);
      else if (this.#state === 'open') this.#listener.onEvent(event);
    });
    this.#socket = openSocket(client, options.app, (why) => this.#dropped(why));
    this.opened = this.#listen();
  }

  /** Events are told from here on, and those that came already. */
  begin(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const event of early) this.#listener.onEvent(event);
    // Lost before anybody listened: said now.
    if (this.#state === 'closed') this.#listener.onLost(this.#lostBecause);
  }

  /** HTTP works without the event connection: after `onLost`, too, until `close`. Runs an operation of ari-client. Rejects with AriRefusal, whose meaning the caller knows, or a LinecardError. */
  run<T>(operation: (client: AriClient) => Promise<T>): Promise<T> {
    return runErrand(this.#http, () => operation(this.#client));
  }

  /** Idempotent; nothing is told. */
  async close(): Promise<void> {
    if (this.#state !== 'closed') {
      this.#end();
      const closed = new Promise<void>((resolve) => {
        this.#onSocketClosed = resolve;
      });
      this.#socket.close();
      const limit = this.#options.clock.setAlarm(CLOSE_LIMIT_MS, () => {
        this.#socket.terminate();
        this.#onSocketClosed();
      });
      await closed;
      limit.cancel();
    }
    this.#http.close();
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      let trouble = 'the PBX closed the connection';
      this.#socket.on('open', () => {
        if (this.#state !== 'opening') return;
        this.#state = 'open';
        this.#armPing();
        void this.#askForWantedEvents();
        resolve();
      });
      this.#socket.on('pong', () => {
        if (this.#state === 'open') this.#armPing();
      });
      this.#socket.on('unexpected-response', (request, response) => {
        reject(new AriRefusal(response.statusCode ?? 0, ''));
        request.destroy();
      });
      this.#socket.on('error', (error) => {
        trouble = error.message;
        reject(new LinecardError('PBX_UNREACHABLE', `the event connection failed: ${error.message}`, { cause: error }));
      });
      this.#socket.on('close', () => {
        this.#onSocketClosed();
        reject(new LinecardError('PBX_UNREACHABLE', trouble));
        if (this.#state === 'open') this.#lose(trouble);
        else this.#end();
      });
    });
  }

  #armPing(): void {
    this.#alarm?.cancel();
    this.#alarm = this.#options.clock.setAlarm(PING_INTERVAL_MS, () => {
      this.#alarm = this.#options.clock.setAlarm(PONG_LIMIT_MS, () => {
        this.#lose(`the PBX did not answer a ping within ${PONG_LIMIT_MS} ms`);
        this.#socket.terminate();
      });
      this.#socket.ping();
    });
  }

  #lose(reason: string): void {
    if (this.#state === 'closed') return;
    this.#end();
    this.#lostBecause = reason;
    if (this.#early === null) this.#listener.onLost(reason);
  }

  #end(): void {
    this.#state = 'closed';
    this.#alarm?.cancel();
    this.#client.removeAllListeners();
  }

  /** Asterisk tells a channel's every variable otherwise. One that cannot filter sends more, and works as well. */
  async #askForWantedEvents(): Promise<void> {
    const filter = { allowed: WANTED_EVENTS.map((type) => ({ type })) };
    try {
      await this.run((client) => client.applications.filter({ applicationName: this.#options.app, filter }));
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the PBX does not filter events');
    }
  }

  #dropped(why: string): void {
    this.#undeliverable += 1;
    // The first tells the admin, a flood must not fill the log.
    if (this.#undeliverable === 1) this.#options.log.warn({ why }, 'event of the PBX not understood and dropped');
    else this.#options.log.debug({ why, count: this.#undeliverable }, 'event of the PBX not understood and dropped');
  }
}

/** Who the PBX is, which also shows that it is one and that it knows us. Rejects with AriRefusal or a LinecardError. */
export async function askIdentity(http: AriHttp): Promise<PbxIdentity> {
  const reply = await http.request({ method: 'GET', path: '/ari/asterisk/info' });
  if (reply.status !== 200) throw new AriRefusal(reply.status, reply.body);
  const identity = readIdentity(reply.body);
  if (identity.version === '')
    throw new LinecardError('PBX_REFUSED', `what answers at ${http.origin} is no ARI: check ari.url (host and port)`);
  return identity;
}

/** Rejects with PBX_REFUSED for a user that may only read: that is refused before the channel is looked for. */
export async function askPermission(http: AriHttp, username: string): Promise<void> {
  const reply = await http.request({ method: 'POST', path: '/ari/channels/linecard-nobody/ring' });
  if (reply.status === 403)
    throw new LinecardError(
      'PBX_REFUSED',
      `the ARI user "${username}" may only read: set read_only = no for it in ari.conf of the PBX`,
    );
}

function readIdentity(body: string): PbxIdentity {
  try {
    const info = JSON.parse(body) as unknown;
    return { version: text(field(info, 'system'), 'version'), startedAt: text(field(info, 'status'), 'startup_time') };
  } catch {
    return { version: '', startedAt: '' }; // no JSON, so no ARI
  }
}

/** A promise that only rejects, with the reason of the first signal; `release` takes its listeners off. */
function rejectOnAbort(signals: readonly AbortSignal[]): {
  readonly promise: Promise<never>;
  readonly release: () => void;
} {
  const listening = new AbortController();
  const promise = new Promise<never>((_, reject) => {
    for (const signal of signals) {
      const onAbort = (): void => reject(signal.reason as Error);
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true, signal: listening.signal });
    }
  });
  return { promise, release: () => listening.abort() };
}
