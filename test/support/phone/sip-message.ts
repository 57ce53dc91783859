import { createHash, randomBytes } from 'node:crypto';

export type SipHeader = readonly [name: string, value: string];

type SipCommon = { readonly headers: readonly SipHeader[]; readonly body: string };
export type SipRequest = SipCommon & { readonly kind: 'request'; readonly method: string; readonly uri: string };
export type SipResponse = SipCommon & { readonly kind: 'response'; readonly status: number; readonly reason: string };
export type SipMessage = SipRequest | SipResponse;

const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  200: 'OK',
  202: 'Accepted',
  481: 'Call/Transaction Does Not Exist',
  486: 'Busy Here',
  487: 'Request Terminated',
  501: 'Not Implemented',
  603: 'Decline',
};

/** One datagram of RFC 3261; null for what is none. Compact header names are not read: Asterisk does not send them by default. */
export function parseSip(text: string): SipMessage | null {
  const split = text.indexOf('\r\n\r\n');
  if (split < 0) return null;
  const [start = '', ...lines] = text
    .slice(0, split)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers = lines.map((line): SipHeader => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  const body = text.slice(split + 4);
  const response = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(start);
  if (response !== null) {
    return { kind: 'response', status: Number(response[1]), reason: response[2] ?? '', headers, body };
  }
  const request = /^([A-Z]+) (\S+) SIP\/2\.0$/.exec(start);
  if (request === null) return null;
  return { kind: 'request', method: request[1] ?? '', uri: request[2] ?? '', headers, body };
}

/** Adds Content-Length. */
export function formatSip(message: SipMessage): string {
  const start =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason}`;
  const headers = message.headers.map(([name, value]) => `${name}: ${value}`);
  return [start, ...headers, `Content-Length: ${Buffer.byteLength(message.body)}`, '', message.body].join('\r\n');
}

/** Answer to a request: its Via, From, To, Call-ID and CSeq, `To` with our tag unless it is a 100. */
export function answerTo(
  request: SipRequest,
  status: number,
  options: { readonly toTag?: string; readonly headers?: readonly SipHeader[]; readonly body?: string } = {},
): SipResponse {
  const copied = request.headers
    .filter(([name]) => ['via', 'from', 'to', 'call-id', 'cseq', 'record-route'].includes(name.toLowerCase()))
    .map(([name, value]): SipHeader => {
      const needsTag = name.toLowerCase() === 'to' && tagOf(value) === null && options.toTag !== undefined;
      return [name, needsTag ? `${value};tag=${options.toTag ?? ''}` : value];
    });
  return {
    kind: 'response',
    status,
    reason: REASONS[status] ?? 'Status',
    headers: [...copied, ...(options.headers ?? [])],
    body: options.body ?? '',
  };
}

/** The first header of that name, or the empty string. */
export function headerOf(message: SipMessage, name: string): string {
  return headersOf(message, name)[0] ?? '';
}

export function headersOf(message: SipMessage, name: string): string[] {
  const wanted = name.toLowerCase();
  return message.headers.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
}

export function cseqOf(message: SipMessage): { readonly number: number; readonly method: string } {
  const [number = '0', method = ''] = headerOf(message, 'CSeq').split(/\s+/);
  return { number: Number(number), method };
}

export function branchOf(message: SipMessage): string {
  return /;\s*branch=([^;,\s]+)/.exec(headerOf(message, 'Via'))?.[1] ?? '';
}

/** The `tag` of a From or To value; null without one. */
export function tagOf(value: string): string | null {
  return /;\s*tag=([^;\s]+)/.exec(value)?.[1] ?? null;
}

/** The URI of a Contact, From, To or Refer-To value. */
export function uriOf(value: string): string {
  return /<([^>]*)>/.exec(value)?.[1] ?? value.split(';')[0]?.trim() ?? '';
}

/** Letters and digits that nobody else made. */
export function newToken(): string {
  return randomBytes(8).toString('hex');
}

export type Credentials = { readonly username: string; readonly password: string };

/** Answers a 401 or 407 (RFC 2617: MD5, `qop=auth`); null when it holds no challenge that we can answer. */
export function answerChallenge(
  challenge: SipResponse,
  request: { readonly method: string; readonly uri: string },
  { username, password }: Credentials,
): SipHeader | null {
  const [asked, answer] =
    challenge.status === 401 ? ['WWW-Authenticate', 'Authorization'] : ['Proxy-Authenticate', 'Proxy-Authorization'];
  const offers = headersOf(challenge, asked).map(parametersOf);
  const offer = offers.find((parameters) => (parameters.get('algorithm') ?? 'MD5').toUpperCase() === 'MD5');
  const [realm, nonce] = [offer?.get('realm'), offer?.get('nonce')];
  if (offer === undefined || realm === undefined || nonce === undefined) return null;
  const [cnonce, nc] = [newToken(), '00000001'];
  const [who, what] = [md5(`${username}:${realm}:${password}`), md5(`${request.method}:${request.uri}`)];
  const hasQop = offer.has('qop');
  const response = md5(hasQop ? `${who}:${nonce}:${nc}:${cnonce}:auth:${what}` : `${who}:${nonce}:${what}`);
  const fields = [
    `username="${username}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${request.uri}"`,
    `response="${response}"`,
    'algorithm=MD5',
    ...(hasQop ? ['qop=auth', `nc=${nc}`, `cnonce="${cnonce}"`] : []),
    ...(offer.has('opaque') ? [`opaque="${offer.get('opaque') ?? ''}"`] : []),
  ];
  return [answer, `Digest ${fields.join(', ')}`];
}

function parametersOf(challenge: string): Map<string, string> {
  const found = challenge.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g);
  return new Map([...found].map((match) => [match[1]?.toLowerCase() ?? '', match[2] ?? match[3] ?? '']));
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
