import { describe, expect, it } from 'vitest';
import { WeeklyHours } from '../../src/call/opening-hours.js';

const OFFICE = {
  timezone: 'Europe/Berlin',
  open: [
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:30' },
    { days: ['sat'], from: '10:00', to: '12:00' },
  ],
} as const;

describe('weekly opening hours', () => {
  it('are read in the time zone of the office, not of the machine', () => {
    const hours = new WeeklyHours(OFFICE);
    expect(hours.at(Date.parse('2026-01-05T08:00:00Z')).open).toBe(true); // Monday 09:00 in winter
    expect(hours.at(Date.parse('2026-01-05T07:59:00Z')).open).toBe(false);
    expect(hours.at(Date.parse('2026-07-06T07:00:00Z')).open).toBe(true); // Monday 09:00 in summer
    expect(hours.at(Date.parse('2026-01-05T16:30:00Z')).open).toBe(false); // 17:30 is closing time
    expect(hours.at(Date.parse('2026-01-04T10:00:00Z')).open).toBe(false); // Sunday
  });

  it('are read out as people say them', () => {
    expect(new WeeklyHours(OFFICE).at(Date.parse('2026-01-05T08:00:00Z')).text).toBe(
      'We are open Monday to Friday from 9 AM to 5:30 PM and Saturday from 10 AM to noon. We are open now.',
    );
  });

  it('go past midnight', () => {
    const bar = new WeeklyHours({ timezone: 'UTC', open: [{ days: ['fri'], from: '20:00', to: '02:00' }] });
    expect(bar.at(Date.parse('2026-01-09T23:00:00Z')).open).toBe(true); // Friday night
    expect(bar.at(Date.parse('2026-01-10T01:59:00Z')).open).toBe(true); // Saturday, before two
    expect(bar.at(Date.parse('2026-01-10T02:00:00Z')).open).toBe(false);
    expect(bar.at(Date.parse('2026-01-09T01:00:00Z')).open).toBe(false); // Thursday night
  });

  it('say what the admin wrote where a text is given', () => {
    const hours = new WeeklyHours({ ...OFFICE, text: 'Weekdays nine to half past five.' });
    expect(hours.at(Date.parse('2026-01-04T10:00:00Z')).text).toBe(
      'Weekdays nine to half past five. We are closed now.',
    );
  });

  it('leave an office without a plan open', () => {
    expect(new WeeklyHours(null).at(0).open).toBe(true);
  });
});
