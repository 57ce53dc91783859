import { LinecardError } from '../../../core/errors.js';

/** The address of a vendor's WebSocket. `http` becomes `ws`, so that a local server needs no certificate. */
export function vendorUrl(baseUrl: string, path: string, query: Readonly<Record<string, string>>): string {
  const url = new URL(baseUrl);
  url.protocol = url.protocol.replace('http', 'ws');
  url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  return url.href;
}

/** A message as JSON; null when it is none. */
export function jsonOf(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return null;
  }
}

/** What a vendor complains of, as one of our errors. */
export function failure(
  code: 'AGENT_FAILED' | 'AGENT_UNAVAILABLE',
  who: string,
  said: string,
): { readonly kind: 'failed'; readonly error: LinecardError } {
  return { kind: 'failed', error: new LinecardError(code, `${who} says: ${said.slice(0, 300)}`) };
}
