import { MessageChannel, Worker } from 'node:worker_threads';
import type { FromMedia, ToMedia } from './port.js';

/** The way to one media thread and back. */
export interface ThreadLink {
  send(message: ToMedia): void;
  /** Set before the first message can come: at once after opening. */
  onMessage: (message: FromMedia) => void;
  /** The thread is gone and nothing more comes. Told once, not after `terminate`. */
  onGone: (reason: string) => void;
  /** Whether it can freeze by itself: a thread of its own can, one that shares ours cannot. */
  readonly separate: 'yes' | 'no';
  /** Ends it at once, whatever it does; resolves when its sockets are closed. Idempotent. */
  terminate(): Promise<void>;
}

/** A media thread as a worker. `workerData` is plain data. */
export class WorkerLink implements ThreadLink {
  readonly separate = 'yes';
  onMessage: (message: FromMedia) => void = () => undefined;
  onGone: (reason: string) => void = () => undefined;
  readonly #worker: Worker;
  #ended = false;

  constructor(options: { readonly entry: URL; readonly workerData: unknown }) {
    const { entry, workerData } = options;
    this.#worker = new Worker(entry, { workerData });
    this.#worker.on('message', (message: FromMedia) => {
      if (!this.#ended) this.onMessage(message);
    });
    this.#worker.on('error', (error) => this.#gone(error.stack ?? error.message));
    this.#worker.on('exit', (code) => this.#gone(`exit code ${code}`));
  }

  send(message: ToMedia): void {
    if (!this.#ended) this.#worker.postMessage(message);
  }

  async terminate(): Promise<void> {
    this.#ended = true;
    await this.#worker.terminate();
  }

  #gone(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onGone(reason);
  }
}

/** The inside of a media thread. */
export interface MediaSide {
  start(): Promise<void>;
  handle(message: ToMedia): void;
  stop(): Promise<void>;
}

/** The media side on our own thread, over the same messages: each is cloned and comes later, as from a worker. */
export class LocalLink implements ThreadLink {
  readonly separate = 'no';
  onMessage: (message: FromMedia) => void = () => undefined;
  onGone: (reason: string) => void = () => undefined;
  readonly #channel = new MessageChannel();
  readonly #side: MediaSide;
  #ended = false;

  constructor(openSide: (send: (message: FromMedia) => void) => MediaSide) {
    const { port1: control, port2: media } = this.#channel;
    this.#side = openSide((message) => media.postMessage(message));
    control.on('message', (message: FromMedia) => {
      if (!this.#ended) this.onMessage(message);
    });
    media.on('message', (message: ToMedia) => this.#side.handle(message));
    void this.#side.start();
  }

  send(message: ToMedia): void {
    if (!this.#ended) this.#channel.port1.postMessage(message);
  }

  async terminate(): Promise<void> {
    this.#ended = true;
    await this.#side.stop();
    this.#channel.port1.close();
  }
}
