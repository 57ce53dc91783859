import type { Alarm, Clock } from '../core/clock.js';
import { FRAME_MS } from '../core/units.js';
import { Histogram } from './histogram.js';

/** Every 5 ms another quarter of the legs has its turn: a thread's work comes in four small heaps instead of a big one. */
export const SLOTS = 4;
const SLOT_MS = FRAME_MS / SLOTS;
/** Later than this is not caught up: the audio would only be late for good. */
export const MAX_LATE_TICKS = 3;
/**
 * After a delay slots follow each other at twice the pace, not at once: no peer gets two frames within less than 10 ms, and what came in
 * during the delay is read in between. A delay of 60 ms is made up for in 120.
 */
const CATCH_UP_SLOT_MS = SLOT_MS / 2;
/** Timers have whole milliseconds, so an alarm may ring this much early; waiting again would make the frame a millisecond late. */
const EARLY_MS = 0.5;
/** A slot that is wished for may have so many members more than the one that has least: else those whose senders keep the same time were one big heap. */
const MAX_CROWD = 8;
const LATENESS_STEP_MS = 0.25;
/** Up to 100 ms; what is later counts as that. */
const LATENESS_BUCKETS = 400;

/** What has a turn each 20 ms. A turn runs to its end synchronously, allocates nothing and awaits nothing. */
export interface Ticked {
  /** `nowMs` is when the turn was due: 20 ms after the one before, whatever the timer did. */
  tick(nowMs: number): void;
}

/** Figures since the last report; the object is the caller's. */
export type TickerReport = {
  latenessP50Ms: number;
  latenessP99Ms: number;
  latenessMaxMs: number;
  /** Turns of a slot that were run. */
  ticks: number;
  /** Turns of a slot that were left out because they were too late. */
  skippedTicks: number;
  /** Part of the time that went into turns, 0 to 1. */
  load: number;
};

export type TickerOptions = {
  readonly clock: Clock;
  /** A turn that threw. The member has been removed already: one bad call does not stop the others' audio. */
  readonly onError: (member: Ticked, error: unknown) => void;
};

