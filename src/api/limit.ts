import type { Request } from 'express';
import { LinecardError } from '../core/errors.js';

/** What a list shows when nobody says how many. */
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** `?limit=` of a list. Throws REQUEST_INVALID. */
export function readLimit(request: Request): number {
  const { limit } = request.query;
  if (limit === undefined) return DEFAULT_LIMIT;
  const wanted = typeof limit === 'string' && /^\d{1,4}$/.test(limit) ? Number(limit) : NaN;
  if (!(wanted <= MAX_LIMIT)) {
    throw new LinecardError('REQUEST_INVALID', `"limit" must be a whole number from 0 to ${MAX_LIMIT}`);
  }
  return wanted;
}
