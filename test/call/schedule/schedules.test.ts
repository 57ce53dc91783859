import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Schedules } from '../../../src/call/schedule/schedules.js';
import { silentLogger } from '../../../src/core/logger.js';
import { FakeClock } from '../../support/fake-clock.js';

const HOUR_MS = 3_600_000;
/** The fake clock begins on Monday, 5 January 2026, at 9:00 UTC. */
const PLAN = {
  timezone: 'UTC',
  open: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'] as const, from: '08:00', to: '17:00' }],
  exceptions: [{ date: '01-06', open: [], label: 'Epiphany' }],
};

let directory: string;
let clock: FakeClock;
let errors: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'schedules-'));
  clock = new FakeClock();
  errors = [];
});

afterEach(() => rm(directory, { recursive: true }));

async function open(
  overrideMs: number | null = null,
  file = join(directory, 'data', 'schedules.json'),
): Promise<Schedules> {
  const schedules = new Schedules({
    schedules: new Map([
      ['hours', { plan: PLAN, dial: '*28', press: '*284711', overrideMs }],
      ['support', { plan: PLAN, dial: null, press: null, overrideMs: null }],
    ]),
    file,
    clock,
    log: { ...silentLogger, error: (_fields, message) => errors.push(message) },
  });
  await schedules.start();
  return schedules;
}

describe('schedules', () => {
  it('tell the state, why it is so and when it changes', async () => {
    const schedules = await open();
    const open17 = { name: 'hours', timezone: 'UTC', state: 'open', cause: 'timetable', label: null };
    expect(schedules.get('hours')).toEqual({ ...open17, changesAtMs: clock.wallMs() + 8 * HOUR_MS });
    clock.advance(24 * HOUR_MS);
    expect(schedules.get('hours')).toMatchObject({ state: 'closed', cause: 'exception', label: 'Epiphany' });
    expect(schedules.answer('hours').text).toContain('Today, Epiphany, we are closed.');
  });

  it('are turned over by their code, and back by the same', async () => {
    const schedules = await open();
    expect(schedules.dialledBy('*28')).toBe('hours');
    expect(schedules.dialledBy('7000')).toBeNull();
    expect(schedules.keyCodes).toEqual(new Map([['*284711', 'hours']]));
    expect(await schedules.toggle('hours')).toMatchObject({ state: 'closed', cause: 'override', changesAtMs: null });
    expect(schedules.answer('hours')).toMatchObject({ open: false });
    expect(schedules.answer('hours').text).toMatch(/We are closed now\.$/);
    expect(schedules.get('support').state).toBe('open');
    expect(await schedules.toggle('hours')).toMatchObject({ state: 'open', cause: 'timetable' });
  });

  it('stay as they were set over a restart', async () => {
    await (await open()).override('hours', 'closed', null);
    expect((await open()).get('hours')).toMatchObject({ state: 'closed', cause: 'override' });
    await (await open()).followTimetable('hours');
    expect((await open()).get('hours').cause).toBe('timetable');
  });

  it('follow the timetable again when the time that was set is over', async () => {
    const schedules = await open(2 * HOUR_MS);
    const { changesAtMs } = await schedules.toggle('hours');
    expect(changesAtMs).toBe(clock.wallMs() + 2 * HOUR_MS);
    clock.advance(2 * HOUR_MS);
    expect(schedules.get('hours')).toMatchObject({ state: 'open', cause: 'timetable' });
    await expect(schedules.override('hours', 'closed', clock.wallMs())).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
  });

  it('that are set at once from two sides are both kept', async () => {
    const schedules = await open();
    await Promise.all([schedules.override('hours', 'closed', null), schedules.override('support', 'closed', null)]);
    const after = await open();
    expect(after.list().map(({ state }) => state)).toEqual(['closed', 'closed']);
  });

  it('count as in the timetable where the file cannot be read', async () => {
    const file = join(directory, 'schedules.json');
    await writeFile(file, '{"hours": {"state": "clo');
    expect((await open(null, file)).get('hours').state).toBe('open');
    expect(errors).toHaveLength(1);
    await writeFile(file, '{"hours": {"state": "ajar"}, "gone": {"state": "closed", "untilMs": null, "setAtMs": 1}}');
    expect((await open(null, file)).get('hours').state).toBe('open');
  });

  it('are not changed where that cannot be kept', async () => {
    await writeFile(join(directory, 'data'), 'a file in the place of the directory');
    const schedules = await open(null, join(directory, 'data', 'schedules.json')).catch(() => null);
    await expect(schedules?.override('hours', 'closed', null)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(schedules?.get('hours').state).toBe('open');
  });

  it('that nobody knows are refused with those there are', async () => {
    const schedules = await open();
    expect(() => schedules.get('sales')).toThrow('there is no schedule "sales"; there are: hours, support');
    expect(schedules.answer(null).open).toBe(true);
  });
});
