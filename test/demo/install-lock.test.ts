import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findOrInstallAsterisk } from '../../src/demo/asterisk-install.js';
import { withInstallLock } from '../../src/demo/install-lock.js';

test('two installations wait for each other, also when the first fails', async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'linecard-lock-'));
  const order: string[] = [];
  const file = path.join(dir, 'x.lock');
  let finish = (): void => undefined;
  const full = new Promise<void>((resolve) => (finish = resolve));
  const first = withInstallLock(file, async () => {
    order.push('first begins');
    await full;
    order.push('first ends');
    throw new Error('no space');
  });
  const failure = expect(first).rejects.toThrow('no space');
  await expect.poll(() => order).toContain('first begins');
  const second = withInstallLock(file, () => {
    order.push('second');
    return Promise.resolve();
  });
  finish();
  await failure;
  await second;
  expect(order).toEqual(['first begins', 'first ends', 'second']);
  await rm(dir, { recursive: true });
});

test('an owner that is killed frees the lock', async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'linecard-lock-'));
  const file = path.join(dir, 'x.lock');
  const module = path.join(import.meta.dirname, '../../src/demo/install-lock.ts');
  const code = `import(${JSON.stringify(module)}).then(({ withInstallLock }) => withInstallLock(${JSON.stringify(file)},
    () => { process.stdout.write('held'); return new Promise(() => setInterval(() => 0, 1000)); }))`;
  const owner = spawn(process.execPath, ['--import', 'tsx', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(owner.stdout, 'data');
  owner.kill('SIGKILL');
  expect(await withInstallLock(file, () => Promise.resolve('free'))).toBe('free');
  await rm(dir, { recursive: true });
});

test('no Asterisk, and no mirror to take one from: says what to do', async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'linecard-none-'));
  const options = { prefix: path.join(dir, 'asterisk'), aptDir: path.join(dir, 'apt'), env: { PATH: dir } };
  await expect(findOrInstallAsterisk(options)).rejects.toMatchObject({
    code: 'PBX_UNREACHABLE',
    message: expect.stringMatching(/ASTERISK_PREFIX/) as string,
  });
  await rm(dir, { recursive: true });
});

test('a prefix that holds other files is left alone', async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'linecard-other-'));
  await mkdir(path.join(dir, 'apt'));
  await writeFile(path.join(dir, 'apt/sources.list'), 'deb http://mirror.example/debian bookworm main\n');
  await mkdir(path.join(dir, 'asterisk'));
  await writeFile(path.join(dir, 'asterisk/photo.jpg'), '');
  const options = { prefix: path.join(dir, 'asterisk'), aptDir: path.join(dir, 'apt'), env: { PATH: dir } };
  await expect(findOrInstallAsterisk(options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await rm(dir, { recursive: true });
});
