import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import type { ErrorCode } from '../core/errors.js';
import { LinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';

/** How an error of ours looks from outside. What is not here is 500. */
const STATUS_OF: Partial<Record<ErrorCode, number>> = {
  REQUEST_INVALID: 400,
  DESTINATION_UNKNOWN: 400,
  CALL_UNKNOWN: 404,
  SCHEDULE_UNKNOWN: 404,
  AGENT_UNKNOWN: 404,
  EXTENSION_UNKNOWN: 404,
  CALL_STATE: 409,
  DESTINATION_CLOSED: 409,
  CHANNEL_GONE: 409,
  CALLER_LIMIT: 429,
  PBX_UNSUPPORTED: 501,
  PBX_REFUSED: 502,
  AGENT_FAILED: 502,
  PBX_UNREACHABLE: 503,
  AGENT_UNAVAILABLE: 503,
  MEDIA_FULL: 503,
  MEDIA_THREAD_LOST: 503,
  PBX_TIMEOUT: 504,
  MEDIA_TIMEOUT: 504,
  STORAGE_FAILED: 507,
};

/** An error that only HTTP knows: wrong path, method, token or body. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  /** Further members of the problem document. */
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    detail: string,
    extra: { readonly members?: Record<string, unknown>; readonly headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.members = extra.members ?? {};
    this.headers = extra.headers ?? {};
  }
}

/** Answers with an RFC 9457 problem document. */
export function sendProblem(response: Response, problem: HttpProblem): void {
  response
    .status(problem.status)
    .set({ ...problem.headers, 'Cache-Control': 'no-store' })
    .type('application/problem+json')
    .send(problemText(problem));
}

/** The document; `type` is about:blank, so `title` is the status in words (RFC 9457 §4.2.1). */
export function problemText(problem: HttpProblem): string {
  const { status, code, message, members } = problem;
  return JSON.stringify({
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    code,
    detail: message,
    ...members,
  });
}

/** What was thrown, as a problem; a foreign error is a defect of ours and tells nothing of itself. */
export function toProblem(thrown: unknown): HttpProblem {
  if (thrown instanceof HttpProblem) return thrown;
  if (thrown instanceof LinecardError) {
    const { code, message, fault, retryable } = thrown;
    const status = STATUS_OF[code] ?? 500;
    const detail = status === 500 ? 'this is a defect of Linecard; its log says more' : message;
    return new HttpProblem(status, code, detail, { members: { fault, retryable } });
  }
  return requestProblem(thrown) ?? new HttpProblem(500, 'INVARIANT', 'this is a defect of Linecard; its log says more');
}

/** The last handler of the app. */
export function problemHandler(log: Logger): ErrorRequestHandler {
  return (thrown, request, response, next) => {
    if (response.headersSent) {
      next(thrown); // express closes the connection: half an answer must not look like a whole one
      return;
    }
    const problem = toProblem(thrown);
    if (isRefusal(thrown, problem)) logRefusal(log, problem, request.path);
    // A problem that a route made is an answer, given on purpose: a probe that asks each second must not fill the log.
    else if (problem.status >= 500 && !(thrown instanceof HttpProblem)) {
      log.error({ err: thrown, method: request.method, route: request.path, status: problem.status }, 'request failed');
    }
    sendProblem(response, problem);
  };
}

/** Full, a limit, or a relay that gives no address: no defect, and a trace of our code says nothing about it. */
export function isRefusal(thrown: unknown, { status }: HttpProblem): boolean {
  return thrown instanceof LinecardError && (status === 503 || thrown.code === 'MEDIA_TIMEOUT');
}

/** One line; where it was not meant so, it says what to change. */
export function logRefusal(log: Logger, { code, message: reason }: HttpProblem, route: string): void {
  log.warn({ code, reason, route }, 'request refused');
}

/** For a path that exists, with another method. */
export function onlyMethods(methods: readonly string[]): RequestHandler {
  const allow = methods.includes('GET') ? ['HEAD', ...methods] : methods;
  return (request) => {
    throw new HttpProblem(
      405,
      'METHOD_NOT_ALLOWED',
      `${request.method} is not possible here, only ${methods.join(', ')}`,
      {
        headers: { Allow: allow.join(', ') },
      },
    );
  };
}

/** For a path that does not exist. */
export const notFound: RequestHandler = () => {
  throw new HttpProblem(404, 'NOT_FOUND', 'there is nothing at this path; docs/http-api.md lists what there is');
};

/** Errors of express and its body parser carry a status (http-errors); their words for 4xx are about the request. */
function requestProblem(thrown: unknown): HttpProblem | null {
  if (!(thrown instanceof Error)) return null;
  const { status, type, headers } = thrown as {
    readonly status?: unknown;
    readonly type?: unknown;
    readonly headers?: unknown;
  };
  if (typeof status !== 'number' || status < 400 || status > 499) return null;
  const extra = typeof headers === 'object' && headers !== null ? { headers: headers as Record<string, string> } : {};
  switch (type) {
    case 'entity.parse.failed':
      return new HttpProblem(400, 'REQUEST_INVALID', `the body is no valid JSON: ${thrown.message}`);
    case 'entity.too.large':
      return new HttpProblem(413, 'BODY_TOO_LARGE', 'the body is larger than a request of this API can be');
    default:
      return new HttpProblem(status, `HTTP_${status}`, thrown.message, extra);
  }
}
