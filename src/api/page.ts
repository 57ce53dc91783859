import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { RequestHandler } from 'express';
import { Router } from 'express';
import { onlyMethods } from './problem.js';

/** The browser's side, as it is written: no step between it and the browser. */
const WEB = new URL('../web/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = { '.html': 'html', '.css': 'css', '.js': 'text/javascript' };

/** What the page may do: its own files, its own API, the microphone. */
const PAGE_HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Permissions-Policy': 'microphone=(self), camera=(), geolocation=()',
};
/** The widget's parts are for everybody's pages: who may call is decided where calls begin. */
const SHARED_HEADERS = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };

/** `GET /`, the page where people call agents and see calls; `/widget.js` and its parts under `/web/`. Static; read once. */
export function pageRoutes(): Router {
  const router = Router();
  const serve = (path: string, name: string, headers: Readonly<Record<string, string>>): void => {
    router
      .route(path)
      .get(file(name, headers))
      .all(onlyMethods(['GET']));
  };
  serve('/', 'page.html', PAGE_HEADERS);
  serve('/widget.js', 'widget.js', SHARED_HEADERS);
  for (const name of readdirSync(WEB)) {
    if (name.endsWith('.js') || name.endsWith('.css')) serve(`/web/${name}`, name, SHARED_HEADERS);
  }
  router.get('/favicon.ico', (_request, response) => {
    response.status(204).end();
  });
  return router;
}

function file(name: string, headers: Readonly<Record<string, string>>): RequestHandler {
  const text = readFileSync(new URL(name, WEB), 'utf8');
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  const packed = gzipSync(text, { level: 9 });
  const type = TYPES[extname(name)] ?? 'text';
  return (request, response) => {
    // Asked for each time, sent only when it changed: a page is never older than the bridge that serves it.
    response.set({ ...headers, 'Cache-Control': 'no-cache', ETag: tag, Vary: 'Accept-Encoding' });
    if (request.headers['if-none-match'] === tag) response.status(304).end();
    else if (request.acceptsEncodings('gzip') === false) response.type(type).send(text);
    else response.type(type).set('Content-Encoding', 'gzip').send(packed);
  };
}
