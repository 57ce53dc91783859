import { FRAME_MS } from '../core/units.js';

/** A schedule that moves later by this a turn: a sender of turns may be 2,500 ppm slow, and one early turn is forgotten within minutes. */
const DRIFT_MS = 0.05;
/** Turns this late are a new schedule: some were left out (three at least, `MAX_LATE_TICKS` of the ticker). */
const BREAK_MS = 50;

/** When turns are due, found from when they are taken: each 20 ms, sometimes late, never early. */
export class TurnSchedule {
  #dueAtMs = Number.NEGATIVE_INFINITY;

  /** A turn is taken. */
  turn(nowMs: number): void {
    const dueAtMs = this.#dueAtMs + FRAME_MS + DRIFT_MS;
    this.#dueAtMs = nowMs - dueAtMs > BREAK_MS ? nowMs : Math.min(nowMs, dueAtMs);
  }

  /** Time until the next turn is due; negative when it is late already. */
  untilNextMs(nowMs: number): number {
    return this.#dueAtMs + FRAME_MS - nowMs;
  }
}
