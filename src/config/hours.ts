import type { z } from 'zod';
import { field, list, oneOf, section, text, textLike } from './fields.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const timezone = field({
  what: 'an IANA time zone such as Europe/Berlin',
  read: (value) => (isTimezone(value) ? value : null),
  known: Intl.supportedValuesOf('timeZone'),
});

/** From `from` to `to` on each of the days, local time; a `to` at or before `from` is on the next day. */
const openSpan = section({
  days: list(oneOf(DAYS), { max: 7, example: '[mon, tue, wed]' }).min(1, { error: 'must name at least one day' }),
  from: textLike(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as "09:00"'),
  to: textLike(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a time of day such as "17:30", up to "24:00"'),
});

/** A week's opening hours. It names nothing outside itself, so that several of them can live side by side under names. */
export const openingHours = section({
  timezone,
  open: list(openSpan, { max: 50, example: '[{ days: [mon, tue], from: "09:00", to: "17:00" }]' }),
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
