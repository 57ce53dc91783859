import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError, toLinecardError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import { AgentSocket } from './agent-socket.js';
import { AnswerWatch } from './answer-watch.js';
import { Misunderstandings } from './misunderstandings.js';

/** From the open socket to a session that is as we want it; as long again for its address, where that has to be asked for. */
const READY_TIME_LIMIT_MS = 5000;

/** What has to be known of a protocol to keep a session by it. */
export type ModelProtocol<Message> = {
  /** What came in one message; null when the protocol does not know it. Binary messages come as bytes, which are the reader's to keep. */
  readonly read: (data: string | Buffer) => Message | null;
  /** The session is as it was asked to be. */
  readonly confirms: (message: Message) => boolean;
  /** A sign of the answer that is owed. */
  readonly answers: (message: Message) => boolean;
};

export type ModelSocketOptions<Message> = {
  readonly protocol: ModelProtocol<Message>;
  /** Of the WebSocket, or how to ask for it. */
  readonly url: string | ((signal: AbortSignal) => Promise<string>);
  readonly headers: Readonly<Record<string, string>>;
  /** The first thing that is sent: how the session is to be. */
  readonly setUp: string;
  readonly listener: ModelSocketListener<Message>;
  readonly clock: Clock;
  readonly log: Logger;
};

/** What the owner is told. Nothing follows `finished` and `failed`. */
export interface ModelSocketListener<Message> {
  /** The session is configured; the message that says so follows. */
  ready(): void;
  message(message: Message): void;
  /** The other side has ended a session that had begun, in good order. */
  finished(reason: string): void;
  /** AGENT_UNAVAILABLE: no session came about. AGENT_FAILED: it broke, or no answer came. */
  failed(error: LinecardError): void;
}

/** A session with a model, or a whole agent, behind a WebSocket: opened, configured, confirmed, and watched for answers. */
export class ModelSocket<Message> {
  readonly #options: ModelSocketOptions<Message>;
  readonly #answer: AnswerWatch;
  readonly #misunderstandings: Misunderstandings;
  readonly #opening = new AbortController();
  #socket: AgentSocket | null = null;
  #state: 'opening' | 'ready' | 'closed' = 'opening';
  /** Until the session has its address, and then until it is ready. */
  #alarm: Alarm | null = null;

  constructor(options: ModelSocketOptions<Message>) {
    this.#options = options;
    const { url, clock, log } = options;
    this.#answer = new AnswerWatch(clock, (error) => this.#failed(error));
    this.#misunderstandings = new Misunderstandings(log, (error) => this.#failed(error));
    if (typeof url === 'string') this.#socket = this.#open(url);
    else void this.#askForUrl(url);
  }

  get ready(): boolean {
    return this.#state === 'ready';
  }

  /** An answer is owed, or was when the session ended. */
  get waiting(): boolean {
    return this.#answer.waiting;
  }

  /** Messages of audio that the server did not take. */
  get dropped(): number {
    return this.#socket?.dropped ?? 0;
  }

  /** Before the session is ready it is dropped. */
  send(message: string): void {
    if (this.#state === 'ready') this.#socket?.send(message);
  }

  /** The same for audio, which is also dropped when the server does not keep up. */
  sendMedia(message: string | Uint8Array): void {
    if (this.#state === 'ready') this.#socket?.sendMedia(message);
  }

  /** From now on an answer is owed. */
  expectAnswer(): void {
    if (this.#state === 'ready') this.#answer.expect();
  }

  /** It has come, or the caller goes on. */
  stopWaiting(): void {
    if (this.#state === 'ready') this.#answer.stop();
  }

  /** Idempotent; nothing is told afterwards. */
  close(): void {
    this.#state = 'closed';
    this.#opening.abort();
    this.#alarm?.cancel();
    this.#answer.close();
    this.#socket?.close();
  }

  async #askForUrl(ask: (signal: AbortSignal) => Promise<string>): Promise<void> {
    this.#watch('no address of a session');
    try {
      const url = await ask(this.#opening.signal);
      if (this.#isClosed()) return;
      this.#alarm?.cancel();
      this.#socket = this.#open(url);
    } catch (error) {
      this.#failed(toLinecardError(error, 'AGENT_UNAVAILABLE'));
    }
  }

  #open(url: string): AgentSocket {
    const { headers, setUp, clock } = this.#options;
    const socket = new AgentSocket({
      url,
      headers,
      listener: {
        opened: () => {
          socket.send(setUp);
          this.#watch('no session');
        },
        text: (message) => this.#message(message),
        binary: (message) => this.#message(message),
        finished: (reason) => this.#finished(reason),
        failed: (error) => this.#failed(error),
      },
      clock,
    });
    return socket;
  }

  #watch(missing: string): void {
    this.#alarm = this.#options.clock.setAlarm(READY_TIME_LIMIT_MS, () => {
      this.#failed(new LinecardError('AGENT_UNAVAILABLE', `${missing} within ${READY_TIME_LIMIT_MS} ms`));
    });
  }

  #message(data: string | Buffer): void {
    const { protocol, listener } = this.#options;
    if (this.#state === 'closed') return;
    const message = protocol.read(data);
    if (message === null) {
      this.#misunderstandings.add(`a message of ${data.length} ${typeof data === 'string' ? 'characters' : 'bytes'}`);
      return;
    }
    if (this.#state === 'opening' && protocol.confirms(message)) {
      this.#state = 'ready';
      this.#alarm?.cancel();
      listener.ready();
    }
    if (protocol.answers(message)) this.stopWaiting();
    listener.message(message);
  }

  #finished(reason: string): void {
    if (this.#state !== 'ready') {
      this.#failed(new LinecardError('AGENT_UNAVAILABLE', `the server ended the session ${reason}`));
      return;
    }
    this.close();
    this.#options.listener.finished(reason);
  }

  /** A wrong key, an unknown model and an empty account are told by closing a session that has not begun. */
  #failed(error: LinecardError): void {
    if (this.#state === 'closed') return;
    const isReady = this.#state === 'ready';
    this.close();
    this.#options.listener.failed(isReady || error.code === 'INVARIANT' ? error : unavailableFrom(error));
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

function unavailableFrom(error: LinecardError): LinecardError {
  return new LinecardError('AGENT_UNAVAILABLE', error.message, { cause: error });
}
