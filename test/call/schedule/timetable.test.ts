import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hoursText, stateText } from '../../../src/call/schedule/schedule-words.js';
import type { ExceptionalDays, OpeningPlan } from '../../../src/call/schedule/timetable.js';
import { Timetable, WEEKDAYS } from '../../../src/call/schedule/timetable.js';

const OFFICE: OpeningPlan = {
  timezone: 'Europe/Berlin',
  open: [
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:30' },
    { days: ['sat'], from: '10:00', to: '12:00' },
  ],
  exceptions: [],
};

function stateAt(plan: OpeningPlan, iso: string): string {
  return new Timetable(plan).at(Date.parse(iso)).state;
}

/** When the state changes next, UTC. */
function changeAfter(plan: OpeningPlan, iso: string): string | null {
  const [timetable, atMs] = [new Timetable(plan), Date.parse(iso)];
  const { changes } = timetable.at(atMs);
  return changes === null ? null : new Date(timetable.momentOf(changes, atMs)).toISOString();
}

function said(plan: OpeningPlan, iso: string): string {
  const timetable = new Timetable(plan);
  const planned = timetable.at(Date.parse(iso));
  return `${hoursText(timetable, planned)} ${stateText(planned)}`;
}

function withExceptions(...exceptions: ExceptionalDays[]): OpeningPlan {
  return { ...OFFICE, exceptions };
}

describe('weekly opening hours', () => {
  it('are read in the time zone of the office, not of the machine', () => {
    expect(stateAt(OFFICE, '2026-01-05T08:00:00Z')).toBe('open'); // Monday 09:00 in winter
    expect(stateAt(OFFICE, '2026-01-05T07:59:00Z')).toBe('closed');
    expect(stateAt(OFFICE, '2026-07-06T07:00:00Z')).toBe('open'); // Monday 09:00 in summer
    expect(stateAt(OFFICE, '2026-01-05T16:30:00Z')).toBe('closed'); // 17:30 is closing time
    expect(stateAt(OFFICE, '2026-01-04T10:00:00Z')).toBe('closed'); // Sunday
  });

  it('are read out as people say them', () => {
    expect(said(OFFICE, '2026-01-05T08:00:00Z')).toBe(
      'We are open Monday to Friday from 9 AM to 5:30 PM and Saturday from 10 AM to noon. We are open now.',
    );
  });

  it('say when it is open again', () => {
    expect(said(OFFICE, '2026-01-05T06:00:00Z')).toContain('We are closed now, and open again today at 9 AM.');
    expect(said(OFFICE, '2026-01-05T20:00:00Z')).toContain('We are closed now, and open again tomorrow at 9 AM.');
    expect(said(OFFICE, '2026-01-10T20:00:00Z')).toContain('We are closed now, and open again on Monday at 9 AM.');
  });

  it('go past midnight', () => {
    const bar: OpeningPlan = {
      timezone: 'UTC',
      open: [{ days: ['fri'], from: '20:00', to: '02:00' }],
      exceptions: [],
    };
    expect(stateAt(bar, '2026-01-09T23:00:00Z')).toBe('open'); // Friday night
    expect(stateAt(bar, '2026-01-10T01:59:00Z')).toBe('open'); // Saturday, before two
    expect(stateAt(bar, '2026-01-10T02:00:00Z')).toBe('closed');
    expect(stateAt(bar, '2026-01-09T01:00:00Z')).toBe('closed'); // Thursday night
    expect(changeAfter(bar, '2026-01-09T23:00:00Z')).toBe('2026-01-10T02:00:00.000Z');
  });

  it('say what the admin wrote where a text is given', () => {
    const plan = { ...OFFICE, text: 'Weekdays nine to half past five.' };
    expect(said(plan, '2026-01-05T10:00:00Z')).toBe('Weekdays nine to half past five. We are open now.');
  });

  it('never end where no minute is closed', () => {
    const always = { ...OFFICE, open: [{ days: [...WEEKDAYS], from: '00:00', to: '24:00' }] };
    expect(changeAfter(always, '2026-01-05T10:00:00Z')).toBeNull();
    expect(stateAt({ ...OFFICE, open: [] }, '2026-01-05T10:00:00Z')).toBe('closed');
    expect(changeAfter({ ...OFFICE, open: [] }, '2026-01-05T10:00:00Z')).toBeNull();
  });
});

