import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import modesl from 'modesl';
import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import { EslFraming } from './esl-framing.js';
import { plainAddress } from './socket-door.js';

/** FreeSWITCH on the same machine accepts within milliseconds; on a far one within a round trip. */
const CONNECT_TIME_LIMIT_MS = 3000;
/** Commands are short; `originate` runs in the background. A switch that needs longer has stopped. */
const COMMAND_TIME_LIMIT_MS = 3000;

/** The events control needs; the rest is never sent to us. */
const EVENTS = [
  'CHANNEL_OUTGOING',
  'CHANNEL_PARK',
  'CHANNEL_UNPARK',
  'CHANNEL_ANSWER',
  'CHANNEL_PROGRESS_MEDIA',
  'CHANNEL_HANGUP',
  'CHANNEL_HANGUP_COMPLETE',
  'CHANNEL_BRIDGE',
  'CHANNEL_UNBRIDGE',
  'CHANNEL_HOLD',
  'CHANNEL_UNHOLD',
  'PLAYBACK_START',
  'PLAYBACK_STOP',
  'DTMF',
  'BACKGROUND_JOB',
];

/** One event: FreeSWITCH's header names to their values, `_body` among them where there is one. */
export type EslEvent = Readonly<Record<string, string | undefined>>;

export type EslConnectionOptions = {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: (event: EslEvent) => void;
  /** Once, whatever ended it; commands under way have rejected by then. */
  readonly onClosed: (reason: LinecardError) => void;
};

type Waiting = { readonly reject: (error: LinecardError) => void; readonly alarm: Alarm };

/**
 * One inbound event socket by modesl, made safe: what it reads is cut and cleaned by EslFraming and given to it message by message, every
 * command has a time limit and rejects when the socket goes, nothing that a caller or a model said can add a line to a command.
 * A reply that does not come breaks the order of all later ones, so it closes the connection; the owner opens another.
 */
export class EslConnection {
  readonly #options: EslConnectionOptions;
  readonly #connection: SafeConnection;
  readonly #waiting = new Set<Waiting>();
  #state: 'opening' | 'open' | 'closed' = 'opening';

  private constructor(options: EslConnectionOptions, connection: SafeConnection) {
    this.#options = options;
    this.#connection = connection;
  }

  /** Connects, logs in and subscribes. Rejects PBX_UNREACHABLE, or PBX_REFUSED with what to change. */
  static open(options: EslConnectionOptions): Promise<EslConnection> {
    const { host, port, password, clock } = options;
    return new Promise((resolve, reject) => {
      let opened: EslConnection | null = null;
      const fail = (error: LinecardError): void => {
        alarm.cancel();
        connection.destroy();
        if (opened === null || opened.#state === 'opening') reject(error);
        opened?.close(error);
      };
      const alarm = clock.setAlarm(CONNECT_TIME_LIMIT_MS, () => {
        fail(unreachable(options, `no login within ${CONNECT_TIME_LIMIT_MS} ms`));
      });
      const connection = new SafeConnection(host, port, password, fail);
      connection.on('error', (error: unknown) => fail(unreachable(options, messageOf(error))));
      connection.on('esl::end', () => fail(unreachable(options, 'the switch closed the connection')));
      connection.on('esl::event::disconnect::notice', () => fail(unreachable(options, 'the switch is going away')));
      connection.on('esl::event::raw::text/rude-rejection', () => {
        fail(
          new LinecardError(
            'PBX_REFUSED',
            `FreeSWITCH at ${host}:${port} refuses this host: add it to the list that apply-inbound-acl names in event_socket.conf.xml`,
          ),
        );
      });
      connection.on('esl::event::auth::fail', () => {
        fail(
          new LinecardError(
            'PBX_REFUSED',
            `FreeSWITCH at ${host}:${port} refuses the password: esl.password must be that of event_socket.conf.xml`,
          ),
        );
      });
      connection.on('esl::event::**', (_event, headers, body) => {
        if (opened !== null && opened.#state === 'open') opened.#received(headers, body);
      });
      connection.once('esl::ready', () => {
        const self = new EslConnection(options, connection);
        opened = self;
        // The library asks for this one by itself: six kilobytes for each action of each dialplan. Refused, it costs those bytes and
        // nothing else; a connection that is gone fails the command below.
        void self.command('nixevent CHANNEL_EXECUTE_COMPLETE').catch(() => undefined);
        self.command(`event json ${EVENTS.join(' ')}`).then(
          () => {
            alarm.cancel();
            self.#state = 'open';
            resolve(self);
          },
          (error: unknown) => fail(unreachable(options, messageOf(error))),
        );
      });
    });
  }

  /** The switch's address in numbers. */
  get peerAddress(): string {
    return this.#connection.peerAddress;
  }

  /** A command answered by `command/reply`, with optional headers; resolves with the Reply-Text. `-ERR` rejects PBX_REFUSED. */
  command(line: string, headers?: Readonly<Record<string, string | number>>): Promise<string> {
    return this.#ask(line, (done) => {
      this.#connection.sendRecv(oneLine(line), cleaned(headers), (reply) => done(reply.getHeader('Reply-Text') ?? ''));
    });
  }

