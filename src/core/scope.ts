import type { Clock } from './clock.js';
import type { Logger } from './logger.js';

type Closer = { readonly name: string; readonly close: () => void | Promise<void> };

/**
 * What a call (or a service) has opened. Each resource registers how it is closed; `close` runs them in reverse order,
 * once, each within `limitMs`, and goes on when one fails: a half-closed call must not keep the rest open.
 */
export class Scope {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limitMs: number;
  /** In the order of registration; emptied from the end. */
  readonly #closers: Closer[] = [];
  #closing: Promise<void> | null = null;

  constructor(options: { readonly clock: Clock; readonly log: Logger; readonly limitMs?: number }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#limitMs = options.limitMs ?? 5000;
  }

  get closed(): boolean {
    return this.#closing !== null;
  }

  /** Registers a closer. When the scope is closed already the resource is closed at once: nothing slips through. */
  add(name: string, close: () => void | Promise<void>): void {
    if (this.#closing !== null) {
      void this.#run({ name, close });
      return;
    }
    this.#closers.push({ name, close });
  }

  /** Idempotent: every caller gets the same promise. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      await this.#run(closer);
    }
  }

  async #run(closer: Closer): Promise<void> {
    let alarm: { cancel(): void } | null = null;
    const limit = new Promise<'late'>((resolve) => {
      alarm = this.#clock.setAlarm(this.#limitMs, () => resolve('late'));
    });
    try {
      const result = await Promise.race([Promise.resolve(closer.close()), limit]);
      if (result === 'late')
        this.#log.warn({ resource: closer.name, limitMs: this.#limitMs }, 'resource did not close in time');
    } catch (error) {
      this.#log.warn({ resource: closer.name, err: error }, 'resource failed to close');
    } finally {
      (alarm as { cancel(): void } | null)?.cancel();
    }
  }
}
