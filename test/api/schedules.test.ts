import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestApi } from '../support/http.js';

let api: TestApi;

beforeEach(async () => {
  api = await new TestApi().start();
});

afterEach(() => api.stopNow());

describe('schedules', () => {
  it('are listed with what they say now', async () => {
    const one = { timezone: 'UTC', state: 'open', cause: 'timetable', label: null, changesAt: null };
    expect(await api.json('GET', '/v1/schedules')).toEqual({
      schedules: [
        { name: 'hours', ...one },
        { name: 'support', ...one },
      ],
    });
    expect(await api.json('GET', '/v1/schedules/support')).toEqual({ name: 'support', ...one });
  });

  it('are set by hand, and follow the timetable again', async () => {
    const closed = await api.json('PUT', '/v1/schedules/hours/override', { state: 'closed' });
    expect(closed).toMatchObject({ name: 'hours', state: 'closed', cause: 'override' });
    const after = await api.json('DELETE', '/v1/schedules/hours/override');
    expect(after).toMatchObject({ cause: 'timetable' });
    const until = { state: 'open', until: '2026-12-24T18:00:00+01:00' };
    expect((await api.fetch('PUT', '/v1/schedules/hours/override', until)).status).toBe(200);
  });

  it.each([
    [{}, '"state" is missing; it must be one of open, closed'],
    [{ state: 'ajar' }, '"state" must be one of open, closed'],
    [{ state: 'closed', until: 'tomorrow' }, '"until" must be a time with its offset, such as "2026-12-24T18:00:00Z"'],
    [{ state: 'closed', until: '2026-13-24T18:00:00Z' }, '"until" must be a time with its offset'],
  ])('are not set to %j', async (body, why) => {
    const answer = await api.fetch('PUT', '/v1/schedules/hours/override', body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: 'REQUEST_INVALID',
      detail: expect.stringContaining(why) as unknown,
    });
  });

  it('are for those who have the token', async () => {
    const answer = await fetch(`${api.url}/v1/schedules`);
    expect(answer.status).toBe(401);
  });
});