  /** An `api` command; resolves with its body. `-ERR` rejects PBX_REFUSED, or CHANNEL_GONE where no such channel exists. */
  api(line: string): Promise<string> {
    return this.#ask(line, (done) => {
      this.#connection.api(oneLine(line), (reply) => done((reply.getBody() ?? '').trim()));
    });
  }

  /** Idempotent. */
  close(reason = new LinecardError('PBX_UNREACHABLE', 'the event socket was closed')): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#connection.destroy();
    for (const waiting of this.#waiting) {
      waiting.alarm.cancel();
      waiting.reject(reason);
    }
    this.#waiting.clear();
    if (wasOpen) this.#options.onClosed(reason);
  }

  #ask(line: string, send: (done: (text: string) => void) => void): Promise<string> {
    if (this.#state === 'closed') {
      return Promise.reject(new LinecardError('PBX_UNREACHABLE', 'the event socket is closed'));
    }
    return new Promise((resolve, reject) => {
      const alarm = this.#options.clock.setAlarm(COMMAND_TIME_LIMIT_MS, () => {
        this.close(
          new LinecardError(
            'PBX_TIMEOUT',
            `FreeSWITCH did not answer "${verbOf(line)}" within ${COMMAND_TIME_LIMIT_MS} ms`,
          ),
        );
      });
      const waiting: Waiting = { reject, alarm };
      this.#waiting.add(waiting);
      send((text) => {
        if (!this.#waiting.delete(waiting)) return;
        alarm.cancel();
        if (text.startsWith('-ERR')) reject(refused(line, text));
        else resolve(text);
      });
    });
  }

  #received(headers: unknown, body: unknown): void {
    const isEvent = (headers as { 'Content-Type'?: unknown } | null)?.['Content-Type'] === 'text/event-json';
    if (!isEvent || typeof body !== 'string') return;
    // EslFraming has let through what parses to an object only.
    const event = JSON.parse(body) as EslEvent;
    try {
      this.#options.onEvent(event);
    } catch (error) {
      this.#options.log.error({ err: error, event: event['Event-Name'] }, 'handling a FreeSWITCH event failed');
    }
  }
}

/** Strips what would end a line of the protocol: nothing a caller or a model says can add a command. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\0]+/g, ' ');
}

/** modesl's Connection with a filter between its socket and its parser. */
class SafeConnection extends modesl.Connection {
  readonly #fail: (error: LinecardError) => void;
  peerAddress = '';

  constructor(host: string, port: number, password: string, fail: (error: LinecardError) => void) {
    super(host, port, oneLine(password));
    this.#fail = fail;
  }

  /** Called by the library when the socket is connected; it makes its parser over `this.socket` here. */
  override _onConnect(): void {
    const { socket } = this;
    if (socket === null) return;
    socket.setNoDelay(true);
    this.peerAddress = plainAddress(socket.remoteAddress ?? '');
    this.socket = new FilteredSocket(socket, (error) => this.#fail(error)) as unknown as Socket;
    super._onConnect();
  }

  destroy(): void {
    this.socket?.destroy();
  }
}

/** What the library sees of its socket: whole, harmless messages, one at a time, so that its recursion never nests. */
class FilteredSocket extends EventEmitter {
  readonly #socket: Socket;

  constructor(socket: Socket, fail: (error: LinecardError) => void) {
    super();
    this.#socket = socket;
    const framing = new EslFraming((message) => this.emit('data', message));
    socket.on('data', (chunk: Buffer) => {
      try {
        framing.push(chunk);
      } catch (error) {
        fail(
          error instanceof LinecardError ? error : new LinecardError('INVARIANT', messageOf(error), { cause: error }),
        );
      }
    });
    socket.on('end', () => this.emit('end'));
    socket.on('close', () => this.emit('end'));
  }

  /** The library writes a command line by line; it goes out as one segment. */
  write(text: string): boolean {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    return this.#socket.write(text);
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function cleaned(headers: Readonly<Record<string, string | number>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, oneLine(String(value))]));
}

function refused(line: string, text: string): LinecardError {
  const reason = text.slice('-ERR'.length).trim();
  if (/no such channel|cannot locate session|invalid session id/i.test(reason)) {
    return new LinecardError('CHANNEL_GONE', `"${verbOf(line)}": ${reason}`);
  }
  return new LinecardError('PBX_REFUSED', `FreeSWITCH refused "${verbOf(line)}": ${reason}`);
}

/** The first word or two: arguments hold numbers and names of people. */
function verbOf(line: string): string {
  return oneLine(line).split(' ', 1)[0] ?? '';
}

function unreachable(options: EslConnectionOptions, reason: string): LinecardError {
  return new LinecardError('PBX_UNREACHABLE', `FreeSWITCH event socket at ${options.host}:${options.port}: ${reason}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
