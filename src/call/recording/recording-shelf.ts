import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { CallId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { RecordingDesk, RecordingNotes, StoredRecording } from '../port.js';

/** Nobody misses ten minutes of a limit in days, and a disk has room for ten minutes more. */
const SWEEP_INTERVAL_MS = 10 * 60_000;
const DAY_MS = 24 * 3_600_000;
const BYTES_A_GB = 1e9;

/** `<start>-<call id>` and what of it there may be; all else in the folder is somebody else's. */
const FILE_PATTERN = /^((\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)-([0-9a-f-]{36}))\.(wav|json|json\.part)$/;
/** The sound first: what is left after a kill in between is found and taken away the next time. */
const EXTENSIONS = ['wav', 'json', 'json.part'] as const;

export type RecordingShelfOptions = {
  readonly directory: string;
  /** Calls that began earlier are deleted; null: none. */
  readonly keepDays: number | null;
  /** The oldest are deleted until all of them are no more than this; null: none. */
  readonly maxGb: number | null;
  /** Whether a call is still being recorded: such a recording is not deleted. */
  readonly isOpen: (callId: CallId) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
};

/** A recording by its name. */
type Item = { readonly name: string; readonly callId: CallId; readonly startedAtMs: number };

/** The recordings that are there, also those of earlier starts: listed, played, deleted by hand and by their age or size. Files that are no recordings are left alone. */
export class RecordingShelf implements RecordingDesk {
  readonly #options: RecordingShelfOptions;
  #alarm: Alarm | null = null;
  #sweeping: Promise<void> = Promise.resolve();
  #state: 'open' | 'stopped' = 'open';

  constructor(options: RecordingShelfOptions) {
    this.#options = options;
  }

  /** Deletes what is too old or too much, now and from time to time. */
  start(): void {
    if (this.#options.keepDays === null && this.#options.maxGb === null) return;
    this.#sweepAndAgain();
  }

  /** Resolves when nothing is being deleted any more. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#alarm?.cancel();
    await this.#sweeping;
  }

  async list(limit: number): Promise<readonly StoredRecording[]> {
    const items = (await this.#items()).reverse();
    const found: StoredRecording[] = [];
    for (const item of items) {
      if (found.length >= limit) break;
      const recording = await this.#stored(item);
      if (recording !== null) found.push(recording);
    }
    return found;
  }

  async get(callId: string): Promise<StoredRecording | null> {
    const item = await this.#find(callId);
    return item === null ? null : this.#stored(item);
  }

  async audioPath(callId: string): Promise<string | null> {
    const item = await this.#find(callId);
    return item === null ? null : this.#path(item, 'wav');
  }

  async delete(callId: string): Promise<'deleted' | 'unknown'> {
    const item = await this.#find(callId);
    if (item === null) return 'unknown';
    if (this.#options.isOpen(item.callId)) {
      throw new LinecardError(
        'CALL_STATE',
        `call ${callId} is still being recorded; its recording can be deleted when it has ended`,
      );
    }
    await this.#delete(item);
    this.#options.log.info({ callId }, 'recording deleted by request');
    return 'deleted';
  }

  /** Names are compared, never made of what a client says. */
  async #find(callId: string): Promise<Item | null> {
    return (await this.#items()).find((item) => item.callId === callId) ?? null;
  }

  /** By their beginning, the oldest first. */
  async #items(): Promise<Item[]> {
    let names: string[];
    try {
      const entries = await readdir(this.#options.directory, { withFileTypes: true });
      names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    } catch (error) {
      if (isMissing(error)) return [];
      throw this.#failed('list the recordings in', error);
    }
    const items = new Map<string, Item>();
    for (const file of names) {
      const match = FILE_PATTERN.exec(file);
      if (match === null) continue;
      const [, name = '', year, month, day, hour, minute, second, callId = ''] = match;
      const startedAtMs = Date.UTC(
        Number(year),
        Number(month) - 1,
        Number(day),
        Number(hour),
        Number(minute),
        Number(second),
      );
      items.set(name, { name, callId: callId as CallId, startedAtMs });
    }
    return [...items.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Null without sound: it is being deleted, or was by hand. */
  async #stored(item: Item): Promise<StoredRecording | null> {
    const bytes = await sizeOf(this.#path(item, 'wav'));
    if (bytes === null) return null;
    return {
      callId: item.callId,
      startedAtMs: item.startedAtMs,
      bytes,
      state: this.#options.isOpen(item.callId) ? 'recording' : 'ended',
      notes: await readNotes(this.#path(item, 'json')),
    };
  }

  #path({ name }: Item, extension: (typeof EXTENSIONS)[number]): string {
    return join(this.#options.directory, `${name}.${extension}`);
  }

  async #delete(item: Item): Promise<void> {
    try {
      for (const extension of EXTENSIONS) await rm(this.#path(item, extension), { force: true });
    } catch (error) {
      throw this.#failed('delete a recording in', error);
    }
  }

  #sweepAndAgain(): void {
    this.#sweeping = this.#sweep().then(() => {
      if (this.#state === 'stopped') return;
      this.#alarm = this.#options.clock.setAlarm(SWEEP_INTERVAL_MS, () => this.#sweepAndAgain());
    });
  }

  async #sweep(): Promise<void> {
    const { keepDays, maxGb, clock, log } = this.#options;
    const keepFromMs = keepDays === null ? Number.NEGATIVE_INFINITY : clock.wallMs() - keepDays * DAY_MS;
    const mostBytes = maxGb === null ? Number.POSITIVE_INFINITY : maxGb * BYTES_A_GB;
    try {
      const items = await this.#items();
      const sizes = new Map<Item, number>();
      for (const item of items) sizes.set(item, await this.#sizeOf(item));
      let bytes = [...sizes.values()].reduce((sum, each) => sum + each, 0);
      let deleted = 0;
      for (const item of items) {
        if (this.#state === 'stopped' || (item.startedAtMs >= keepFromMs && bytes <= mostBytes)) break;
        if (this.#options.isOpen(item.callId)) continue;
        await this.#delete(item);
        bytes -= sizes.get(item) ?? 0;
        deleted += 1;
      }
      if (deleted > 0) log.info({ deleted, bytes }, 'recordings deleted that were too old or too much');
    } catch (error) {
      log.error({ err: error }, 'recordings could not be deleted; it is tried again');
    }
  }

  async #sizeOf(item: Item): Promise<number> {
    let bytes = 0;
    for (const extension of EXTENSIONS) bytes += (await sizeOf(this.#path(item, extension))) ?? 0;
    return bytes;
  }

  #failed(what: string, cause: unknown): LinecardError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new LinecardError('STORAGE_FAILED', `cannot ${what} ${this.#options.directory}: ${why}`, { cause });
  }
}

/** Null when there is no such file. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Null when they are missing or were spoiled by hand: the sound is there all the same. */
async function readNotes(path: string): Promise<RecordingNotes | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as RecordingNotes;
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
