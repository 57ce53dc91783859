import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { connect } from 'ari-client';
import { LinecardError } from '../../core/errors.js';
import type { AriHttp } from './ari-http.js';

/** A reply of ARI that is no success. Its meaning depends on what was asked. */
export class AriRefusal extends Error {
  override readonly name = 'AriRefusal';
  readonly status: number;

  constructor(status: number, body: string) {
    super(`${status} ${readMessage(body)}`.trim());
    this.status = status;
  }
}

/** The part of ari-client that we use; its own types are older than the ARI they describe. Objects are unchecked. */
export interface AriClient {
  readonly applications: {
    filter(parameters: { applicationName: string; filter: unknown }): Promise<unknown>;
  };
  readonly asterisk: { listModules(): Promise<unknown> };
  readonly bridges: {
    list(): Promise<unknown>;
    createWithId(parameters: { bridgeId: string; type: string; name: string }): Promise<unknown>;
    addChannel(parameters: { bridgeId: string; channel: string }): Promise<unknown>;
    destroy(parameters: { bridgeId: string }): Promise<unknown>;
  };
  readonly channels: {
    list(): Promise<unknown>;
    get(parameters: { channelId: string }): Promise<unknown>;
    /** From Asterisk 16.14 and 18 on. */
    rtpstatistics?(parameters: { channelId: string }): Promise<unknown>;
    getChannelVar(parameters: { channelId: string; variable: string }): Promise<unknown>;
    ring(parameters: { channelId: string }): Promise<unknown>;
    answer(parameters: { channelId: string }): Promise<unknown>;
    hangup(parameters: { channelId: string; reason: string }): Promise<unknown>;
    startMoh(parameters: { channelId: string }): Promise<unknown>;
    stopMoh(parameters: { channelId: string }): Promise<unknown>;
    sendDTMF(parameters: { channelId: string; dtmf: string; between: number; duration: number }): Promise<unknown>;
    setChannelVar(parameters: { channelId: string; variable: string; value: string }): Promise<unknown>;
    originateWithId(parameters: {
      channelId: string;
      endpoint: string;
      app: string;
      callerId: string;
      originator?: string;
      formats?: string;
      timeout: number;
    }): Promise<unknown>;
    snoopChannelWithId(parameters: {
      channelId: string;
      snoopId: string;
      spy: string;
      whisper: string;
      app: string;
    }): Promise<unknown>;
    continueInDialplan(parameters: {
      channelId: string;
      context: string;
      extension: string;
      priority: number;
    }): Promise<unknown>;
    externalMedia(parameters: {
      channelId: string;
      app: string;
      external_host: string;
      encapsulation: string;
      transport: string;
      format: string;
      data: string;
    }): Promise<unknown>;
  };
  on(event: '*', listener: (event: unknown) => void): void;
  removeAllListeners(): void;
}

/** The WebSocket under an ari-client (`ws`), as far as we use it. */
export interface AriSocket {
  on(event: 'open' | 'pong', listener: () => void): void;
  on(event: 'message', listener: (data: Buffer) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'close', listener: (code: number, reason: Buffer) => void): void;
  on(
    event: 'unexpected-response',
    listener: (request: { destroy(): void }, response: { readonly statusCode?: number }) => void,
  ): void;
  listeners(event: string): ((...values: unknown[]) => void)[];
  removeAllListeners(event: string): void;
  ping(): void;
  close(): void;
  terminate(): void;
}

/** What swagger-client hands its HTTP client. Exactly one of the handlers is called, once. */
type SwaggerCall = {
  readonly url: string;
  readonly method: string;
  readonly body?: string | null;
  readonly on: {
    response(reply: { readonly status: number; readonly data: string }): void;
    error(reply: unknown): void;
  };
};

type ClientInside = AriClient & {
  readonly _swagger: { readonly apis: { readonly events: { readonly models: Readonly<Record<string, unknown>> } } };
  readonly _ws: AriSocket;
  start(app: string): Promise<void>;
};

/** On whose behalf the library works, and what went wrong first: it reports some failures as a sentence of its own. */
type Errand = { readonly http: AriHttp; failure: unknown };

/** swagger-client keeps one set of credentials for the whole process; two PBXs have two. */
const current = new AsyncLocalStorage<Errand>();

/** The library makes an empty list of what is none, and then every live call would count as gone. */
const LISTS = /\/(channels|bridges)$/;

installTransport();

/**
 * Loads the API description from the PBX. Rejects with AriRefusal or LinecardError; it may stay pending when the description is
 * nonsense, so the caller sets the time limit.
 */
export function loadClient(http: AriHttp, username: string, password: string): Promise<AriClient> {
  return runErrand(http, () => connect(http.origin, username, password) as unknown as Promise<AriClient>);
}

/** Whether the description that the PBX gave knows of an event; those it does not know are never told. */
export function knowsEvent(client: AriClient, type: string): boolean {
  return Object.hasOwn((client as ClientInside)._swagger.apis.events.models, type);
}

