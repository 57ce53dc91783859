import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';

/** From a turn's end, or from our asking, to the first sign of an answer. Nobody waits longer on the telephone. */
const ANSWER_TIME_LIMIT_MS = 8000;

/** Whether a model owes an answer, and that it comes in time. */
export class AnswerWatch {
  readonly #clock: Clock;
  readonly #onLate: (error: LinecardError) => void;
  #alarm: Alarm | null = null;
  #waiting = false;

  /** @param onLate is told AGENT_FAILED */
  constructor(clock: Clock, onLate: (error: LinecardError) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  /** An answer is owed, or was when the watch was closed. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** From now on an answer is owed. */
  expect(): void {
    this.#waiting = true;
    this.#alarm?.cancel();
    this.#alarm = this.#clock.setAlarm(ANSWER_TIME_LIMIT_MS, () => {
      this.#onLate(new LinecardError('AGENT_FAILED', `the model did not answer within ${ANSWER_TIME_LIMIT_MS} ms`));
    });
  }

  /** It has come, or nobody waits for it any more. */
  stop(): void {
    this.#waiting = false;
    this.#alarm?.cancel();
    this.#alarm = null;
  }

  /** The session is over; what was owed stays owed, by the next one. */
  close(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
  }
}
