import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { chmod, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestHandler } from 'express';
import { LinecardError } from '../core/errors.js';
import { HttpProblem } from './problem.js';

/** Where a token that we made is kept. */
export function tokenPath(dataDir: string): string {
  return join(dataDir, 'token');
}

/** The token of an earlier start, or a new one of 256 bits; only its owner can read the file. Rejects STORAGE_FAILED. */
export async function keptToken(dataDir: string): Promise<string> {
  const path = tokenPath(dataDir);
  try {
    await mkdir(dataDir, { recursive: true });
    const known = await readToken(path);
    if (known !== null) {
      await chmod(path, 0o600);
      return known;
    }
    const token = randomBytes(32).toString('base64url');
    const file = await open(path, 'w', 0o600);
    try {
      await file.chmod(0o600); // an empty file that was there keeps its mode
      await file.writeFile(`${token}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    return token;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LinecardError(
      'STORAGE_FAILED',
      `the token cannot be kept in ${path}: ${why}; change dataDir or set http.token`,
      {
        cause: error,
      },
    );
  }
}

/** The token in a file; null when there is none. */
export async function readToken(path: string): Promise<string | null> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    return text === '' ? null : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Lets a request pass that carries the token. */
export function bearer(token: string): RequestHandler {
  return (request, _response, next) => {
    const given = carriedToken(request);
    if (given === null) {
      throw unauthorized(
        'this needs the header "Authorization: Bearer <token>"; the token is http.token or in dataDir/token',
      );
    }
    if (!sameToken(given, token)) throw unauthorized('this token is not the right one', 'invalid_token');
    next();
  };
}

/** The token that a request carries (RFC 6750 §2.1); null when it has none. */
export function carriedToken(request: { readonly headers: IncomingHttpHeaders }): string | null {
  const [, given] = /^Bearer +([^ ]+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  return given ?? null;
}

/** The comparison takes the same time for every wrong one. */
export function sameToken(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted));
}

function unauthorized(detail: string, error?: string): HttpProblem {
  const challenge = `Bearer realm="linecard"${error === undefined ? '' : `, error="${error}"`}`;
  return new HttpProblem(401, 'UNAUTHORIZED', detail, { headers: { 'WWW-Authenticate': challenge } });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
