import type { Alarm, Clock } from '../../../core/clock.js';
import { LinecardError } from '../../../core/errors.js';
import type { Logger } from '../../../core/logger.js';
import { AgentSocket } from '../agent-socket.js';
import { AnswerWatch } from '../answer-watch.js';
import { Misunderstandings } from '../misunderstandings.js';
import type { ClientMessage, ServerMessage } from './protocol.js';
import { readServerMessage } from './protocol.js';

/** From the open socket to a session that is as we want it. */
const READY_TIME_LIMIT_MS = 5000;

export type GeminiConnectionOptions = {
  readonly url: string;
  readonly apiKey: string;
  readonly setup: Extract<ClientMessage, { readonly setup: unknown }>['setup'];
  readonly listener: GeminiConnectionListener;
  readonly clock: Clock;
  readonly log: Logger;
};

/** What the owner of a connection is told. Nothing follows `failed`. */
export interface GeminiConnectionListener {
  /** The session is configured. */
  ready(): void;
  message(message: ServerMessage): void;
  /** AGENT_UNAVAILABLE: no session came about. AGENT_FAILED: it broke, or the model does not answer. */
  failed(error: LinecardError): void;
}

/** One session of the Gemini Live API (`BidiGenerateContent`): opened, configured, and watched for answers. */
export class GeminiConnection {
  readonly #options: GeminiConnectionOptions;
  readonly #socket: AgentSocket;
  readonly #answer: AnswerWatch;
  readonly #misunderstandings: Misunderstandings;
  #state: 'opening' | 'configuring' | 'ready' | 'closed' = 'opening';
  #readyAlarm: Alarm | null = null;

  constructor(options: GeminiConnectionOptions) {
    this.#options = options;
    const { url, apiKey, clock, log } = options;
    this.#answer = new AnswerWatch(clock, (error) => this.#failed(error));
    this.#misunderstandings = new Misunderstandings(log, (error) => this.#failed(error));
    this.#socket = new AgentSocket({
      url,
      headers: { 'x-goog-api-key': apiKey },
      listener: {
        opened: () => this.#opened(),
        text: (message) => this.#message(message),
        // The server sends its JSON in binary messages.
        binary: (message) => this.#message(message.toString('utf8')),
        finished: (reason) => this.#failed(new LinecardError('AGENT_FAILED', `the server ended the session ${reason}`)),
        failed: (error) => this.#failed(error),
      },
      clock,
    });
  }

  get ready(): boolean {
    return this.#state === 'ready';
  }

  /** An answer is owed, or was when the session ended. */
  get waiting(): boolean {
    return this.#answer.waiting;
  }

  /** 20 ms frames of audio that the server did not take. */
  get dropped(): number {
    return this.#socket.dropped;
  }

  /** Before the session is ready it is dropped. */
  send(message: ClientMessage): void {
    if (this.#state === 'ready') this.#socket.send(JSON.stringify(message));
  }

  /** @param audio s16 at 16 kHz in base64 */
  sendAudio(audio: string): void {
    if (this.#state !== 'ready') return;
    this.#socket.sendMedia(`{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"${audio}"}}}`);
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
    this.#readyAlarm?.cancel();
    this.#answer.close();
    this.#socket.close();
  }

  #opened(): void {
    const { setup, clock } = this.#options;
    this.#state = 'configuring';
    this.#socket.send(JSON.stringify({ setup } satisfies ClientMessage));
    this.#readyAlarm = clock.setAlarm(READY_TIME_LIMIT_MS, () => {
      this.#failed(new LinecardError('AGENT_UNAVAILABLE', `no session within ${READY_TIME_LIMIT_MS} ms`));
    });
  }

  #message(text: string): void {
    if (this.#state === 'closed') return;
    const message = readServerMessage(text);
    if (message === null) {
      this.#misunderstandings.add(`a message of ${text.length} characters`);
      return;
    }
    if (message.setupComplete !== undefined && this.#state === 'configuring') {
      this.#state = 'ready';
      this.#readyAlarm?.cancel();
      this.#options.listener.ready();
    }
    if (message.serverContent?.modelTurn !== undefined || message.toolCall !== undefined) this.stopWaiting();
    this.#options.listener.message(message);
  }

  /** A wrong key, an unknown model and an empty account are told by closing a session that has not begun. */
  #failed(error: LinecardError): void {
    if (this.#state === 'closed') return;
    const isReady = this.#state === 'ready';
    this.close();
    const unavailable = isReady || error.code === 'INVARIANT' ? error : unavailableFrom(error);
    this.#options.listener.failed(unavailable);
  }
}

function unavailableFrom(error: LinecardError): LinecardError {
  return new LinecardError('AGENT_UNAVAILABLE', error.message, { cause: error });
}
