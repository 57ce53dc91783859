import { Router } from 'express';
import type { ApiOptions } from '../port.js';
import { HttpProblem, onlyMethods } from '../problem.js';

/** `/healthz` and `/readyz`: for probes, so without a token. */
export function healthRoutes(options: Pick<ApiOptions, 'readiness' | 'limitations'>): Router {
  const router = Router();
  router
    .route('/healthz')
    .get((_request, response) => {
      response.json({ status: 'ok' });
    })
    .all(onlyMethods(['GET']));
  router
    .route('/readyz')
    .get((_request, response) => {
      const [reasons, limitations] = [options.readiness(), options.limitations()];
      if (reasons.length > 0) {
        throw new HttpProblem(503, 'NOT_READY', `no call can be taken: ${reasons.join('; ')}`, {
          members: { reasons, limitations },
          headers: { 'Retry-After': '1' },
        });
      }
      response.json({ status: 'ready', reasons, limitations });
    })
    .all(onlyMethods(['GET']));
  return router;
}

/** `/metrics`, for Prometheus. */
export function metricsRoute(metrics: ApiOptions['metrics']): Router {
  const router = Router();
  router
    .route('/metrics')
    .get(async (_request, response) => {
      response.type(metrics.contentType).send(await metrics.text());
    })
    .all(onlyMethods(['GET']));
  return router;
}
