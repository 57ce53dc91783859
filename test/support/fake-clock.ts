import type { Alarm, Clock } from '../../src/core/clock.js';

type PendingAlarm = { readonly atMs: number; readonly order: number; readonly ring: () => void };

/** A clock that stands still until the test moves it; alarms ring in the order of their times. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #wallStartMs: number;
  readonly #alarms = new Set<PendingAlarm>();

  constructor(wallStartMs = Date.parse('2026-01-05T09:00:00Z')) {
    this.#wallStartMs = wallStartMs;
  }

  /** Alarms that have not rung: a test may assert that none is left. */
  get pendingAlarms(): number {
    return this.#alarms.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  setAlarm(delayMs: number, ring: () => void): Alarm {
    const alarm: PendingAlarm = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, ring };
    this.#alarms.add(alarm);
    return { cancel: () => this.#alarms.delete(alarm) };
  }

  /** Moves time on by `ms`, ringing what falls due on the way, at its own time. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.#next(untilMs); next !== null; next = this.#next(untilMs)) {
      this.#alarms.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.ring();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Time passes and nothing runs: alarms that fell due meanwhile ring late, at the next `advance`. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /** As `advance`, and lets promises settle after every alarm. */
  async advanceAsync(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(untilMs); next !== null; next = this.#next(untilMs)) {
      this.#alarms.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.ring();
      await settle();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    await settle();
  }

  #next(untilMs: number): PendingAlarm | null {
    let first: PendingAlarm | null = null;
    for (const alarm of this.#alarms) {
      if (alarm.atMs > untilMs) continue;
      if (first === null || alarm.atMs < first.atMs || (alarm.atMs === first.atMs && alarm.order < first.order)) {
        first = alarm;
      }
    }
    return first;
  }
}

/** Lets every promise that can settle without time passing do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
