import { createHash } from 'node:crypto';
import { Router } from 'express';
import { onlyMethods } from './problem.js';
import { PAGE_SCRIPT, PAGE_STYLE, pageHtml } from './page-content.js';

/** `GET /`: what is running, for people. Static; the data comes through the API with the token that the visitor enters. */
export function pageRoutes(): Router {
  const html = pageHtml();
  const policy = [
    "default-src 'none'",
    `script-src '${integrity(PAGE_SCRIPT)}'`,
    `style-src '${integrity(PAGE_STYLE)}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  const router = Router();
  router
    .route('/')
    .get((_request, response) => {
      response.set('Content-Security-Policy', policy).type('html').send(html);
    })
    .all(onlyMethods(['GET']));
  router.get('/favicon.ico', (_request, response) => {
    response.status(204).end();
  });
  return router;
}

/** Content Security Policy Level 3 §6.7.2.4: the hash of an inline block. */
function integrity(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
