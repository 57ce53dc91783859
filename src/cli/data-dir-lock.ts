import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LinecardError } from '../core/errors.js';

/** Two others may have come first; more is something else. */
const ATTEMPTS = 3;

/**
 * Two supervisors on one data directory would take each other's messages, files and demo PBX for their own: the second one
 * is told so (CONFIG_INVALID). What a dead one left does not count. Returns how to let go.
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  await mkdir(dataDir, { recursive: true });
  const file = path.join(dataDir, 'supervisor.pid');
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    try {
      await writeFile(file, `${process.pid}\n`, { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(file, 'utf8').catch(() => ''));
    if (owner !== process.pid && (await isSupervisor(owner))) {
      throw new LinecardError(
        'CONFIG_INVALID',
        `process ${owner} already runs Linecard on ${dataDir}: stop it, or set LINECARD_DATA_DIR to another directory`,
      );
    }
    await rm(file, { force: true });
  }
  throw new LinecardError('CONFIG_INVALID', `${file} comes back whenever it is removed: another Linecard is starting`);
}

/** Ids are used again: only what looks like a start of ours counts. */
async function isSupervisor(pid: number): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return /start|linecard|container/.test(commandLine);
}
