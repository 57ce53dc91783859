import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RecordingShelf } from '../../../src/call/recording/recording-shelf.js';
import { newCallId } from '../../../src/core/ids.js';
import type { Logger } from '../../../src/core/logger.js';
import { silentLogger } from '../../../src/core/logger.js';
import { FakeClock } from '../../support/fake-clock.js';

const GB = 1e9;
const HOUR_MS = 3_600_000;

let directory: string;
/** Begins at nine on 5 January 2026. */
let clock: FakeClock;
let errors: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'linecard-shelf-'));
  clock = new FakeClock();
  errors = [];
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe('what is kept of recordings', () => {
  it('is all of it where the configuration says nothing', async () => {
    await recorded('20200101T000000');
    await swept({});
    expect(await starts()).toEqual(['20200101T000000']);
  });

  it('is what began in the last days, sound and notes, and whatever else lies there', async () => {
    await recorded('20251226T085959');
    await recorded('20251226T090001');
    await writeFile(join(directory, 'backup.wav'), '');
    await swept({ keepDays: 10 });
    expect(await starts()).toEqual(['20251226T090001', 'backup.wav']);
  });

  it('is the newest ones where all of them are too much', async () => {
    await recorded('20260103T120000', 2 * GB);
    await recorded('20260101T120000', 2 * GB);
    await recorded('20260102T120000', 2 * GB);
    await swept({ maxGb: 5 });
    expect(await starts()).toEqual(['20260102T120000', '20260103T120000']);
  });

  it('is a recording that is still written, however long it is', async () => {
    const path = await recorded('20260103T120000', 2 * GB);
    await recorded('20260104T120000', 2 * GB);
    await swept({ maxGb: 1, keepDays: 1, isOpen: (callId) => path.endsWith(callId) });
    expect(await starts()).toEqual(['20260103T120000']);
  });

  it('is not what a kill left half deleted', async () => {
    const path = await recorded('20251001T120000');
    await rm(`${path}.wav`);
    await writeFile(`${path}.json.part`, '');
    await swept({ keepDays: 10 });
    expect(await starts()).toEqual([]);
  });

  it('is looked at again and again', async () => {
    await recorded('20260104T100000');
    const shelf = open({ keepDays: 1 });
    shelf.start();
    await expect.poll(() => clock.pendingAlarms).toBe(1);
    expect(await starts()).toEqual(['20260104T100000']);
    await expect
      .poll(() => {
        clock.advance(HOUR_MS);
        return starts();
      })
      .toEqual([]);
    await shelf.stop();
    expect(clock.pendingAlarms).toBe(0);
  });

  it('stays as it is where the folder cannot be read, which is said', async () => {
    await rm(directory, { recursive: true });
    await writeFile(directory, 'not a folder');
    await swept({ keepDays: 1 });
    expect(errors).toEqual(['recordings could not be deleted; it is tried again']);
    await expect(open({}).list(10)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('is nothing before the first recording', async () => {
    await rm(directory, { recursive: true });
    await swept({ keepDays: 1 });
    expect(errors).toEqual([]);
    expect(await open({}).list(10)).toEqual([]);
  });
});

type Limits = { keepDays?: number; maxGb?: number; isOpen?: (callId: string) => boolean };

function open({ keepDays, maxGb, isOpen }: Limits): RecordingShelf {
  const log: Logger = { ...silentLogger, error: (_, message) => errors.push(message) };
  return new RecordingShelf({
    directory,
    keepDays: keepDays ?? null,
    maxGb: maxGb ?? null,
    isOpen: isOpen ?? (() => false),
    clock,
    log,
  });
}

async function swept(limits: Limits): Promise<void> {
  const shelf = open(limits);
  shelf.start();
  if (limits.keepDays !== undefined || limits.maxGb !== undefined) await expect.poll(() => clock.pendingAlarms).toBe(1);
  await shelf.stop();
}

/** Without its ending. A file of any size that takes no room on the disk. */
async function recorded(start: string, bytes = 0): Promise<string> {
  const path = join(directory, `${start}-${newCallId()}`);
  await writeFile(`${path}.json`, '{}');
  await writeFile(`${path}.wav`, '');
  await truncate(`${path}.wav`, bytes);
  return path;
}

/** When the recordings began that are there; other files by their names. */
async function starts(): Promise<string[]> {
  const names = await readdir(directory);
  return [...new Set(names.map((name) => name.replace(/-[0-9a-f-]{36}\..*$/, '')))].sort();
}
