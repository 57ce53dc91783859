import type { Clock } from '../../core/clock.js';
import type { LegId } from '../../core/ids.js';

/** The dialplan asks at once; a minute covers a PBX that was busy. */
const REMEMBERED_MS = 60_000;
/** At ten ended calls a second, twice as many as are remembered. */
const MAX_REMEMBERED = 1200;
const QUESTION_PREFIX = '00000000-';

/** Whether a UUID asks about a call instead of being one (docs/design/first-call.md). */
export function isQuestion(legId: LegId): boolean {
  return legId.startsWith(QUESTION_PREFIX);
}

/** The calls of the dialplan that ended on purpose a short while ago. */
export class EndedCalls {
  readonly #clock: Clock;
  /** When each ended, by its UUID without the first group; oldest first. */
  readonly #endedAtMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(legId: LegId): void {
    const nowMs = this.#clock.nowMs();
    const rest = legId.slice(QUESTION_PREFIX.length);
    this.#endedAtMs.delete(rest);
    this.#endedAtMs.set(rest, nowMs);
    for (const [oldest, atMs] of this.#endedAtMs) {
      if (this.#endedAtMs.size <= MAX_REMEMBERED && nowMs - atMs <= REMEMBERED_MS) break;
      this.#endedAtMs.delete(oldest);
    }
  }

  /** `unknown` is everything else: to go to a human, live, or before our time. */
  answer(question: LegId): 'onPurpose' | 'unknown' {
    const atMs = this.#endedAtMs.get(question.slice(QUESTION_PREFIX.length));
    return atMs !== undefined && this.#clock.nowMs() - atMs <= REMEMBERED_MS ? 'onPurpose' : 'unknown';
  }
}
