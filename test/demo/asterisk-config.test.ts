import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { fillTemplate, renderAsteriskConfig, setUpDialplan } from '../../src/demo/asterisk-config.js';

test('every template is filled, readable by the owner only, and listens on this machine only', async () => {
  const runDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-render-'));
  try {
    const program = {
      version: '22',
      command: 'asterisk',
      args: [],
      moduleDir: '/m',
      dataDir: '/d',
      musicDir: '/music',
    };
    await renderAsteriskConfig(runDir, '/short', program, {
      sipHost: '127.0.0.1',
      sipPort: 5070,
      ariPort: 8090,
      rtpPorts: { first: 10_000, last: 10_099 },
      ari: { username: 'linecard', password: '$&secret' },
      app: 'acme',
      audiosocket: '127.0.0.1:9099',
      phones: [{ number: '6001', password: 'pw', label: 'Sales' }],
      append: { 'rtp.conf': '; appended\n' },
    });
    const etc = path.join(runDir, 'etc');
    for (const name of await readdir(etc)) {
      const text = await readFile(path.join(etc, name), 'utf8');
      expect(text).not.toMatch(/\{\{|undefined/);
      expect((await stat(path.join(etc, name))).mode & 0o777).toBe(0o600);
      for (const [, address] of text.matchAll(/^bind(?:addr)? = (\S+)/gm)) expect(address).toMatch(/^127\.0\.0\.1/);
    }
    const read = (name: string): Promise<string> => readFile(path.join(etc, name), 'utf8');
    expect(await read('ari.conf')).toContain('password = $&secret');
    expect(await read('linecard.conf')).toMatch(/LINECARD_ADDRESS=127\.0\.0\.1:9099\)/);
    expect(await read('linecard.conf')).toMatch(/LINECARD_APP=acme\)/);
    expect(await read('rtp.conf')).toMatch(/; appended\n$/);
  } finally {
    await rm(runDir, { recursive: true });
  }
});

test('a template that asks for what nobody gives is a bug', () => {
  expect(() => fillTemplate('a = {{b}}', {}, 'x.conf')).toThrow(/x\.conf.*\{\{b\}\}/);
});

test('the settings of a dialplan are changed wherever they stand, and nothing else', () => {
  const text = 'a,1,Set(LINECARD_APP=linecard) ; x\n n,Set(LINECARD_ADDRESS=1:2)\n n,Stasis(${LINECARD_APP})';
  expect(setUpDialplan(text, { app: 'two', audiosocket: '127.0.0.1:1' })).toBe(
    'a,1,Set(LINECARD_APP=two) ; x\n n,Set(LINECARD_ADDRESS=127.0.0.1:1)\n n,Stasis(${LINECARD_APP})',
  );
});
