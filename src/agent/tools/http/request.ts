import type { IncomingMessage } from 'node:http';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import type { AddressRules } from './addresses.js';
import { ForbiddenAddress } from './addresses.js';

/** More than a model can use; the rest is not even read. */
const MAX_RESPONSE_BYTES = 64 * 1024;
/** Of one tool at one server; further calls wait for a free one, within their time limit. */
const MAX_SOCKETS = 16;

export type HttpRequest = {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
};

export type HttpResponse = {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  /** `cut`: there was more than we read. */
  readonly length: 'whole' | 'cut';
};

/** Sends requests to permitted addresses only and keeps connections for the next one: a caller waits for each handshake. */
export class HttpSender {
  readonly #rules: AddressRules;
  readonly #lookup: LookupFunction;
  readonly #plain = new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  readonly #secure = new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });

  constructor(rules: AddressRules, lookup: LookupFunction = rules.lookup()) {
    this.#rules = rules;
    this.#lookup = lookup;
  }

  /** Follows no redirect: it could lead anywhere. Rejects with what Node throws, or ForbiddenAddress. */
  async send({ method, url, headers, body, signal }: HttpRequest): Promise<HttpResponse> {
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    // Literal addresses are not looked up.
    if (isIP(literal) !== 0 && !this.#rules.permits(literal)) throw new ForbiddenAddress();
    const secure = url.protocol === 'https:';
    const open = secure ? httpsRequest : httpRequest;
    const options = { method, headers, signal, lookup: this.#lookup, agent: secure ? this.#secure : this.#plain };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = open(url, options, resolve);
      request.on('error', reject);
      request.end(body ?? undefined);
    });
    return read(response);
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

async function read(response: IncomingMessage): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_RESPONSE_BYTES) break; // leaving the loop ends the connection
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    text: Buffer.concat(chunks).subarray(0, MAX_RESPONSE_BYTES).toString('utf8'),
    length: bytes > MAX_RESPONSE_BYTES ? 'cut' : 'whole',
  };
}
