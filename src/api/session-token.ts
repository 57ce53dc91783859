import { createHmac, timingSafeEqual } from 'node:crypto';

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

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
