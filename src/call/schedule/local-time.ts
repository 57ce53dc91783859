const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Minutes of a day; the clock may skip or repeat some of them. */
export const DAY_MINUTES = 24 * 60;

/** What the clocks and calendars of a place show. `day` counts from 1 January 1970, so that days can be added. */
export type LocalTime = { readonly day: number; readonly minute: number };

export type CalendarDay = { readonly year: number; readonly month: number; readonly day: number };

/** The clock on the wall of a place, by its IANA time zone. */
export class LocalClock {
  readonly #format: Intl.DateTimeFormat;

  constructor(timezone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      hourCycle: 'h23',
    });
  }

  at(wallMs: number): LocalTime {
    const parts = new Map(this.#format.formatToParts(wallMs).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const day = Date.UTC(part('year'), part('month') - 1, part('day')) / DAY_MS;
    return { day, minute: part('hour') * 60 + part('minute') };
  }

  /** The first moment after `afterMs` at which the clock shows this time or, where it skips it, a later one. */
  momentOf(time: LocalTime, afterMs: number): number {
    const wanted = minutesOf(time);
    // Clocks are changed by an hour or less, and zones are at most 14 hours from UTC.
    const around = wanted * MINUTE_MS;
    const offsets = [around - DAY_MS, around + DAY_MS].map((atMs) => minutesOf(this.at(atMs)) - atMs / MINUTE_MS);
    const candidates = offsets.map((offset) => (wanted - offset) * MINUTE_MS).sort((a, b) => a - b);
    const shown = candidates.find((atMs) => atMs > afterMs && minutesOf(this.at(atMs)) === wanted);
    if (shown !== undefined) return shown;
    const [earlier = around, later = around] = candidates;
    for (let atMs = earlier; atMs < later; atMs += MINUTE_MS) {
      if (atMs > afterMs && minutesOf(this.at(atMs)) >= wanted) return atMs;
    }
    return later;
  }
}

/** Minutes since the local calendar began. */
export function minutesOf({ day, minute }: LocalTime): number {
  return day * DAY_MINUTES + minute;
}

/** 0 is Monday. */
export function weekdayOf(day: number): number {
  // 1 January 1970 was a Thursday.
  return (((day + 3) % 7) + 7) % 7;
}

export function calendarOf(day: number): CalendarDay {
  const date = new Date(day * DAY_MS);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** Minutes since midnight of `HH:MM`; `24:00` is the end of the day. */
export function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}
