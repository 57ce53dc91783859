import type { LocalTime } from './local-time.js';
import { calendarOf, DAY_MINUTES, LocalClock, minuteOf, minutesOf, weekdayOf } from './local-time.js';

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** From `from` to `to` (HH:MM, local, 24 hours); `to` at or before `from` is on the next day. */
export type DayHours = { readonly from: string; readonly to: string };

/** One line of a week: these hours on each of these days. */
export type OpenSpan = DayHours & { readonly days: readonly Weekday[] };

/** Days that are not like others of their week: a holiday, a party, a summer's closure. */
export type ExceptionalDays = {
  /** `2026-12-24`, or `12-24` for each year. */
  readonly date: string;
  /** The last of several days, written as `date` is; yearly ones may go past New Year. */
  readonly through?: string | undefined;
  /** Closed all day where there is none. */
  readonly open: readonly DayHours[];
  /** What the day is called: "Christmas Eve". */
  readonly label?: string | undefined;
};

export type OpeningPlan = {
  /** IANA name, `Europe/Berlin`. */
  readonly timezone: string;
  readonly open: readonly OpenSpan[];
  /** The first that fits a day counts. */
  readonly exceptions: readonly ExceptionalDays[];
  /** What the agent says instead of the timetable read out. */
  readonly text?: string | undefined;
};

/** How it is at a moment by the plan alone. */
export type PlannedState = {
  readonly state: 'open' | 'closed';
  readonly now: LocalTime;
  /** When it changes next; null: not within a year. */
  readonly changes: LocalTime | null;
};

/** Longest closure that is looked beyond: a year, with days to spare. */
const MAX_CLOSED_DAYS = 400;
/** A week without a minute of closing is open for ever, as far as anybody who asks is concerned. */
const MAX_OPEN_DAYS = 8;

/** A plan as a function of time. Hours that begin on a day belong to it, also after midnight: a holiday does not cut the night before it short. */
export class Timetable {
  readonly plan: OpeningPlan;
  readonly #clock: LocalClock;

  constructor(plan: OpeningPlan) {
    this.plan = plan;
    this.#clock = new LocalClock(plan.timezone);
  }

  at(wallMs: number): PlannedState {
    const now = this.#clock.at(wallMs);
    const minute = minutesOf(now);
    let openUntil = minute;
    for (let day = now.day - 1; day < now.day + MAX_OPEN_DAYS; day += 1) {
      for (const [from, to] of this.#spansOf(day)) {
        if (from <= openUntil && openUntil < to) openUntil = to;
      }
    }
    if (openUntil > minute) {
      const isEndless = openUntil >= (now.day + MAX_OPEN_DAYS) * DAY_MINUTES;
      return { state: 'open', now, changes: isEndless ? null : localTimeOf(openUntil) };
    }
    for (let day = now.day; day < now.day + MAX_CLOSED_DAYS; day += 1) {
      const next = this.#spansOf(day).find(([from]) => from > minute);
      if (next !== undefined) return { state: 'closed', now, changes: localTimeOf(next[0]) };
    }
    return { state: 'closed', now, changes: null };
  }

  /** When that is, wall clock. */
  momentOf(time: LocalTime, afterMs: number): number {
    return this.#clock.momentOf(time, afterMs);
  }

  exceptionOn(day: number): ExceptionalDays | null {
    return this.plan.exceptions.find((exception) => falls(exception, day)) ?? null;
  }

  /** Minutes of the local calendar, in order. */
  #spansOf(day: number): [number, number][] {
    const weekday = WEEKDAYS[weekdayOf(day)] ?? 'mon';
    const hours = this.exceptionOn(day)?.open ?? this.plan.open.filter(({ days }) => days.includes(weekday));
    const start = day * DAY_MINUTES;
    return hours
      .map(({ from, to }): [number, number] => {
        const [first, last] = [minuteOf(from), minuteOf(to)];
        return [start + first, start + last + (last > first ? 0 : DAY_MINUTES)];
      })
      .sort(([a], [b]) => a - b);
  }
}

function localTimeOf(minutes: number): LocalTime {
  return { day: Math.floor(minutes / DAY_MINUTES), minute: minutes % DAY_MINUTES };
}

function falls({ date, through = date }: ExceptionalDays, day: number): boolean {
  const { year, month, day: ofMonth } = calendarOf(day);
  const inYear = `${twoDigits(month)}-${twoDigits(ofMonth)}`;
  if (date.length > inYear.length) {
    const whole = `${String(year).padStart(4, '0')}-${inYear}`;
    return date <= whole && whole <= through;
  }
  // Text of two digits each sorts as the calendar does.
  return date <= through ? date <= inYear && inYear <= through : inYear >= date || inYear <= through;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
