import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT_DIR } from '../../src/demo/asterisk-install.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';

let asterisk: TestAsterisk;
beforeAll(async () => {
  asterisk = await startAsterisk();
}, 300_000);
afterAll(() => asterisk.stop());

test('it is Asterisk 20 or later, with the phones, extensions and codecs of the demo', async () => {
  expect(Number((await asterisk.cli('core show version')).match(/Asterisk (\d+)/)![1])).toBeGreaterThanOrEqual(20);
  for (const number of ['6001', '6002']) {
    const endpoint = await asterisk.cli(`pjsip show endpoint ${number}`);
    expect(endpoint).toMatch(/allow +: \(opus\|g722\|alaw\|ulaw\)/);
    expect(await asterisk.cli(`dialplan show ${number}@linecard-demo`)).toContain('PJSIP_DIAL_CONTACTS');
  }
  expect(await asterisk.cli('dialplan show 7000@linecard-demo')).toContain('Stasis(');
  expect(await asterisk.cli('dialplan show 7001@linecard-demo')).toContain('LINECARD_ADDRESS=127.0.0.1:9092');
  expect(await asterisk.cli('core show translation paths opus')).toMatch(/To slin:16000 +: \(opus@48000\)/);
});

test('everything it was told to load is loaded, and nothing complains', async () => {
  const log = await readFile(path.join(asterisk.runDir, 'log/messages'), 'utf8');
  // A module that this Asterisk is packaged without (Opus has two names) is the one warning that may be there.
  const complaints = log.split('\n').filter((line) => /WARNING|ERROR/.test(line) && !/codec_opus/.test(line));
  expect(complaints).toEqual([]);
});

test('hold music is real music', async () => {
  expect(await asterisk.cli('moh show files')).toMatch(/\.wav|moh\//);
});

test('ARI answers with the password and refuses without', async () => {
  const login = Buffer.from('linecard:secret').toString('base64');
  const good = await fetch(`${asterisk.ariUrl}/ari/asterisk/info`, { headers: { authorization: `Basic ${login}` } });
  expect(good.status).toBe(200);
  const bad = await fetch(`${asterisk.ariUrl}/ari/asterisk/info`);
  expect(bad.status).toBe(401);
});

test('a second instance runs beside the first', async () => {
  const other = await startAsterisk();
  try {
    expect(other.pid).not.toBe(asterisk.pid);
    expect(await other.cli('core show uptime')).toContain('System uptime');
  } finally {
    await other.stop();
  }
});

test('a port that is taken is named together with the variable that moves it', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const { port } = squatter.address() as AddressInfo;
  try {
    await expect(startAsterisk({ ariPort: port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringMatching(new RegExp(`${port}.*LINECARD_ARI_PORT`)) as string,
    });
  } finally {
    squatter.close();
  }
});

test('it ends with its owner, also when the owner is killed with SIGKILL', async () => {
  const owner = spawn(process.execPath, ['--import', 'tsx', path.join(PROJECT_DIR, 'test/support/asterisk-owner.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  for await (const chunk of owner.stdout) {
    printed += String(chunk);
    if (printed.includes('\n')) break;
  }
  const [pidText = '', runDir = ''] = printed.trim().split(' ');
  const pid = Number(pidText);
  expect(process.kill(pid, 0)).toBe(true);
  owner.kill('SIGKILL');
  await expect.poll(() => isAlive(pid), { timeout: 10_000, interval: 50 }).toBe(false);
  await rm(runDir, { recursive: true });
}, 60_000);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
