import type { z } from 'zod';
import { field, list, oneOf, section, text, textLike, wholeNumber } from './fields.js';
import { extension } from './names.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const DATE_WHAT = 'a date such as "2026-12-24", or "12-24" for each year';

const timezone = field({
  what: 'an IANA time zone such as Europe/Berlin',
  read: (value) => (isTimezone(value) ? value : null),
  known: Intl.supportedValuesOf('timeZone'),
});

const from = textLike(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as "09:00"');
const to = textLike(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a time of day such as "17:30", up to "24:00"');

/** From `from` to `to` on each of the days, local time; a `to` at or before `from` is on the next day. */
const openSpan = section({
  days: list(oneOf(DAYS), { max: 7, example: '[mon, tue, wed]' }).min(1, { error: 'must name at least one day' }),
  from,
  to,
});

const date = field({ what: DATE_WHAT, read: (value) => (isDate(value) ? value : null) });

/** Days that are not like others of their week. */
const exception = section({
  date,
  through: date.optional(),
  open: list(section({ from, to }), { max: 10, example: '[{ from: "09:00", to: "12:00" }]' }).default([]),
  label: text(100).optional(),
})
  .refine(({ date: first, through = first }) => first.length === through.length, {
    path: ['through'],
    error: 'must be written as "date" is: both with a year, or both without',
  })
  .refine(
    ({ date: first, through = first }) => first.length < 10 || first.length !== through.length || first <= through,
    {
      path: ['through'],
      error: 'must not be before "date"',
    },
  );

/** How people change it by hand. */
const override = section({
  // An extension that the dialplan hands over: whoever of the house dials it.
  dial: extension.optional(),
  // Anybody may press it who talks to the agent: long enough not to be found.
  press: textLike(
    /^\*[0-9*#]{5,31}$/,
    'a key code such as "*284711": * and then 5 to 31 of 0-9 * #',
    'secret',
  ).optional(),
  hours: wholeNumber(1, 8760, 'a number of hours').optional(),
});

/** Opening hours: a week, exceptions, and how they are set by hand. It names nothing outside itself, so that several can live side by side under names. */
export const openingHours = section({
  timezone,
  open: list(openSpan, { max: 50, example: '[{ days: [mon, tue], from: "09:00", to: "17:00" }]' }),
  exceptions: list(exception, { max: 500, example: '[{ date: "12-25", label: Christmas Day }]' }).default([]),
  override: override.prefault({}),
  text: text(500).optional(),
});

export type OpeningHoursConfig = z.output<typeof openingHours>;

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Exists in the calendar; 29 February without a year comes every fourth. */
function isDate(value: string): boolean {
  const [, year = '2028', rest = ''] = /^(?:(\d{4})-)?(\d{2}-\d{2})$/.exec(value) ?? [];
  const parsed = new Date(`${year}-${rest}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(`${year}-${rest}`);
}
