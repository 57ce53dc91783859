// Runs setup.mjs while nobody else runs it in this clone, so that two starts at once do not install over each other.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(path.dirname(new URL(import.meta.url).pathname), '..');

/** Ends the process when the setup fails. */
export function runSetup(args = []) {
  mkdirSync(path.join(ROOT, '.demo'), { recursive: true });
  const command = [process.execPath, path.join(ROOT, 'scripts/setup.mjs'), ...args];
  const lock = ['-w', '1800', path.join(ROOT, '.demo/setup.lock')];
  const { status, error, signal } = spawnSync('flock', [...lock, ...command], { stdio: ['inherit', 2, 2] });
  if (error !== undefined) process.stderr.write(`setup: flock (util-linux) does not run: ${error.message}\n`);
  if (status !== 0) process.exit(signal === 'SIGINT' ? 130 : (status ?? 1));
}