/** Runs one operation of a client. Rejects with AriRefusal or LinecardError, and always settles. */
export function runErrand<T>(http: AriHttp, operation: () => Promise<T>): Promise<T> {
  const errand: Errand = { http, failure: null };
  return current.run(errand, async () => {
    try {
      return await operation();
    } catch (thrown) {
      throw toAriError(errand.failure ?? thrown, http);
    }
  });
}

/**
 * Registers the application and opens the WebSocket. The library's own handlers for trouble are taken off: they reconnect behind our
 * back and throw out of the socket. Frames go through `isDeliverable` before the library sees them.
 */
export function openSocket(client: AriClient, app: string, onDropped: (why: string) => void): AriSocket {
  const inside = client as ClientInside;
  inside.start(app).catch((error: unknown) => onDropped(String(error)));
  const socket = inside._ws;
  const deliver = socket.listeners('message')[0];
  for (const event of ['message', 'error', 'close']) socket.removeAllListeners(event);
  const models = inside._swagger.apis.events.models;
  socket.on('message', (data) => {
    const text = data.toString('utf8');
    try {
      const why = whyUndeliverable(text, models);
      if (why === null) deliver?.call(socket, text);
      else onDropped(why);
    } catch (error) {
      // A resource without an id, for one: the library reads it before anybody is told.
      onDropped(`the library could not read it: ${String(error)}`);
    }
  });
  return socket;
}

/** The library throws out of the socket's handler at what is no JSON object, and at a type its models lack. */
function whyUndeliverable(text: string, models: Readonly<Record<string, unknown>>): string | null {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return 'it is no JSON';
  }
  if (typeof event !== 'object' || event === null || !('type' in event) || typeof event.type !== 'string')
    return 'it is no event';
  return Object.hasOwn(models, event.type) ? null : `its type "${event.type.slice(0, 80)}" is unknown`;
}

/**
 * Puts our HTTP in the place of swagger-client's: that one (shred 0.8) has no time limit, leaves a promise pending when the connection
 * fails, loses the status of an error, throws out of the socket at a reply that is no JSON, and knows one password a process.
 */
function installTransport(): void {
  const libraryRequire = createRequire(createRequire(import.meta.url).resolve('ari-client'));
  const swagger = libraryRequire('swagger-client') as {
    SwaggerHttp: { prototype: { execute: (call: SwaggerCall) => void } };
  };
  swagger.SwaggerHttp.prototype.execute = (call) => void execute(call);
  // It prints "deprecated version of Swagger" to standard output at every connect, and keeps what it printed.
  (globalThis as { log?: unknown }).log = () => undefined;
}

async function execute(call: SwaggerCall): Promise<void> {
  const errand = current.getStore();
  try {
    if (errand === undefined) throw new LinecardError('INVARIANT', 'a request of ari-client outside of a connection');
    // Only the path: the origin in the description is what the PBX believes of itself, which behind a proxy is wrong.
    const { pathname, search } = new URL(call.url);
    const body = typeof call.body === 'string' && call.body !== '' ? { body: call.body } : {};
    const path = `${pathname}${search}`;
    const reply = await errand.http.request({ method: call.method.toUpperCase(), path, ...body });
    if (reply.status < 200 || reply.status > 299) throw new AriRefusal(reply.status, reply.body);
    if (call.method.toUpperCase() === 'GET' && LISTS.test(pathname) && !isList(reply.body))
      throw new LinecardError('PBX_REFUSED', `${errand.http.origin}${pathname} answered no list`);
    call.on.response({ status: reply.status, data: reply.body });
  } catch (error) {
    if (errand !== undefined) errand.failure ??= error;
    try {
      call.on.error(error);
    } catch (thrown) {
      // While it loads, swagger-client reports a failure and then throws it as well.
      if (errand !== undefined) errand.failure ??= thrown;
    }
  }
}

function toAriError(thrown: unknown, http: AriHttp): AriRefusal | LinecardError {
  if (thrown instanceof AriRefusal || thrown instanceof LinecardError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof Error && 'syscall' in thrown)
    return new LinecardError('PBX_UNREACHABLE', `ARI at ${http.origin} cannot be reached: ${message}`, {
      cause: thrown,
    });
  return new LinecardError('PBX_REFUSED', `${http.origin} does not answer as ARI does: ${message}`, { cause: thrown });
}

function isList(body: string): boolean {
  try {
    return Array.isArray(JSON.parse(body));
  } catch {
    return false;
  }
}

function readMessage(body: string): string {
  try {
    const reply: unknown = JSON.parse(body);
    if (typeof reply === 'object' && reply !== null) {
      if ('message' in reply && typeof reply.message === 'string') return reply.message;
      if ('error' in reply && typeof reply.error === 'string') return reply.error;
    }
    return '';
  } catch {
    // An HTML page of a proxy, say.
    return body.slice(0, 120).replace(/\s+/g, ' ');
  }
}
