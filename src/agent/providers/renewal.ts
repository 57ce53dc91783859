import type { Clock } from '../../core/clock.js';

/** After a session that did not come about. */
const AGAIN_AFTER_MS = 1000;

/** What a renewal has to know of a session at a provider. */
export type Renewable = { readonly ready: boolean; close(): void };

export type RenewalOptions<Session> = {
  /** Pause or not, the change comes at this time. */
  readonly dueAtMs: number;
  readonly connect: () => Session;
  readonly clock: Clock;
};

/**
 * The change to a new session while the old one is about to end, or has ended: the new one is opened in a pause, and takes over if nothing has been said
 * meanwhile that it does not know of.
 */
export class Renewal<Session extends Renewable> {
  readonly #options: RenewalOptions<Session>;
  #state: 'announced' | 'cut' = 'announced';
  #successor: { readonly session: Session; readonly version: string } | null = null;
  #retryAtMs = 0;

  constructor(options: RenewalOptions<Session>) {
    this.#options = options;
  }

  /** The old session has ended. */
  get isCut(): boolean {
    return this.#state === 'cut';
  }

  cut(): void {
    this.#state = 'cut';
  }

  /**
   * Once a tick. Returns the session that takes over now, which is the owner's from then on.
   * @param now what the conversation is at; `version` changes whenever it moves on
   */
  work(now: { readonly busy: boolean; readonly version: string }): Session | null {
    const { clock, dueAtMs, connect } = this.#options;
    const nowMs = clock.nowMs();
    const isUrgent = this.isCut || nowMs >= dueAtMs;
    const successor = this.#successor;
    if (successor === null) {
      if ((isUrgent || !now.busy) && nowMs >= this.#retryAtMs) {
        this.#successor = { session: connect(), version: now.version };
      }
      return null;
    }
    if (!successor.session.ready) return null;
    this.#successor = null;
    if (isUrgent || (!now.busy && successor.version === now.version)) return successor.session;
    successor.session.close();
    return null;
  }

  /** The new session did not come about. */
  failed(): void {
    this.#successor = null;
    this.#retryAtMs = this.#options.clock.nowMs() + AGAIN_AFTER_MS;
  }

  close(): void {
    this.#successor?.session.close();
  }
}
