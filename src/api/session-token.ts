import { createHmac, timingSafeEqual } from 'node:crypto';
import type { CallId } from '../core/ids.js';

/** What a site's server says of the visitor it lets in. */
export type SessionClaims = {
  /** The only agent that may be called; null: any. */
  readonly agent: string | null;
  /** Who the caller is, as the site knows. */
  readonly name: string;
  readonly number: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
};

const PREFIX = 'lcs1';
const RESUME_PREFIX = 'lcr1';
/** A call of an hour may be resumed; what was said is kept for ten minutes after its last word. */
const RESUME_MS = 3_600_000 + 600_000;
/** A token of ours is shorter: names and numbers have limits. */
const MAX_TOKEN_CHARS = 2000;

/**
 * Short-lived tokens that let a browser call: a site's server asks for one with the API's token and gives it to its visitor. Nothing is kept:
 * what is true is in the token, signed with a key that is made of the API's token.
 */
export class SessionTokens {
  readonly #key: Buffer;

  constructor(apiToken: string) {
    this.#key = createHmac('sha256', apiToken).update('linecard browser sessions').digest();
  }

  issue(claims: SessionClaims): string {
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${PREFIX}.${body}.${this.#sign(body).toString('base64url')}`;
  }

  /** Null for what is not ours, was changed, or is too old. */
  read(token: string, nowWallMs: number): SessionClaims | null {
    if (token.length > MAX_TOKEN_CHARS) return null;
    const [prefix, body, signature, ...rest] = token.split('.');
    if (prefix !== PREFIX || body === undefined || signature === undefined || rest.length > 0) return null;
    const given = Buffer.from(signature, 'base64url');
    const wanted = this.#sign(body);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
    // Signed by us, so it has the shape that we gave it.
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as SessionClaims;
    return claims.expiresAtMs > nowWallMs ? claims : null;
  }

  /** What lets a page go on with its conversation in another call. */
  issueResume(callId: CallId, nowWallMs: number): string {
    const body = `${callId}.${nowWallMs + RESUME_MS}`;
    return `${RESUME_PREFIX}.${body}.${this.#sign(`${RESUME_PREFIX}.${body}`).toString('base64url')}`;
  }

  /** The call that a page comes from; null for what is not ours, was changed, or is too old. */
  readResume(token: string, nowWallMs: number): CallId | null {
    const [prefix, callId, expiry, signature, ...rest] = token.slice(0, MAX_TOKEN_CHARS).split('.');
    if (prefix !== RESUME_PREFIX || callId === undefined || signature === undefined || rest.length > 0) return null;
    const given = Buffer.from(signature, 'base64url');
    const wanted = this.#sign(`${RESUME_PREFIX}.${callId}.${expiry ?? ''}`);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
    return Number(expiry) > nowWallMs ? (callId as CallId) : null;
  }

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
