import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { LinecardError } from '../core/errors.js';

/** Another installation is done in a minute, on a slow line in ten. */
const LOCK_LIMIT_S = 900;

/**
 * Runs `work` while no other process holds the lock at `lockFile`. The kernel frees it when we die, whatever kills us:
 * `flock` (util-linux) holds it as long as the pipe to us is open.
 */
export async function withInstallLock<Result>(lockFile: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(path.dirname(lockFile), { recursive: true });
  const holder = spawn('flock', ['-w', String(LOCK_LIMIT_S), lockFile, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = new Promise<void>((resolve) => holder.once('close', () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      holder.stdout.once('data', () => resolve());
      holder.once('error', reject);
      void ended.then(() => reject(new Error(`not free within ${LOCK_LIMIT_S} s`)));
    });
  } catch (error) {
    throw new LinecardError('STORAGE_FAILED', `cannot lock ${lockFile} for the installation of Asterisk`, {
      cause: error,
    });
  }
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
