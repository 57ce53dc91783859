import type { HoursAnswer } from '../agent/port.js';
import type { OpeningHours } from './port.js';

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** One line of a timetable: from `from` to `to` (HH:MM, local, 24 hours) on each of these days; `to` at or before `from` is past midnight. */
export type OpenSpan = { readonly days: readonly Weekday[]; readonly from: string; readonly to: string };

export type OpeningPlan = {
  /** IANA name, `Europe/Berlin`. */
  readonly timezone: string;
  readonly open: readonly OpenSpan[];
  /** What the agent says instead of the timetable read out. */
  readonly text?: string | undefined;
};

const DAY_NAMES: Readonly<Record<Weekday, string>> = {
  mon: 'Monday',
  tue: 'Tuesday',
  wed: 'Wednesday',
  thu: 'Thursday',
  fri: 'Friday',
  sat: 'Saturday',
  sun: 'Sunday',
};

/** A weekly timetable in one time zone. Without a plan the office is always open and has nothing to say about it. */
export class WeeklyHours implements OpeningHours {
  readonly #plan: OpeningPlan | null;
  readonly #format: Intl.DateTimeFormat | null;

  constructor(plan: OpeningPlan | null) {
    this.#plan = plan;
    this.#format =
      plan === null
        ? null
        : new Intl.DateTimeFormat('en-GB', {
            timeZone: plan.timezone,
            weekday: 'short',
            hour: '2-digit',
            minute: '2-digit',
            hourCycle: 'h23',
          });
  }

  at(wallMs: number): HoursAnswer {
    if (this.#plan === null || this.#format === null) {
      return { open: true, text: 'I am sorry, I do not know the opening hours.' };
    }
    const parts = new Map(this.#format.formatToParts(wallMs).map((part) => [part.type, part.value]));
    const weekday = WEEKDAYS.indexOf((parts.get('weekday') ?? '').toLowerCase() as Weekday);
    const minutes = minutesOf(`${parts.get('hour') ?? ''}:${parts.get('minute') ?? ''}`);
    const open = this.#plan.open.some((span) => covers(span, weekday, minutes));
    return { open, text: `${this.#plan.text ?? timetable(this.#plan)} We are ${open ? 'open' : 'closed'} now.` };
  }
}

/** Minutes since midnight of `HH:MM`; `24:00` is the end of the day. */
function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

function covers(span: OpenSpan, weekday: number, minutes: number): boolean {
  const from = minutesOf(span.from);
  const to = minutesOf(span.to);
  const onDay = (day: number): boolean => span.days.some((name) => WEEKDAYS.indexOf(name) === day);
  if (to > from) return onDay(weekday) && minutes >= from && minutes < to;
  const dayBefore = (weekday + 6) % 7;
  return (onDay(weekday) && minutes >= from) || (onDay(dayBefore) && minutes < to);
}

/** "We are open Monday to Friday from 9 AM to 5 PM, and Saturday from 10 AM to 2 PM." */
function timetable(plan: OpeningPlan): string {
  if (plan.open.length === 0) return 'We have no opening hours.';
  const lines = plan.open.map(
    (span) => `${spokenDays(span.days)} from ${spokenTime(span.from)} to ${spokenTime(span.to)}`,
  );
  return `We are open ${joined(lines)}.`;
}

function spokenDays(days: readonly Weekday[]): string {
  const sorted = WEEKDAYS.filter((day) => days.includes(day));
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return 'on no day';
  const inARow = WEEKDAYS.indexOf(last) - WEEKDAYS.indexOf(first) === sorted.length - 1;
  if (sorted.length > 2 && inARow) return `${DAY_NAMES[first]} to ${DAY_NAMES[last]}`;
  return joined(sorted.map((day) => DAY_NAMES[day]));
}

function spokenTime(time: string): string {
  const minutes = minutesOf(time) % (24 * 60);
  if (minutes === 0) return 'midnight';
  if (minutes === 12 * 60) return 'noon';
  const hour = Math.floor(minutes / 60);
  const rest = minutes % 60;
  const spokenHour = hour % 12 === 0 ? 12 : hour % 12;
  return `${spokenHour}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`} ${hour < 12 ? 'AM' : 'PM'}`;
}

function joined(items: readonly string[]): string {
  if (items.length < 2) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}`;
}
