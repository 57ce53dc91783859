import { Router } from 'express';
import type { ScheduleState } from '../../call/port.js';
import type { BodyField } from '../body.js';
import { readBody } from '../body.js';
import type { ApiOptions } from '../port.js';
import { onlyMethods } from '../problem.js';

const state: BodyField<'open' | 'closed'> = {
  what: 'one of open, closed',
  read: (value) => (value === 'open' || value === 'closed' ? value : null),
};

const until: BodyField<number | 'for ever'> = {
  what: 'a time with its offset, such as "2026-12-24T18:00:00Z"',
  read: (value) => {
    if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(value))
      return null;
    const atMs = Date.parse(value);
    return Number.isNaN(atMs) ? null : atMs;
  },
  fallback: 'for ever',
};

/** `/v1/schedules`: whether it is open, why, and how that is set by hand. */
export function scheduleRoutes(schedules: ApiOptions['schedules']): Router {
  const router = Router();
  router
    .route('/')
    .get((_request, response) => {
      response.json({ schedules: schedules.list().map(scheduleJson) });
    })
    .all(onlyMethods(['GET']));
  router
    .route('/:name')
    .get((request, response) => {
      response.json(scheduleJson(schedules.get(request.params.name)));
    })
    .all(onlyMethods(['GET']));
  router
    .route('/:name/override')
    .put(async (request, response) => {
      const { name } = request.params;
      const body = readBody(request.body, { state, until });
      const untilMs = body.until === 'for ever' ? null : body.until;
      response.json(scheduleJson(await schedules.override(name, body.state, untilMs)));
    })
    .delete(async (request, response) => {
      response.json(scheduleJson(await schedules.followTimetable(request.params.name)));
    })
    .all(onlyMethods(['PUT', 'DELETE']));
  return router;
}

function scheduleJson({ changesAtMs, ...schedule }: ScheduleState): Readonly<Record<string, unknown>> {
  return { ...schedule, changesAt: changesAtMs === null ? null : new Date(changesAtMs).toISOString() };
}
