import type { Alarm, Clock } from '../../../core/clock.js';
import { LinecardError } from '../../../core/errors.js';
import { SAMPLES_PER_MS } from '../../../core/units.js';
import { AgentSocket } from '../agent-socket.js';
import type { Ear, OnGuess, SpeechToText } from './port.js';

/** From our asking for the last words to their coming. */
const FINISH_LIMIT_MS = 2500;
/** Looked at this often whether anything was sent: servers hang up on who is silent for ten seconds. */
const KEEP_ALIVE_MS = 4000;
/** Pieces in which a whole utterance is given. */
const PIECE_SAMPLES = 100 * SAMPLES_PER_MS;
/** Pieces that wait for the connection; a live one is 20 ms, and connections come about within 5 s. */
const MAX_WAITING = 400;

/** What a recognizer's message says, in words that are the same for all of them. */
export type Recognized =
  /** A guess about what was said since the last `final`; the next one replaces it. */
  | { readonly kind: 'partial'; readonly text: string }
  /** Does not change any more. `last`: it is the answer to `finish`. */
  | { readonly kind: 'final'; readonly text: string; readonly last: boolean }
  | { readonly kind: 'failed'; readonly error: LinecardError }
  | { readonly kind: 'other' };

/** How one vendor speaks: everything that differs between recognizers that listen by WebSocket. */
export interface TranscriberDialect {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  audio(pcm: Int16Array): string | Uint8Array;
  /** Asks for the last words of what was sent. */
  readonly finish: string;
  /** Sent when nothing else is. */
  readonly keepAlive: string | null;
  read(message: string): Recognized;
}

/** A recognizer behind a WebSocket of a vendor's. */
export class SocketTranscriber implements SpeechToText {
  readonly #dialect: TranscriberDialect;
  readonly #clock: Clock;

  constructor(dialect: TranscriberDialect, clock: Clock) {
    this.#dialect = dialect;
    this.#clock = clock;
  }

  listen = (onGuess: OnGuess): Ear => new SocketEar(this.#dialect, this.#clock, onGuess);

  async transcribe(utterance: Int16Array, signal: AbortSignal): Promise<string> {
    const ear = this.listen(() => undefined);
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    try {
      signal.throwIfAborted();
      for (let at = 0; at < utterance.length; at += PIECE_SAMPLES) ear.hear(utterance.subarray(at, at + PIECE_SAMPLES));
      return await Promise.race([ear.finish(), aborted]);
    } finally {
      ear.close();
    }
  }
}

/** One connection: sound goes up, words come down and are kept until they are asked for. */
class SocketEar implements Ear {
  readonly #dialect: TranscriberDialect;
  readonly #clock: Clock;
  readonly #onGuess: OnGuess;
  readonly #socket: AgentSocket;
  /** What was said before the connection was there. */
  readonly #waiting: (string | Uint8Array)[] = [];
  #keepAlive: Alarm | null = null;
  /** Something was sent since it was last looked at. */
  #sent = false;
  /** Something was heard since the last `finish`. */
  #heard = false;
  /** The server has said something about it. */
  #answered = false;
  readonly #finals: string[] = [];
  #partial = '';
  /** Those who asked for the last words, and are answered in turn: the caller may go on and stop again before the first is. */
  readonly #finishing: Asking[] = [];
  #finishAlarm: Alarm | null = null;
  #failure: LinecardError | null = null;

  constructor(dialect: TranscriberDialect, clock: Clock, onGuess: OnGuess) {
    this.#dialect = dialect;
    this.#clock = clock;
    this.#onGuess = onGuess;
    this.#socket = new AgentSocket({
      url: dialect.url,
      headers: dialect.headers,
      clock,
      listener: {
        opened: () => this.#opened(),
        text: (message) => this.#message(message),
        binary: () => undefined,
        finished: () => this.#failed(new LinecardError('AGENT_FAILED', 'the speech recognizer ended the connection')),
        failed: (error) => this.#failed(error),
      },
    });
  }

  get broken(): boolean {
    return this.#failure !== null;
  }

  hear(pcm: Int16Array): void {
    if (this.#failure !== null) return;
    this.#heard = true;
    this.#send(this.#dialect.audio(pcm));
  }

  finish(): Promise<string> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (!this.#heard) return Promise.resolve('');
    this.#heard = false;
    this.#send(this.#dialect.finish);
    this.#finishAlarm?.cancel();
    this.#finishAlarm = this.#clock.setAlarm(FINISH_LIMIT_MS, () => this.#late());
    return new Promise((resolve, reject) => this.#finishing.push({ resolve, reject }));
  }

  close(): void {
    this.#failure ??= new LinecardError('AGENT_FAILED', 'the call has ended');
    this.#keepAlive?.cancel();
    this.#finishAlarm?.cancel();
    this.#socket.close();
  }

  /** Since the last `finish`. */
  get #words(): string {
    return [...this.#finals, this.#partial].join(' ').trim();
  }

  #send(message: string | Uint8Array): void {
    this.#sent = true;
    if (this.#socket.open) this.#socket.send(message);
    else if (this.#waiting.length < MAX_WAITING) {
      // The buffer of a live frame is used again.
      this.#waiting.push(typeof message === 'string' ? message : Uint8Array.from(message));
    }
  }

  #opened(): void {
    for (const message of this.#waiting.splice(0)) this.#socket.send(message);
    this.#watch();
  }

  #watch(): void {
    const { keepAlive } = this.#dialect;
    if (keepAlive === null) return;
    this.#keepAlive = this.#clock.setAlarm(KEEP_ALIVE_MS, () => {
      if (!this.#sent) this.#socket.send(keepAlive);
      this.#sent = false;
      this.#watch();
    });
  }

  #message(message: string): void {
    const recognized = this.#dialect.read(message);
    switch (recognized.kind) {
      case 'partial':
        this.#answered = true;
        this.#partial = recognized.text;
        this.#onGuess(this.#words);
        break;
      case 'final':
        this.#answered = true;
        this.#partial = '';
        if (recognized.text !== '') this.#finals.push(recognized.text);
        if (recognized.last) this.#finished();
        else this.#onGuess(this.#words);
        break;
      case 'failed':
        this.#failed(recognized.error);
        break;
      case 'other':
        break;
    }
  }

  /** Servers that have nothing left to say about what they were sent say nothing. One that never said anything is gone. */
  #late(): void {
    if (!this.#answered) {
      this.#failed(new LinecardError('AGENT_FAILED', `the speech recognizer was silent for ${FINISH_LIMIT_MS} ms`));
    } else while (this.#finishing.length > 0) this.#finished();
  }

  #finished(): void {
    const asking = this.#finishing.shift();
    if (asking === undefined) return;
    const text = this.#words;
    this.#finals.length = 0;
    this.#partial = '';
    if (this.#finishing.length === 0) {
      this.#finishAlarm?.cancel();
      this.#answered = false;
    }
    asking.resolve(text);
  }

  #failed(error: LinecardError): void {
    if (this.#failure !== null) return;
    this.close();
    this.#failure = error;
    for (const asking of this.#finishing.splice(0)) asking.reject(error);
  }
}

type Asking = { readonly resolve: (text: string) => void; readonly reject: (error: LinecardError) => void };
