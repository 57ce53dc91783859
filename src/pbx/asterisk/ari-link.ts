import { wait } from '../../core/clock.js';
import { LinecardError, toLinecardError } from '../../core/errors.js';
import { connectAri, type AriConnection, type AriOptions, type PbxIdentity } from './ari-connection.js';
import { readEvent, type AriEvent } from './ari-events.js';
import type { AriClient } from './ari-library.js';
import { backOffMs } from './back-off.js';

/** An event about a channel. */
export type ChannelEvent = Exclude<AriEvent, { readonly kind: 'replaced' }>;

/** What the link tells; none of it may throw. */
export type AriLinkListener = {
  /** Connected; events follow. */
  readonly onUp: (pbx: PbxIdentity) => void;
  readonly onEvent: (event: ChannelEvent) => void;
  /** Lost or not there at all; events that happen now are never told. */
  readonly onDown: (reason: string, before: 'up' | 'down') => void;
};

export type AriLinkOptions = {
  readonly ari: AriOptions;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly listener: AriLinkListener;
};

/** How a connection ended, and how long to wait before the next; null: by the back-off. */
type LifeEnd = { readonly reason: string; readonly pauseMs: number | null };

/** Another program took the application: taking it back at once would make two Linecards fight for every call. */
const REPLACED_PAUSE_MS = 30_000;
/** A connection that held for so long was a good one: begin with the shortest pause again. */
const GOOD_CONNECTION_MS = 5000;

/** Keeps a connection to ARI, whatever happens to it, from `start` to `stop`. */
export class AriLink {
  readonly #options: AriLinkOptions;
  readonly #stopping = new AbortController();
  /** The latest one: its HTTP serves although its event connection may be lost. */
  #connection: AriConnection | null = null;
  #running: Promise<void> = Promise.resolve();
  #unready: string | null = 'not connected yet';

  constructor(options: AriLinkOptions) {
    this.#options = options;
  }

  /** Null when events come. */
  get unready(): string | null {
    return this.#unready;
  }

  start(): void {
    this.#running = this.#stayConnected();
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort(new LinecardError('PBX_UNREACHABLE', 'Linecard is shutting down'));
    await this.#running;
    this.#unready = 'stopped';
    const connection = this.#connection;
    this.#connection = null;
    await connection?.close();
  }

  /** Rejects with AriRefusal, whose meaning the caller knows, or a LinecardError. */
  async run<T>(operation: (client: AriClient) => Promise<T>): Promise<T> {
    if (this.#connection === null) throw new LinecardError('PBX_UNREACHABLE', this.#unready ?? 'not connected yet');
    return this.#connection.run(operation);
  }

  async #stayConnected(): Promise<void> {
    const { signal } = this.#stopping;
    const { clock } = this.#options.ari;
    for (let attempt = 0; ; attempt += 1) {
      let pauseMs: number | null = null;
      try {
        const life = await this.#connect();
        const connectedAtMs = clock.nowMs();
        const end = await life.ended;
        if (clock.nowMs() - connectedAtMs > GOOD_CONNECTION_MS) attempt = 0;
        pauseMs = end.pauseMs;
        this.#down(end.reason, 'up');
      } catch (error) {
        this.#down(toLinecardError(error).message, 'down');
      }
      try {
        await wait(clock, pauseMs ?? backOffMs(attempt, this.#options.random()), signal);
      } catch {
        return; // stopped meanwhile
      }
    }
  }

  /** Resolves when connected; `ended` resolves when this connection is over. */
  async #connect(): Promise<{ readonly ended: Promise<LifeEnd> }> {
    const { ari, listener } = this.#options;
    const { signal } = this.#stopping;
    let onEnd: (end: LifeEnd) => void = () => undefined;
    const ended = new Promise<LifeEnd>((resolve) => {
      onEnd = resolve;
    });
    const connection = await connectAri(ari, signal, {
      onEvent: (raw) => {
        const event = readEvent(raw);
        if (event === null) return;
        if (event.kind !== 'replaced') listener.onEvent(event);
        else if (event.app === ari.app) onEnd({ reason: replacedBecause(event.app), pauseMs: REPLACED_PAUSE_MS });
      },
      onLost: (reason) => onEnd({ reason, pauseMs: null }),
    });
    const onStop = (): void => onEnd({ reason: 'Linecard is shutting down', pauseMs: null });
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
    void ended.then(async (end) => {
      signal.removeEventListener('abort', onStop);
      if (end.pauseMs !== null) await connection.close();
    });

    const previous = this.#connection;
    this.#connection = connection;
    void previous?.close();
    this.#unready = null;
    listener.onUp(connection.pbx);
    connection.begin();
    return { ended };
  }

  #down(reason: string, before: 'up' | 'down'): void {
    const { ari, listener } = this.#options;
    if (this.#stopping.signal.aborted) return;
    // Once for each reason: the pauses are short.
    if (this.#unready !== reason) ari.log.warn({ reason }, 'no connection to Asterisk, trying again');
    this.#unready = reason;
    listener.onDown(reason, before);
  }
}

function replacedBecause(app: string): string {
  return `another program has taken the application "${app}": give each Linecard on this PBX an app of its own`;
}
