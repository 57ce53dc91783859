import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lockDataDir } from '../../src/cli/data-dir-lock.js';

test('a second one on the same directory is refused, one that is dead is not in the way', async () => {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-lock-'));
  const file = path.join(dataDir, 'supervisor.pid');
  const other = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000) // linecard'], { stdio: 'ignore' });
  await writeFile(file, `${other.pid}\n`);
  await expect.poll(() => readFile(`/proc/${other.pid}/cmdline`, 'utf8')).toContain('linecard');
  await expect(lockDataDir(dataDir)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/LINECARD_DATA_DIR/) as string,
  });
  other.kill();
  await once(other, 'exit');
  const release = await lockDataDir(dataDir);
  expect(Number(await readFile(file, 'utf8'))).toBe(process.pid);
  await release();
  expect(existsSync(file)).toBe(false);
  await rm(dataDir, { recursive: true });
});
