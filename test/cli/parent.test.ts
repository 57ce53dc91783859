import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, test } from 'vitest';

const WATCHER = path.join(import.meta.dirname, '../support/parent-watcher.mjs');

/** As npm does it: a process, perhaps a shell, then ours. `true` keeps the shell from replacing itself with us. */
test.each([
  ['directly', `const c = spawn(process.execPath, [w], { stdio: 'inherit' })`],
  [
    'through a shell that stays',
    `const c = spawn('sh', ['-c', process.execPath + ' ' + w + '; true'], { stdio: 'inherit' })`,
  ],
])('a process started %s ends when the starter is killed', async (_, start) => {
  const code = `const { spawn } = require('node:child_process'); const w = ${JSON.stringify(WATCHER)}; ${start}; c.ref()`;
  const starter = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [chunk] = (await once(starter.stdout, 'data')) as [Buffer];
  const pid = Number(chunk.toString());
  expect(isAlive(pid)).toBe(true);
  starter.kill('SIGKILL');
  await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
