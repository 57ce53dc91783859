import { gunzipSync } from 'node:zlib';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestApi } from '../support/http.js';

let api: TestApi;

beforeEach(async () => {
  api = await new TestApi().start();
});

afterEach(() => api.stopNow());

/** The bytes as they are on the wire. */
function wireBytes(path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    request(`${api.url}${path}`, { headers: { 'Accept-Encoding': 'gzip' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks)));
    })
      .on('error', reject)
      .end();
  });
}

describe('the page', () => {
  it('may use its own parts, its own API and the microphone, and is in nobody else’s frame', async () => {
    const { headers } = await fetch(`${api.url}/`);
    const policy = headers.get('content-security-policy');
    for (const rule of ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"]) {
      expect(policy).toContain(rule);
    }
    expect(headers.get('permissions-policy')).toContain('microphone=(self)');
  });

  it('is sent again only when it changed', async () => {
    const first = await fetch(`${api.url}/web/page.js`);
    const tag = first.headers.get('etag') ?? '';
    expect(first.headers.get('cache-control')).toBe('no-cache');
    const second = await fetch(`${api.url}/web/page.js`, { headers: { 'If-None-Match': tag } });
    expect(second.status).toBe(304);
  });
});

describe('the widget', () => {
  it('may be loaded by every page', async () => {
    for (const path of ['/widget.js', '/web/element.js']) {
      const { headers } = await fetch(`${api.url}${path}`, { headers: { Origin: 'https://www.example.com' } });
      expect(headers.get('content-type')).toContain('text/javascript');
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    }
  });

  it('takes at most 30 kB on the wire, with all its parts', async () => {
    const parts = readdirSync(new URL('../../src/web/', import.meta.url))
      .filter((name) => name.endsWith('.js') && name !== 'page.js' && name !== 'widget.js')
      .map((name) => `/web/${name}`);
    let bytes = 0;
    for (const path of ['/widget.js', ...parts]) {
      const packed = await wireBytes(path);
      expect(gunzipSync(packed).length).toBeGreaterThan(100);
      bytes += packed.length;
    }
    expect(parts.length).toBeGreaterThan(5);
    expect(bytes).toBeLessThan(30_000);
  });
});

it('nothing else of the folder is served', async () => {
  for (const path of ['/web/', '/web/page.html', '/web/../api/token.js', '/web/%2e%2e/app.js', '/page.html']) {
    expect((await fetch(`${api.url}${path}`)).status).toBe(404);
  }
});
