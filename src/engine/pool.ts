import type { Clock } from '../core/clock.js';
import { wait } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { CallId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import { MediaThread } from './media-thread-handle.js';
import type { Admission } from './overload-watch.js';
import type { FromMedia, MediaAddress, MediaEngine, OpenSession, ThreadReport, ToMedia } from './port.js';
import type { ThreadLink } from './thread-link.js';

/** Everything of a thread is closed by then, or it is ended. */
const STOP_TIME_LIMIT_MS = 3000;

export type MediaPoolOptions = {
  /** How many media threads there are. */
  readonly threads: number;
  /** Starts the thread number `index`, now and whenever it was lost. */
  readonly openLink: (index: number) => ThreadLink;
  /** Calls that one thread takes. */
  readonly maxSessionsPerThread: number;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Logger;
};

/**
 * The media threads behind one port: gives each new call to the least loaded, knows who has which call, replaces a thread that
 * froze or died and reports its calls as lost.
 */
export class MediaPool implements MediaEngine {
  onMessage: (message: FromMedia) => void = () => undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #threads: readonly MediaThread[];
  #draining = false;
  #stopped = false;
  #droppedMessages = 0;

  constructor(options: MediaPoolOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#threads = Array.from(
      { length: options.threads },
      (_, index) =>
        new MediaThread({
          index,
          openLink: options.openLink,
          maxSessions: options.maxSessionsPerThread,
          admission: options.admission,
          clock: options.clock,
          log: options.log.child({ mediaThread: index }),
          onMessage: (message) => this.onMessage(message),
        }),
    );
  }

  /** Messages to calls that no thread has: a call that just ended. */
  get droppedMessages(): number {
    return this.#droppedMessages;
  }

  async start(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.start()));
    this.#log.info({ addresses: this.#threads.map(({ address }) => address) }, 'media threads are ready');
  }

  unready(): readonly string[] {
    if (this.#draining || this.#stopped) return ['no new calls are taken: shutting down'];
    const reasons = this.#threads.map((thread) => thread.refusal());
    // One thread with room is enough.
    return reasons.includes(null) ? [] : reasons.flatMap((reason) => (reason === null ? [] : [reason]));
  }

  limitations(): readonly string[] {
    return [...new Set(this.#threads.flatMap((thread) => thread.limitations))];
  }

  async open(session: OpenSession): Promise<MediaAddress> {
    const { beside } = session;
    if (beside !== undefined) {
      // Part of a call that was taken: late ticks are no reason to leave its caller alone.
      const thread = this.#threads.find((each) => each.has(beside));
      if (thread === undefined) throw new LinecardError('CALL_UNKNOWN', `no media thread has call ${beside}`);
      return thread.open(session);
    }
    const reason = this.unready()[0];
    if (reason !== undefined) throw new LinecardError('MEDIA_FULL', reason);
    let least: MediaThread | null = null;
    for (const thread of this.#threads) {
      if (thread.refusal() === null && (least === null || thread.callCount < least.callCount)) least = thread;
    }
    if (least === null) throw new LinecardError('MEDIA_FULL', 'no media thread takes calls');
    return least.open(session);
  }

  send(message: Extract<ToMedia, { readonly callId: CallId }>): void {
    for (const thread of this.#threads) {
      if (!thread.has(message.callId)) continue;
      thread.send(message);
      return;
    }
    this.#droppedMessages += 1;
  }

  reports(): readonly ThreadReport[] {
    return this.#threads.map((thread) => thread.report);
  }

  drain(): void {
    this.#draining = true;
    for (const thread of this.#threads) thread.send({ kind: 'drain' });
  }

  /** Closes every call. Idempotent, never rejects. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    const stopping = Promise.all(this.#threads.map((thread) => thread.stop()));
    await Promise.race([stopping, wait(this.#clock, STOP_TIME_LIMIT_MS)]);
  }
}