describe('exceptions', () => {
  it('close a holiday of each year, and one day of one year', () => {
    const plan = withExceptions({ date: '12-25', open: [] }, { date: '2026-01-06', open: [] });
    expect(stateAt(plan, '2026-12-25T10:00:00Z')).toBe('closed'); // a Friday
    expect(stateAt(plan, '2030-12-25T10:00:00Z')).toBe('closed');
    expect(stateAt(plan, '2026-01-06T10:00:00Z')).toBe('closed');
    expect(stateAt(plan, '2027-01-06T10:00:00Z')).toBe('open');
  });

  it('give a day hours of its own, also a Sunday', () => {
    const open = [{ from: '13:00', to: '18:00' }];
    const plan = withExceptions({ date: '2026-11-29', open, label: 'the Christmas market' });
    expect(stateAt(plan, '2026-11-29T12:00:00Z')).toBe('open');
    expect(stateAt(plan, '2026-11-29T10:00:00Z')).toBe('closed');
    expect(said(plan, '2026-11-29T10:00:00Z')).toContain(
      'Today, the Christmas market, we are open from 1 PM to 6 PM. We are closed now, and open again today at 1 PM.',
    );
  });

  it('close from Christmas Eve past New Year', () => {
    const plan = withExceptions({ date: '12-24', through: '01-01', open: [] });
    for (const day of ['2026-12-24', '2026-12-31', '2027-01-01']) {
      expect(stateAt(plan, `${day}T10:00:00Z`)).toBe('closed');
    }
    expect(stateAt(plan, '2026-12-23T10:00:00Z')).toBe('open');
    expect(changeAfter(plan, '2026-12-23T17:00:00Z')).toBe('2027-01-02T09:00:00.000Z'); // Saturday at ten
  });

  it('are told a week ahead, days in a row as one', () => {
    const plan = withExceptions({ date: '2026-08-03', through: '2026-08-14', open: [], label: 'the summer holidays' });
    expect(said(plan, '2026-07-24T10:00:00Z')).not.toContain('holidays');
    expect(said(plan, '2026-07-30T10:00:00Z')).toContain(
      'From Monday to Friday, August 14, the summer holidays, we are closed. We are open now.',
    );
    expect(said(plan, '2026-08-05T10:00:00Z')).toContain(
      'We are closed now, and open again on Saturday, August 15 at 10 AM.',
    );
  });

  it('count in the order of the file', () => {
    const plan = withExceptions(
      { date: '2026-12-28', open: [{ from: '10:00', to: '11:00' }] },
      { date: '12-24', through: '12-31', open: [] },
    );
    expect(stateAt(plan, '2026-12-28T09:30:00Z')).toBe('open');
    expect(stateAt(plan, '2026-12-29T09:30:00Z')).toBe('closed');
  });

  it('do not cut the night before short', () => {
    const bar: OpeningPlan = {
      timezone: 'UTC',
      open: [{ days: ['thu', 'fri'], from: '20:00', to: '02:00' }],
      exceptions: [{ date: '2026-01-09', open: [] }],
    };
    expect(stateAt(bar, '2026-01-09T01:00:00Z')).toBe('open'); // Thursday's guests
    expect(stateAt(bar, '2026-01-09T21:00:00Z')).toBe('closed');
    expect(stateAt(bar, '2026-01-10T01:00:00Z')).toBe('closed');
  });
});

describe('the clock is changed', () => {
  const nights: OpeningPlan = {
    timezone: 'Europe/Berlin',
    open: [{ days: ['sat'], from: '22:00', to: '02:30' }],
    exceptions: [],
  };

  it('forward: closing time is skipped, and the night is over when the clock shows three', () => {
    expect(stateAt(nights, '2026-03-29T00:59:00Z')).toBe('open'); // 01:59
    expect(stateAt(nights, '2026-03-29T01:00:00Z')).toBe('closed'); // 03:00
    expect(changeAfter(nights, '2026-03-28T22:00:00Z')).toBe('2026-03-29T01:00:00.000Z');
  });

  it('back: half past two comes twice, and so does the half hour before it', () => {
    expect(stateAt(nights, '2026-10-25T00:15:00Z')).toBe('open'); // 02:15 in summer
    expect(stateAt(nights, '2026-10-25T00:45:00Z')).toBe('closed');
    expect(stateAt(nights, '2026-10-25T01:15:00Z')).toBe('open'); // 02:15 in winter
    expect(changeAfter(nights, '2026-10-25T01:15:00Z')).toBe('2026-10-25T01:30:00.000Z');
  });

  it('while it is closed: nine is nine on the wall', () => {
    expect(changeAfter(OFFICE, '2026-03-28T12:00:00Z')).toBe('2026-03-30T07:00:00.000Z');
    expect(changeAfter(OFFICE, '2026-10-24T12:00:00Z')).toBe('2026-10-26T08:00:00.000Z');
  });

  it('any plan anywhere: what is told as the next change is one, and nothing changes before it', () => {
    const time = fc
      .tuple(fc.nat(23), fc.nat(59))
      .map((parts) => parts.map((n) => String(n).padStart(2, '0')).join(':'));
    const span = fc.record({ days: fc.subarray([...WEEKDAYS], { minLength: 1 }), from: time, to: time });
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia', 'UTC'];
    const plans = fc.record({
      timezone: fc.constantFrom(...zones),
      open: fc.array(span, { maxLength: 3 }),
      exceptions: fc.array(fc.record({ date: fc.constant('03-29'), open: fc.constant([]) }), { maxLength: 1 }),
    });
    const from = Date.parse('2026-03-26T00:00:00Z');
    fc.assert(
      fc.property(plans, fc.nat(10 * 24 * 60), fc.constantFrom(0, 213), (plan, minute, days) => {
        const timetable = new Timetable(plan);
        const atMs = from + minute * 60_000 + days * 86_400_000;
        const { state, changes } = timetable.at(atMs);
        if (changes === null) return;
        const changesAtMs = timetable.momentOf(changes, atMs);
        expect(changesAtMs).toBeGreaterThan(atMs);
        // Where an hour comes twice, the state may change in between and back again.
        const shift = [atMs, changesAtMs].map((ms) => timetable.at(ms).now.minute - ((ms / 60_000) % 1440));
        if ((shift[0]! - shift[1]!) % 1440 === 0) expect(timetable.at(changesAtMs - 60_000).state).toBe(state);
        expect(timetable.at(changesAtMs).state).not.toBe(state);
      }),
      { numRuns: 300 },
    );
  });
});
