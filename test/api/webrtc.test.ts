import { afterEach, describe, expect, it } from 'vitest';
import type { BrowserAccess } from '../../src/api/port.js';
import { LinecardError } from '../../src/core/errors.js';
import { TestApi, TOKEN } from '../support/http.js';

const SITE = 'https://www.example.com';
const OFFER = { 'Content-Type': 'application/sdp' };
const FRAGMENT = { 'Content-Type': 'application/trickle-ice-sdpfrag' };

let api: TestApi;

async function open(browsers: Partial<BrowserAccess> | null = {}, proxies: readonly string[] = []): Promise<void> {
  api = await new TestApi({ browsers, proxies }).start();
}

afterEach(() => api.stopNow());

/** As a page does, without the token of the API. */
function page(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Response> {
  return fetch(`${api.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
}

function offer(headers: Record<string, string> = {}): Promise<Response> {
  return page('POST', '/v1/webrtc/receptionist', { ...OFFER, Origin: SITE, ...headers }, 'v=0\r\n');
}

async function sessionToken(body: unknown = {}): Promise<string> {
  const { token } = await api.json('POST', '/v1/session-tokens', body);
  return String(token);
}

describe('an offer', () => {
  it('is answered with the call at its own address', async () => {
    await open();
    const answer = await offer();
    expect(answer.status).toBe(201);
    expect(answer.headers.get('content-type')).toContain('application/sdp');
    expect(answer.headers.get('location')).toBe('/v1/webrtc/receptionist/call-1');
    expect(answer.headers.get('etag')).toBe('"abcd"');
    expect(answer.headers.get('link')).toBe('<stun:192.0.2.1>; rel="ice-server"');
    expect(await answer.text()).toBe('v=0\r\n');
    expect(api.desk.calls).toEqual([
      {
        agent: 'receptionist',
        offer: 'v=0\r\n',
        reachedAt: '127.0.0.1',
        address: '127.0.0.1',
        caller: { number: '', name: '' },
        resumes: null,
      },
    ]);
  });

  it('names the relay with what opens it', async () => {
    await open({ iceServers: () => [{ urls: ['turn:a', 'turn:b'], username: 'u"1', credential: 'c\\2' }] });
    expect((await offer()).headers.get('link')).toBe(
      '<turn:a>; rel="ice-server"; username="u\\"1"; credential="c\\\\2"; credential-type="password", ' +
        '<turn:b>; rel="ice-server"; username="u\\"1"; credential="c\\\\2"; credential-type="password"',
    );
  });

  it('may go on with the conversation of a call before, and only of its own', async () => {
    await open();
    const token = (await offer()).headers.get('linecard-resume') ?? '';
    await offer({ 'Linecard-Resume': token });
    await offer({ 'Linecard-Resume': token.replace('call-1', 'call-2') });
    await offer({ 'Linecard-Resume': 'nonsense' });
    expect(api.desk.calls.map(({ resumes }) => resumes)).toEqual([null, 'call-1', null, null]);
    api.clock.advance(4_200_000);
    await offer({ 'Linecard-Resume': token });
    expect(api.desk.calls.at(-1)?.resumes).toBeNull();
  });

  it.each([
    ['AGENT_UNKNOWN', 404],
    ['REQUEST_INVALID', 400],
    ['CALLER_LIMIT', 429],
    ['MEDIA_FULL', 503],
    ['MEDIA_TIMEOUT', 504],
  ] as const)('that meets %s is answered %d', async (code, status) => {
    await open();
    api.desk.failure = new LinecardError(code, 'in words');
    const answer = await offer();
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code, detail: 'in words' });
  });

  it('when there is no room is answered, and is one line in the log: no error of ours', async () => {
    await open();
    api.desk.failure = new LinecardError('MEDIA_FULL', '100 browser calls are here already');
    expect((await offer()).status).toBe(503);
    expect(api.complaints).toEqual([]);
    const reason = '100 browser calls are here already';
    expect(api.warnings).toEqual([
      { code: 'MEDIA_FULL', reason, route: '/v1/webrtc/receptionist', message: 'request refused' },
    ]);
  });

  it('of another type, or too long, is refused', async () => {
    await open();
    expect((await offer({ 'Content-Type': 'application/json' })).status).toBe(415);
    const long = await page('POST', '/v1/webrtc/loop', { ...OFFER, Origin: SITE }, 'v'.repeat(70_000));
    expect(long.status).toBe(413);
  });

  it('comes not too often from one address', async () => {
    await open();
    for (let i = 0; i < 20; i++) expect((await offer()).status).toBe(201);
    const refused = await offer();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('2');
    api.clock.advance(2000);
    expect((await offer()).status).toBe(201);
  });

  it('counts for its own address behind a proxy that is believed, and only there', async () => {
    await open({}, ['127.0.0.1']);
    await offer({ 'X-Forwarded-For': '198.51.100.4' });
    await offer({ 'X-Forwarded-For': '2001:db8:1:2:3::4' });
    expect(api.desk.calls.map(({ address }) => address)).toEqual(['198.51.100.4', '2001:db8:1:2::/64']);
    await api.stopNow();
    await open();
    await offer({ 'X-Forwarded-For': '198.51.100.4' });
    expect(api.desk.calls[0]?.address).toBe('127.0.0.1');
  });
});

describe('who may call', () => {
  it('is a page of an allowed origin, and it may read the answer', async () => {
    await open();
    const answer = await offer();
    expect(answer.headers.get('access-control-allow-origin')).toBe(SITE);
    expect(answer.headers.get('access-control-expose-headers')).toContain('Location');
    expect(answer.headers.get('vary')).toContain('Origin');
  });

  it.each(['https://evil.example', 'https://www.example.com.evil.example', 'http://www.example.com', 'null'])(
    'is no page of %s',
    async (origin) => {
      await open();
      const answer = await offer({ Origin: origin });
      expect(answer.status).toBe(403);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      expect(api.desk.calls).toEqual([]);
    },
  );

  it('is our own page, by address and not by name', async () => {
    await open();
    const { port } = api;
    expect((await offer({ Origin: `http://127.0.0.1:${port}` })).status).toBe(201);
    // A name that was made to point here (DNS rebinding) brings its own origin and host along.
    const rebound = await api.raw(
      `POST /v1/webrtc/loop HTTP/1.1\r\nHost: evil.example:${port}\r\nOrigin: http://evil.example:${port}\r\n` +
        'Content-Type: application/sdp\r\nContent-Length: 3\r\nConnection: close\r\n\r\nv=0',
    );
    expect(rebound).toContain('403 Forbidden');
  });

  it('is nobody without origin and token', async () => {
    await open();
    expect((await page('POST', '/v1/webrtc/loop', OFFER, 'v=0')).status).toBe(401);
    expect((await page('GET', '/v1/webrtc')).status).toBe(401);
  });

  it('is who has the token of the API', async () => {
    await open({ sessionTokens: 'required' });
    const headers = { ...OFFER, Authorization: `Bearer ${TOKEN}` };
    expect((await page('POST', '/v1/webrtc/loop', headers, 'v=0')).status).toBe(201);
  });

  it('is asked by a preflight', async () => {
    await open();
    const path = '/v1/webrtc/receptionist';
    const allowed = await page('OPTIONS', path, {
      Origin: SITE,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Private-Network': 'true',
    });
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-methods')).toContain('PATCH');
    expect(allowed.headers.get('access-control-allow-headers')).toContain('If-Match');
    expect(allowed.headers.get('access-control-allow-private-network')).toBe('true');
    expect((await page('OPTIONS', path, { Origin: 'https://evil.example' })).status).toBe(403);
  });

  it('is told which agents there are', async () => {
    await open();
    const own = await page('GET', '/v1/webrtc', { 'Sec-Fetch-Site': 'same-origin' });
    expect(await own.json()).toEqual({
      agents: [{ name: 'receptionist' }, { name: 'loop' }],
      iceServers: [{ urls: ['stun:192.0.2.1'] }],
    });
    expect((await page('GET', '/v1/webrtc', { Origin: SITE })).status).toBe(200);
  });

  it('is nobody at all where browsers do not come in', async () => {
    await open(null);
    expect((await offer()).status).toBe(401);
    expect((await api.fetch('POST', '/v1/webrtc/loop')).status).toBe(404);
  });
});

