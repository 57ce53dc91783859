import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError, toLinecardError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { EslEvent } from './esl-connection.js';
import { EslConnection } from './esl-connection.js';

/** First wait after a loss; doubled each time up to the last. */
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 2000;
/** A frozen switch keeps its sockets open: the answer to this is the sign of life, its absence closes the connection. */
const PROBE_INTERVAL_MS = 5000;

export type FreeSwitchLinkOptions = {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: (event: EslEvent) => void;
  readonly onConnected: () => void;
  readonly onDisconnected: (reason: string) => void;
};

/** An event socket that is always there or on its way. */
export class FreeSwitchLink {
  readonly #options: FreeSwitchLinkOptions;
  #connection: EslConnection | null = null;
  #state: 'idle' | 'running' | 'stopped' = 'idle';
  #reason = 'not connected yet';
  #retryMs = RETRY_FIRST_MS;
  #alarm: Alarm | null = null;

  constructor(options: FreeSwitchLinkOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'running';
    void this.#connect();
  }

  /** Null while connected; else why not, in a sentence. */
  unready(): string | null {
    return this.#connection === null ? this.#reason : null;
  }

  /** Throws PBX_UNREACHABLE while there is none. */
  get connection(): EslConnection {
    if (this.#connection === null) throw new LinecardError('PBX_UNREACHABLE', this.#reason);
    return this.#connection;
  }

  /** Where it is, in numbers; null while there is no connection. */
  get peerAddress(): string | null {
    return this.#connection?.peerAddress ?? null;
  }

  stop(): void {
    this.#state = 'stopped';
    this.#alarm?.cancel();
    const connection = this.#connection;
    this.#connection = null;
    connection?.close();
  }

  async #connect(): Promise<void> {
    const { host, port, password, clock, log, onEvent } = this.#options;
    try {
      const connection = await EslConnection.open({
        host,
        port,
        password,
        clock,
        log,
        onEvent,
        onClosed: (reason) => this.#lost(reason),
      });
      if (this.#isStopped()) {
        connection.close();
        return;
      }
      this.#connection = connection;
      this.#retryMs = RETRY_FIRST_MS;
      this.#armProbe(connection);
      log.info({ host, port }, 'connected to FreeSWITCH');
      this.#options.onConnected();
    } catch (thrown) {
      const reason = toLinecardError(thrown).message;
      if (reason !== this.#reason) log.warn({ host, port, reason }, 'no connection to FreeSWITCH, trying again');
      this.#reason = reason;
      this.#retryLater();
    }
  }

  #armProbe(connection: EslConnection): void {
    this.#alarm = this.#options.clock.setAlarm(PROBE_INTERVAL_MS, () => {
      if (connection !== this.#connection) return;
      this.#armProbe(connection);
      connection.api('status').catch((error: unknown) => {
        // The connection closes itself when the answer does not come; anything else is worth a line.
        this.#options.log.debug({ err: error }, 'FreeSWITCH did not answer the probe');
      });
    });
  }

  #lost(reason: LinecardError): void {
    if (this.#connection === null) return;
    this.#connection = null;
    this.#reason = reason.message;
    this.#options.log.warn({ reason: this.#reason }, 'no connection to FreeSWITCH, trying again');
    this.#options.onDisconnected(this.#reason);
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#isStopped()) return;
    this.#alarm?.cancel();
    this.#alarm = this.#options.clock.setAlarm(this.#retryMs, () => void this.#connect());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }
}
