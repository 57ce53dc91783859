import type { TimedWord } from './text-heard.js';
import { wordEnds } from './text-heard.js';

/** Who knows the end of a question answers before it, */
const BEFORE_ITS_END_MS = 600;
/** and who was asked answers within so much of what is said after it. */
const AFTER_ITS_END_MS = 1500;
/** A voice breathes out after its last word. */
const TRAILING_MS = 500;

const QUESTION = /[?？؟][\p{Pe}\p{Pf}"'*]*$/u;

/**
 * How far a caller is from the last question that they have heard, in milliseconds of the agent's speech: whoever says a short word then has answered it,
 * and is not only listening.
 */
export class Questions {
  /** Of speech that was heard whole since the end of the last question in it. */
  #sinceMs = Number.POSITIVE_INFINITY;

  /** A segment was heard to its end. */
  heard(words: readonly TimedWord[], totalMs: number): void {
    const last = endsOf(words, totalMs).at(-1);
    this.#sinceMs = last === undefined ? this.#sinceMs + totalMs : totalMs - last;
  }

  /** Whether the last that was heard was a question. */
  get open(): boolean {
    return this.#sinceMs <= TRAILING_MS;
  }

  /** Another subject: what was said before is no question any more. */
  forget(): void {
    this.#sinceMs = Number.POSITIVE_INFINITY;
  }

  /** Whether what is said now may be an answer. @param heardMs of the segment that plays */
  mayBeAnswered(words: readonly TimedWord[], heardMs: number, totalMs: number): boolean {
    return (
      this.#sinceMs + heardMs <= AFTER_ITS_END_MS ||
      endsOf(words, totalMs).some((end) => heardMs >= end - BEFORE_ITS_END_MS && heardMs <= end + AFTER_ITS_END_MS)
    );
  }
}

function endsOf(words: readonly TimedWord[], totalMs: number): number[] {
  const ends = wordEnds(words, totalMs);
  return ends.filter((_, index) => QUESTION.test(words[index]?.word ?? ''));
}
