import { LinecardError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';

/** More of them is a conversation at cross purposes. */
const MAX_MISUNDERSTANDINGS = 20;

/** What one side of a protocol says and the other does not understand: the first is worth a line in the log, too many are the end. */
export class Misunderstandings {
  readonly #log: Logger;
  readonly #onTooMany: (error: LinecardError) => void;
  #count = 0;

  /** @param onTooMany is told AGENT_FAILED */
  constructor(log: Logger, onTooMany: (error: LinecardError) => void) {
    this.#log = log;
    this.#onTooMany = onTooMany;
  }

  /** @param what without words of the caller's or secrets: it is logged */
  add(what: string): void {
    this.#count += 1;
    if (this.#count === 1) this.#log.warn({ what }, 'the provider and we misunderstand each other');
    if (this.#count <= MAX_MISUNDERSTANDINGS) return;
    this.#onTooMany(new LinecardError('AGENT_FAILED', `too many misunderstandings, the last one: ${what}`));
  }
}
