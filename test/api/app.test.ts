import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, TOKEN } from '../support/http.js';

let api: TestApi;

beforeEach(async () => {
  api = await new TestApi().start();
});

afterEach(() => api.stopNow());

describe('without a token', () => {
  it('there is health, readiness and the page', async () => {
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${api.url}/readyz`)).status).toBe(200);
    const page = await fetch(`${api.url}/`);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(await page.text()).toContain('<linecard-call');
  });

  it.each(['/v1/calls', '/v1/messages', '/v1/nothing', '/metrics'])('there is no %s', async (path) => {
    const answer = await fetch(`${api.url}${path}`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="linecard"');
    expect(await answer.json()).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
  });

  it.each([`Basic ${TOKEN}`, `Bearer ${TOKEN}x`, 'Bearer', `Bearer ${TOKEN.slice(1)}`, TOKEN])(
    'counts also who says "%s"',
    async (authorization) => {
      const answer = await fetch(`${api.url}/v1/calls`, { headers: { Authorization: authorization } });
      expect(answer.status).toBe(401);
    },
  );
});

describe('readiness', () => {
  it('is 200 with what works less well', async () => {
    expect(await api.json('GET', '/readyz')).toEqual({
      status: 'ready',
      reasons: [],
      limitations: ['no speech recognition: keys only'],
    });
  });

  it('is 503 with every reason', async () => {
    api.reasons.push('PBX "main": away', 'full');
    const answer = await api.fetch('GET', '/readyz');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await answer.json()).toMatchObject({ code: 'NOT_READY', reasons: ['PBX "main": away', 'full'] });
  });

  // A load balancer asked ten times a second while the PBX was away, and each answer was a stack trace in the log.
  it('does not fill the log while somebody asks', async () => {
    api.reasons.push('PBX "main": away');
    for (let i = 0; i < 3; i++) await api.fetch('GET', '/readyz');
    expect(api.complaints).toEqual([]);
  });
});

describe('every answer', () => {
  it('has the headers that keep it from being misused', async () => {
    for (const path of ['/healthz', '/v1/calls', '/nothing']) {
      const { headers } = await api.fetch('GET', path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  it('of the page allows its own script and no other', async () => {
    const policy = (await fetch(`${api.url}/`)).headers.get('content-security-policy');
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toContain('unsafe');
  });

  it('that is an error is a problem document', async () => {
    const answers: [Response, number, string][] = [
      [await api.fetch('GET', '/nothing'), 404, 'NOT_FOUND'],
      [await api.fetch('GET', '/v1/nothing'), 404, 'NOT_FOUND'],
      [await api.fetch('GET', '/v1/calls/nobody'), 404, 'CALL_UNKNOWN'],
      [await api.fetch('POST', '/healthz'), 405, 'METHOD_NOT_ALLOWED'],
      [await api.fetch('DELETE', '/v1/calls'), 405, 'METHOD_NOT_ALLOWED'],
      [await api.fetch('POST', '/v1/calls/a/say', '{"text": '), 400, 'REQUEST_INVALID'],
      [await api.fetch('POST', '/v1/calls/a/say', { text: 'x'.repeat(20_000) }), 413, 'BODY_TOO_LARGE'],
      [await api.fetch('GET', '/v1/calls/%E0%A4%A'), 400, 'HTTP_400'],
    ];
    for (const [answer, status, code] of answers) {
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      const problem = (await answer.json()) as Record<string, unknown>;
      expect(problem).toMatchObject({ type: 'about:blank', status, code });
      expect(answer.status).toBe(status);
      expect(problem['title']).toBeTypeOf('string');
    }
  });

  it('to a wrong method names the right ones', async () => {
    expect((await api.fetch('POST', '/v1/calls')).headers.get('allow')).toBe('HEAD, GET');
    expect((await api.fetch('GET', '/v1/calls/a/hangup')).headers.get('allow')).toBe('POST');
  });

  it('to what is no HTTP is a problem document too, and the connection ends', async () => {
    expect(await api.raw('\x16\x03\x01 this is TLS\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*"code":"REQUEST_INVALID"/s);
    const headers = `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await api.raw(headers)).toMatch(/^HTTP\/1\.1 431 .*"code":"HEADERS_TOO_LARGE"/s);
  });

  it('of the metrics is text', async () => {
    const answer = await api.fetch('GET', '/metrics');
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await answer.text()).toBe('linecard_ready 1\n');
  });
});
