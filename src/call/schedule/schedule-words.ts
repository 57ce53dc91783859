import type { ScheduleState } from '../port.js';
import type { LocalTime } from './local-time.js';
import { calendarOf, minuteOf, weekdayOf } from './local-time.js';
import type { DayHours, ExceptionalDays, OpeningPlan, PlannedState, Timetable, Weekday } from './timetable.js';
import { WEEKDAYS } from './timetable.js';

const DAY_NAMES = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
const MONTH_NAMES = 'January February March April May June July August September October November December'.split(' ');

/** Exceptional days that are told unasked: whoever asks for the hours means to come soon. */
const TELL_AHEAD_DAYS = 7;

/** The hours as an agent says them, true for this week: "We are open Monday to Friday from 9 AM to 5 PM. Today, Christmas Eve, we are closed." */
export function hoursText(timetable: Timetable, planned: PlannedState): string {
  return [timetable.plan.text ?? weekText(timetable.plan), ...exceptionTexts(timetable, planned.now)].join(' ');
}

/** Whether it is open, and when that changes: "We are closed now, and open again tomorrow at 9 AM." */
export function stateText({ state, now, changes }: PlannedState): string {
  if (state === 'open') return 'We are open now.';
  if (changes === null) return 'We are closed now.';
  return `We are closed now, and open again ${spokenDay(changes, now)} at ${spokenTime(changes.minute)}.`;
}

/** What somebody hears who has changed a schedule by its code. */
export function overrideText({ name, state, cause, changesAtMs }: ScheduleState): string {
  const whose = name === 'hours' ? 'The opening hours are' : `The schedule ${name.replaceAll(/[_-]/g, ' ')} is`;
  const until = changesAtMs === null ? ', until you use this code again' : '';
  const set = cause === 'override' ? `set to ${state} now${until}.` : 'as in the timetable again.';
  return `${whose} ${set} We are ${state} now.`;
}

/** "We are open Monday to Friday from 9 AM to 5 PM and Saturday from 10 AM to 2 PM." */
function weekText({ open }: OpeningPlan): string {
  if (open.length === 0) return 'We have no opening hours.';
  return `We are open ${joined(open.map((span) => `${spokenDays(span.days)} ${spokenHours(span)}`))}.`;
}

/** Days in a row with the same cause are told once. */
function exceptionTexts(timetable: Timetable, now: LocalTime): string[] {
  const told = new Set<ExceptionalDays>();
  return Array.from({ length: TELL_AHEAD_DAYS + 1 }, (_, ahead) => now.day + ahead).flatMap((day) => {
    const exception = timetable.exceptionOn(day);
    if (exception === null || told.has(exception)) return [];
    told.add(exception);
    let last = day;
    while (last - day < 366 && timetable.exceptionOn(last + 1) === exception) last += 1;
    const first = spokenDay({ day, minute: 0 }, now);
    const span = last === day ? capitalized(first) : `From ${first.replace(/^on /, '')} to ${spokenDate(last)}`;
    const label = exception.label === undefined ? '' : `, ${exception.label}`;
    const hours = exception.open.length === 0 ? 'closed' : `open ${joined(exception.open.map(spokenHours))}`;
    return [`${span}${label}, we are ${hours}.`];
  });
}

function spokenDays(days: readonly Weekday[]): string {
  const indexes = WEEKDAYS.flatMap((day, index) => (days.includes(day) ? [index] : []));
  const names = indexes.map((index) => DAY_NAMES[index] ?? '');
  const [first = '', last = ''] = [names[0], names.at(-1)];
  const inARow = (indexes.at(-1) ?? 0) - (indexes[0] ?? 0) === indexes.length - 1;
  if (names.length > 2 && inARow) return `${first} to ${last}`;
  return names.length === 0 ? 'on no day' : joined(names);
}

/** "today", "tomorrow", "on Friday", "on Friday, January 2". */
function spokenDay({ day }: LocalTime, now: LocalTime): string {
  if (day === now.day) return 'today';
  if (day === now.day + 1) return 'tomorrow';
  return day < now.day + 7 ? `on ${DAY_NAMES[weekdayOf(day)] ?? ''}` : `on ${spokenDate(day)}`;
}

function spokenDate(day: number): string {
  const { month, day: ofMonth } = calendarOf(day);
  return `${DAY_NAMES[weekdayOf(day)] ?? ''}, ${MONTH_NAMES[month - 1] ?? ''} ${ofMonth}`;
}

function spokenHours({ from, to }: DayHours): string {
  return `from ${spokenTime(minuteOf(from))} to ${spokenTime(minuteOf(to))}`;
}

function spokenTime(minutes: number): string {
  const minute = minutes % (24 * 60);
  if (minute === 0) return 'midnight';
  if (minute === 12 * 60) return 'noon';
  const hour = Math.floor(minute / 60);
  const rest = minute % 60;
  const spokenHour = hour % 12 === 0 ? 12 : hour % 12;
  return `${spokenHour}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`} ${hour < 12 ? 'AM' : 'PM'}`;
}

function joined(items: readonly string[]): string {
  if (items.length < 2) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
