/** How long a test waits for anything that should happen by itself. */
export const EVENT_LIMIT_MS = 15_000;

type Waiter = { readonly isTrue: () => boolean; readonly done: () => void };

/** Lets a test wait for a state that events bring about: who changes something calls `changed`. */
export class Until {
  readonly #waiters = new Set<Waiter>();

  changed(): void {
    for (const waiter of [...this.#waiters]) if (waiter.isTrue()) waiter.done();
  }

  /** Resolves as soon as `isTrue`; rejects after the limit, naming `what` did not happen and how things are. */
  is(what: string, isTrue: () => boolean, options: { limitMs?: number; state?: () => string } = {}): Promise<void> {
    if (isTrue()) return Promise.resolve();
    const limitMs = options.limitMs ?? EVENT_LIMIT_MS;
    // Made here: the stack then shows the line of the test that waits.
    const error = new Error(`not within ${limitMs} ms: ${what}`);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        isTrue,
        done: () => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        if (options.state !== undefined) error.message += ` (${options.state()})`;
        reject(error);
      }, limitMs);
      this.#waiters.add(waiter);
    });
  }
}