/**
 * The heartbeat of a media thread: on an absolute schedule each slot has its turn every 20 ms, and each member is in one slot. Between
 * turns it sleeps on one alarm of the clock; without members it does not run at all.
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #onError: TickerOptions['onError'];
  /** `null` is a member that was removed while its slot had its turn; never there between turns. */
  readonly #slots: readonly (Ticked | null)[][] = Array.from({ length: SLOTS }, () => []);
  readonly #lateness = new Histogram({ step: LATENESS_STEP_MS, buckets: LATENESS_BUCKETS });
  #members = 0;
  #turning = false;
  #holes = false;
  #alarm: Alarm | null = null;
  /** When the schedule began; slot k is due at `#originMs + k * SLOT_MS`. */
  #originMs = 0;
  /** Number of the next slot, counted from the origin. */
  #next = 0;
  #ticks = 0;
  #skippedTicks = 0;
  #busyMs = 0;
  #reportedAtMs: number;
  /** Kept, so that arming the alarm makes no closure. */
  readonly #onAlarm = (): void => this.#run();

  constructor(options: TickerOptions) {
    this.#clock = options.clock;
    this.#onError = options.onError;
    this.#reportedAtMs = options.clock.nowMs();
  }

  get members(): number {
    return this.#members;
  }

  /**
   * Gives the member a turn each 20 ms from now on, in the slot that has least to do.
   * @param afterMs how much later than now, and than each multiple of 20 ms from now, its turns should be at least: in the next slot after that, as long as there is no
   *   crowd
   */
  add(member: Ticked, afterMs?: number): void {
    if (this.#alarm === null && !this.#turning) this.#start();
    const slot = afterMs === undefined ? this.#least() : this.#after(afterMs);
    slot.push(member);
    this.#members += 1;
  }

  /** Idempotent; a member may remove itself or others during a turn. */
  remove(member: Ticked): void {
    for (const slot of this.#slots) {
      const at = slot.indexOf(member);
      if (at < 0) continue;
      this.#members -= 1;
      if (this.#turning) {
        // Moving another member now could give it two turns, or none.
        slot[at] = null;
        this.#holes = true;
      } else {
        slot.splice(at, 1);
      }
    }
    if (this.#members === 0 && !this.#turning) this.stop();
  }

  /** No more turns until a member is added. */
  stop(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
  }

  /** Writes the figures since the last call into `report` and begins anew. */
  report(report: TickerReport): void {
    const nowMs = this.#clock.nowMs();
    const elapsedMs = nowMs - this.#reportedAtMs;
    report.latenessP50Ms = this.#lateness.quantile(0.5);
    report.latenessP99Ms = this.#lateness.quantile(0.99);
    report.latenessMaxMs = this.#lateness.max;
    report.ticks = this.#ticks;
    report.skippedTicks = this.#skippedTicks;
    report.load = elapsedMs > 0 ? Math.min(1, this.#busyMs / elapsedMs) : 0;
    this.#lateness.clear();
    this.#ticks = 0;
    this.#skippedTicks = 0;
    this.#busyMs = 0;
    this.#reportedAtMs = nowMs;
  }

  #least(): (Ticked | null)[] {
    return this.#slots.reduce((least, slot) => (slot.length < least.length ? slot : least));
  }

  #after(afterMs: number): (Ticked | null)[] {
    const least = this.#least();
    const first = Math.ceil((this.#clock.nowMs() + afterMs - this.#originMs) / SLOT_MS);
    for (let k = first; k < first + SLOTS; k++) {
      const slot = this.#slots[k % SLOTS] as (Ticked | null)[];
      if (slot.length < least.length + MAX_CROWD) return slot;
    }
    return least;
  }

  #start(): void {
    // Whole milliseconds: a time with a fraction would be put on the heap for each member's turn.
    const nowMs = this.#clock.nowMs();
    this.#originMs = Math.ceil(nowMs);
    this.#next = 1;
    this.#arm(this.#dueMs() - nowMs);
  }

  #arm(delayMs: number): void {
    // Rounded up: Node cuts the fraction off, and an alarm before its time would have to be set again.
    this.#alarm = this.#clock.setAlarm(Math.max(1, Math.ceil(delayMs)), this.#onAlarm);
  }

  #run(): void {
    const startedAtMs = this.#clock.nowMs();
    let lateMs = startedAtMs - this.#dueMs();
    if (lateMs > MAX_LATE_TICKS * FRAME_MS) {
      const skipped = Math.floor(lateMs / FRAME_MS);
      this.#skippedTicks += skipped * SLOTS;
      this.#next += skipped * SLOTS;
      this.#lateness.add(lateMs);
      lateMs -= skipped * FRAME_MS;
    }
    if (lateMs >= -EARLY_MS) this.#turn(lateMs);
    const endedAtMs = this.#clock.nowMs();
    this.#busyMs += endedAtMs - startedAtMs;
    if (this.#members === 0) {
      this.#alarm = null;
      return;
    }
    this.#arm(Math.max(this.#dueMs() - endedAtMs, startedAtMs + CATCH_UP_SLOT_MS - endedAtMs));
  }

  #turn(lateMs: number): void {
    const dueMs = this.#dueMs();
    const slot = this.#slots[this.#next % SLOTS] as (Ticked | null)[];
    this.#next += 1;
    this.#ticks += 1;
    this.#lateness.add(Math.max(0, lateMs));
    this.#turning = true;
    // A member that is added meanwhile waits for the next turn.
    const count = slot.length;
    for (let i = 0; i < count; i++) {
      const member = slot[i] ?? null;
      if (member === null) continue;
      try {
        member.tick(dueMs);
      } catch (error) {
        this.remove(member);
        this.#onError(member, error);
      }
    }
    this.#turning = false;
    if (this.#holes) this.#closeHoles();
  }

  #closeHoles(): void {
    this.#holes = false;
    for (const slot of this.#slots) {
      for (let i = slot.length - 1; i >= 0; i--) if (slot[i] === null) slot.splice(i, 1);
    }
  }

  #dueMs(): number {
    return this.#originMs + this.#next * SLOT_MS;
  }
}
