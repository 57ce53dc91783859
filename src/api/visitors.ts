import { isIP } from 'node:net';
import type { Request, RequestHandler } from 'express';
import type { CallId } from '../core/ids.js';
import type { Clock } from '../core/clock.js';
import { HttpProblem } from './problem.js';
import type { SessionClaims, SessionTokens } from './session-token.js';
import { carriedToken, sameToken } from './token.js';

/** Offers from one address: a page that tries again and again is not a visitor any more. */
const OFFERS_BURST = 20;
const OFFERS_PER_MS = 30 / 60_000;
/** Addresses that are remembered; the oldest is forgotten. */
const MAX_ADDRESSES = 10_000;
/** How long a browser may keep what a preflight was answered. */
const PREFLIGHT_MAX_AGE_S = 600;
const METHODS = 'GET, POST, PATCH, DELETE';
const REQUEST_HEADERS = 'Authorization, Content-Type, If-Match, Linecard-Resume';
const ANSWER_HEADERS = 'ETag, Linecard-Resume, Link, Location, Retry-After';

export type VisitorsOptions = {
  /** Sites that may let their visitors call, as in an `Origin` header. */
  readonly origins: readonly string[];
  /** `required`: an origin is not enough. */
  readonly sessionTokens: 'optional' | 'required';
  readonly tokens: SessionTokens;
  readonly apiToken: string;
  readonly clock: Clock;
};

/** Who came in: one with the API's token, or a visitor with what his token says. */
export type Admission = { readonly claims: SessionClaims | null };

type Allowance = { offers: number; atMs: number };

/** Who may call from a browser: by origin, by token, and not too often. */
export class Visitors {
  readonly #options: VisitorsOptions;
  readonly #origins: ReadonlySet<string>;
  readonly #allowances = new Map<string, Allowance>();

  constructor(options: VisitorsOptions) {
    this.#options = options;
    this.#origins = new Set(options.origins.map((origin) => new URL(origin).origin));
  }

  /** Lets pages of allowed origins read the answers, and answers their preflights (Fetch Standard, "CORS protocol"). */
  readonly cors: RequestHandler = (request, response, next) => {
    const { origin } = request.headers;
    response.vary('Origin');
    if (origin !== undefined && this.#allows(origin, request)) {
      response.set({
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Expose-Headers': ANSWER_HEADERS,
        'Cross-Origin-Resource-Policy': 'cross-origin',
      });
    }
    if (request.method !== 'OPTIONS') {
      next();
      return;
    }
    if (origin !== undefined && !this.#allows(origin, request)) throw foreign(origin);
    response.set({
      'Access-Control-Allow-Methods': METHODS,
      'Access-Control-Allow-Headers': REQUEST_HEADERS,
      'Access-Control-Max-Age': String(PREFLIGHT_MAX_AGE_S),
      'Accept-Post': 'application/sdp',
    });
    // A public site whose bridge is in the visitor's own network (Private Network Access).
    if (request.headers['access-control-request-private-network'] === 'true') {
      response.set('Access-Control-Allow-Private-Network', 'true');
    }
    response.status(204).end();
  };

  /** Who may ask what there is to call, and call. Throws 401 or 403. */
  admit(request: Request): Admission {
    const { apiToken, tokens, sessionTokens, clock } = this.#options;
    const given = carriedToken(request);
    if (given !== null && sameToken(given, apiToken)) return { claims: null };
    this.#checkOrigin(request);
    if (given === null) {
      if (sessionTokens === 'optional') return { claims: null };
      throw unauthorized('this site lets only visitors call to whom it gave a session token');
    }
    const claims = tokens.read(given, clock.wallMs());
    if (claims === null) throw unauthorized('this session token is not ours, or too old; ask the site for another');
    return { claims };
  }

  /** The call whose conversation a page goes on with; null when there is none, or it is too long ago: it begins anew then. */
  resumedCall(request: Request): CallId | null {
    const { tokens, clock } = this.#options;
    const given = request.headers['linecard-resume'];
    return typeof given === 'string' ? tokens.readResume(given, clock.wallMs()) : null;
  }

  resumeToken(callId: CallId): string {
    const { tokens, clock } = this.#options;
    return tokens.issueResume(callId, clock.wallMs());
  }

  /** Who may go on with a call: its id is a secret of its own, but a foreign page has no business with it. Throws 403. */
  admitToCall(request: Request): void {
    const { origin } = request.headers;
    if (origin !== undefined && !this.#allows(origin, request)) throw foreign(origin);
  }

  /** Throws 429 when too many offers came from this address of late. */
  countOffer(address: string): void {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#allowances.get(address);
    const earned = known === undefined ? OFFERS_BURST : known.offers + (nowMs - known.atMs) * OFFERS_PER_MS;
    const offers = Math.min(OFFERS_BURST, earned) - 1;
    if (offers < 0) {
      const seconds = Math.ceil(-offers / OFFERS_PER_MS / 1000);
      throw new HttpProblem(429, 'CALLER_LIMIT', 'too many calls were begun from this address', {
        headers: { 'Retry-After': String(seconds) },
      });
    }
    this.#allowances.delete(address);
    this.#allowances.set(address, { offers, atMs: nowMs });
    const [oldest] = this.#allowances.keys();
    if (this.#allowances.size > MAX_ADDRESSES && oldest !== undefined) this.#allowances.delete(oldest);
  }

  #checkOrigin(request: Request): void {
    const { origin } = request.headers;
    if (origin !== undefined) {
      if (!this.#allows(origin, request)) throw foreign(origin);
      return;
    }
    // A browser names no origin when a page of ours reads; no other page can say this of itself (Fetch Metadata).
    const own = request.method === 'GET' && request.headers['sec-fetch-site'] === 'same-origin';
    if (own && isPlainHost(request.headers.host)) return;
    throw unauthorized('this needs a page of an allowed origin, or the header "Authorization: Bearer <token>"');
  }

  #allows(origin: string, request: Request): boolean {
    return this.#origins.has(origin) || isOwnOrigin(origin, request.headers.host);
  }
}

/** From where a request came, for limits: an IPv6 visitor has a whole /64 (RFC 4291 §2.5.4). */
export function placeOf(address: string): string {
  const plain = address.replace(/^::ffff:/i, '');
  if (isIP(plain) !== 6) return plain;
  const [head = '', tail = ''] = plain.split('::', 2);
  const front = head.split(':').filter((group) => group !== '');
  const back = tail.split(':').filter((group) => group !== '');
  const filling = plain.includes('::') ? Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0') : [];
  return `${[...front, ...filling, ...back].slice(0, 4).join(':')}::/64`;
}

/** Our own page. Only where no name is in the address: a foreign site can give its own name our address (DNS rebinding). */
function isOwnOrigin(origin: string, host: string | undefined): boolean {
  return isPlainHost(host) && (origin === `http://${host}` || origin === `https://${host}`);
}

function isPlainHost(host: string | undefined): host is string {
  if (host === undefined) return false;
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name === 'localhost' || isIP(name) !== 0;
}

function foreign(origin: string): HttpProblem {
  return new HttpProblem(
    403,
    'ORIGIN_NOT_ALLOWED',
    `pages of ${origin.slice(0, 200)} may not call; see webrtc.origins`,
  );
}

function unauthorized(detail: string): HttpProblem {
  return new HttpProblem(401, 'UNAUTHORIZED', detail, { headers: { 'WWW-Authenticate': 'Bearer realm="linecard"' } });
}
