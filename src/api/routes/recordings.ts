import { Router } from 'express';
import type { StoredRecording } from '../../call/port.js';
import { readLimit } from '../limit.js';
import type { ApiOptions } from '../port.js';
import { HttpProblem, onlyMethods } from '../problem.js';
import { sendSound } from '../sound-file.js';

/** `/v1/recordings`: what calls sounded like, to be played, copied and deleted. */
export function recordingRoutes(recordings: ApiOptions['recordings']): Router {
  const router = Router();
  router
    .route('/')
    .get(async (request, response) => {
      const list = await recordings.list(readLimit(request));
      response.json({ recordings: list.map((recording) => recordingJson(recording, 'brief')) });
    })
    .all(onlyMethods(['GET']));
  router
    .route('/:id')
    .get(async (request, response) => {
      const recording = await recordings.get(request.params.id);
      if (recording === null) throw unknown();
      response.json(recordingJson(recording, 'whole'));
    })
    .delete(async (request, response) => {
      if ((await recordings.delete(request.params.id)) === 'unknown') throw unknown();
      response.status(204).end();
    })
    .all(onlyMethods(['GET', 'DELETE']));
  router
    .route('/:id/audio')
    .get(async (request, response) => {
      const path = await recordings.audioPath(request.params.id);
      if (path === null) throw unknown();
      await sendSound(response, path, unknown);
    })
    .all(onlyMethods(['GET']));
  return router;
}

/** @param how brief: without what was said */
function recordingJson({ callId, startedAtMs, bytes, state, notes }: StoredRecording, how: 'brief' | 'whole'): object {
  const { turns = [], ...about } = notes ?? {};
  return {
    ...about,
    callId,
    startedAt: notes?.startedAt ?? new Date(startedAtMs).toISOString(),
    state,
    bytes,
    audioUrl: `/v1/recordings/${callId}/audio`,
    ...(how === 'whole' ? { turns } : {}),
  };
}

function unknown(): HttpProblem {
  return new HttpProblem(404, 'RECORDING_UNKNOWN', 'there is no recording of a call with this id');
}
