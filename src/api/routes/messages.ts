import type { Request } from 'express';
import { Router } from 'express';
import { readBody } from '../body.js';
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

/** `/v1/callbacks`: those among the messages who want to be called back. */
export function callBackRoutes(messages: ApiOptions['messages']): Router {
  const router = Router();
  router
    .route('/')
    .get(async (_request, response) => {
      const list = await messages.list();
      response.json({ callbacks: list.filter(({ callBack }) => callBack !== undefined) });
    })
    .all(onlyMethods(['GET']));
  router
    .route('/:id/done')
    .post(async (request: Request<{ id: string }>, response) => {
      readBody(request.body, {});
      const task = await messages.calledBack(request.params.id);
      if (task === null) throw new HttpProblem(404, 'MESSAGE_UNKNOWN', 'nobody with this id wants to be called back');
      response.json(task);
    })
    .all(onlyMethods(['POST']));
  return router;
}

function noSound(): HttpProblem {
  return new HttpProblem(404, 'MESSAGE_UNKNOWN', 'no message with sound has this id');
}
