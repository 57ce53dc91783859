import { Router } from 'express';
import type { ApiOptions } from '../port.js';
import { HttpProblem, onlyMethods } from '../problem.js';
import { sendSound } from '../sound-file.js';

/** `/v1/messages`: what callers left, as text and sound. */
export function messageRoutes(messages: ApiOptions['messages']): Router {
  const router = Router();
  router
    .route('/')
    .get(async (_request, response) => {
      const list = await messages.list();
      response.json({
        messages: list.map((message) => ({
          ...message,
          audioUrl: message.audioMs > 0 ? `/v1/messages/${message.id}/audio` : null,
        })),
      });
    })
    .all(onlyMethods(['GET']));
  router
    .route('/:id/audio')
    .get(async (request, response) => {
      const path = await messages.audioPath(request.params.id);
      if (path === null) throw noSound();
      await sendSound(response, path, noSound);
    })
    .all(onlyMethods(['GET']));
  return router;
}

function noSound(): HttpProblem {
  return new HttpProblem(404, 'MESSAGE_UNKNOWN', 'no message with sound has this id');
}
