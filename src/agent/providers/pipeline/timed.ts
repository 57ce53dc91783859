import type { Clock } from '../../../core/clock.js';
import { LinecardError } from '../../../core/errors.js';

/** Watches something long: it is aborted when no sign of life comes within a time, or when its owner gives up. */
export class Patience {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #controller = new AbortController();
  readonly #what: string;
  #alarm;

  /** @param what for people: "the model" */
  constructor(options: {
    readonly clock: Clock;
    readonly limitMs: number;
    readonly what: string;
    readonly signal: AbortSignal;
  }) {
    const { clock, limitMs, what, signal } = options;
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#what = what;
    this.#alarm = this.#arm();
    if (signal.aborted) this.#controller.abort(signal.reason);
    else
      signal.addEventListener('abort', () => this.#controller.abort(signal.reason), {
        signal: this.#controller.signal,
      });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A sign of life. */
  renew(): void {
    this.#alarm.cancel();
    this.#alarm = this.#arm();
  }

  /** It is over. Ends what is still under way. */
  end(): void {
    this.#alarm.cancel();
    this.#controller.abort(new LinecardError('INVARIANT', 'it is over'));
  }

  #arm() {
    return this.#clock.setAlarm(this.#limitMs, () => {
      this.#controller.abort(
        new LinecardError('AGENT_FAILED', `${this.#what} gave no answer within ${this.#limitMs} ms`),
      );
    });
  }
}

/** An HTTP status as one of our errors: what another try will not mend is AGENT_UNAVAILABLE. */
export function statusError(what: string, status: number, said: string): LinecardError {
  const code = [401, 402, 403, 404, 429].includes(status) ? 'AGENT_UNAVAILABLE' : 'AGENT_FAILED';
  const words = said.trim().slice(0, 300);
  return new LinecardError(code, `${what} answered ${status}${words === '' ? '' : `: ${words}`}`);
}

/** What was thrown while talking with a server, as one of our errors. */
export function serverError(what: string, thrown: unknown): LinecardError {
  if (thrown instanceof LinecardError) return thrown;
  // The message of fetch is "fetch failed" for everything; what it was is in its cause.
  const { cause } = thrown as { readonly cause?: { readonly code?: unknown } };
  const why = typeof cause?.code === 'string' ? cause.code : thrown instanceof Error ? thrown.message : String(thrown);
  return new LinecardError('AGENT_FAILED', `${what} cannot be reached: ${why}`, { cause: thrown });
}