describe('a session token', () => {
  it('is needed where the site says so, besides the origin', async () => {
    await open({ sessionTokens: 'required' });
    expect((await offer()).status).toBe(401);
    const Authorization = `Bearer ${await sessionToken()}`;
    expect((await offer({ Authorization })).status).toBe(201);
    expect((await offer({ Authorization, Origin: 'https://evil.example' })).status).toBe(403);
  });

  it('says who calls, and whom', async () => {
    await open();
    const token = await sessionToken({ agent: 'receptionist', name: 'Ann', number: '+4912' });
    const headers = { ...OFFER, Origin: SITE, Authorization: `Bearer ${token}` };
    await page('POST', '/v1/webrtc/receptionist', headers, 'v=0');
    expect(api.desk.calls[0]?.caller).toEqual({ name: 'Ann', number: '+4912' });
    expect((await page('POST', '/v1/webrtc/loop', headers, 'v=0')).status).toBe(403);
    const seen = await page('GET', '/v1/webrtc', headers);
    expect(await seen.json()).toMatchObject({ agents: [{ name: 'receptionist' }] });
  });

  it('is refused when it is too old, changed or nonsense, also where none is needed', async () => {
    await open();
    const token = await sessionToken({ seconds: 30 });
    const tried = async (Authorization: string): Promise<number> => (await offer({ Authorization })).status;
    expect(await tried(`Bearer ${token}`)).toBe(201);
    const [prefix, body, signature] = token.split('.');
    const forged = Buffer.from(JSON.stringify({ agent: null, expiresAtMs: 1e15 })).toString('base64url');
    expect(await tried(`Bearer ${prefix}.${forged}.${signature}`)).toBe(401);
    expect(await tried(`Bearer ${prefix}.${body}.AAAA`)).toBe(401);
    expect(await tried('Bearer nonsense')).toBe(401);
    api.clock.advance(30_000);
    expect(await tried(`Bearer ${token}`)).toBe(401);
  });

  it('is made for nobody without the token of the API, and for no agent that is not there', async () => {
    await open();
    expect((await page('POST', '/v1/session-tokens')).status).toBe(401);
    expect((await api.fetch('POST', '/v1/session-tokens', { agent: 'nobody' })).status).toBe(404);
    expect((await api.fetch('POST', '/v1/session-tokens', { seconds: 4000 })).status).toBe(400);
  });
});

describe('a call that is there', () => {
  it('takes candidates for its ICE session, and not for the one before', async () => {
    await open();
    const { headers } = await offer();
    const path = headers.get('location') ?? '';
    const patch = (tag: string): Promise<Response> =>
      page('PATCH', path, { ...FRAGMENT, Origin: SITE, 'If-Match': tag }, 'a=candidate:1');
    expect((await patch('"abcd"')).status).toBe(204);
    api.desk.answer = 'a=ice-ufrag:efgh\r\n';
    const restarted = await patch('*');
    expect(restarted.status).toBe(200);
    expect(restarted.headers.get('etag')).toBe('"efgh"');
    expect(restarted.headers.get('content-type')).toContain('application/trickle-ice-sdpfrag');
    expect((await patch('"abcd"')).status).toBe(412);
  });

  it('ends by DELETE, once', async () => {
    await open();
    const path = (await offer()).headers.get('location') ?? '';
    expect((await page('DELETE', path, { Origin: 'https://evil.example' })).status).toBe(403);
    expect((await page('DELETE', path, { Origin: SITE })).status).toBe(200);
    expect((await page('DELETE', path, { Origin: SITE })).status).toBe(404);
    expect((await page('GET', path, { Origin: SITE })).status).toBe(405);
  });
});
