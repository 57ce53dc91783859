import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MessageDraft } from '../agent/port.js';
import type { Caller } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { CallId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import { SAMPLE_RATE_HZ, SAMPLES_PER_MS } from '../core/units.js';
import { encodeWav } from '../core/wav.js';
import type { MessageStore, StoredMessage } from './port.js';

export type MessageFilesOptions = {
  /** Made when it is missing; one `<id>.json` and, with sound, one `<id>.wav` a message. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
};

const ID_PATTERN = /^[0-9]{8}T[0-9]{6}-[0-9a-f]{8}$/;

/**
 * Messages as files an admin can read, copy and delete. Sound first, then the text; each is written under another name, synced
 * and renamed, so that a message is listed only when all of it is on disk, also after a power cut.
 */
export class MessageFiles implements MessageStore {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(options: MessageFilesOptions) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  async save(draft: MessageDraft, call: { readonly callId: CallId; readonly caller: Caller }): Promise<string> {
    const takenAt = new Date(this.#clock.wallMs()).toISOString();
    const id = `${takenAt.slice(0, 19).replaceAll(/[-:]/g, '')}-${randomUUID().slice(0, 8)}`;
    const message: StoredMessage = {
      id,
      callId: call.callId,
      caller: call.caller,
      from: draft.from,
      text: draft.text,
      takenAt,
      audioMs: Math.round(draft.audio.length / SAMPLES_PER_MS),
      ...(draft.callBack === undefined ? {} : { callBack: { ...draft.callBack, state: 'open' } }),
    };
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      if (draft.audio.length > 0) await this.#write(`${id}.wav`, encodeWav(draft.audio, SAMPLE_RATE_HZ));
      await this.#write(`${id}.json`, Buffer.from(`${JSON.stringify(message, null, 2)}\n`));
      await syncDirectory(this.#directory);
    } catch (error) {
      await this.#discard(id);
      throw new LinecardError(
        'STORAGE_FAILED',
        `the message could not be written to ${this.#directory}: ${error instanceof Error ? error.message : String(error)}; free space there or change dataDir`,
        { cause: error },
      );
    }
    return id;
  }

  async list(): Promise<readonly StoredMessage[]> {
    let names: string[];
    try {
      names = await readdir(this.#directory);
    } catch (error) {
      if (isMissing(error)) return [];
      throw new LinecardError('STORAGE_FAILED', `cannot list the messages in ${this.#directory}`, { cause: error });
    }
    const ids = names
      .filter((name) => name.endsWith('.json') && ID_PATTERN.test(name.slice(0, -5)))
      .sort()
      .reverse();
    const messages: StoredMessage[] = [];
    for (const name of ids) {
      try {
        messages.push(JSON.parse(await readFile(join(this.#directory, name), 'utf8')) as StoredMessage);
      } catch (error) {
        this.#log.warn({ err: error, file: name }, 'message file cannot be read');
      }
    }
    return messages;
  }

  async calledBack(id: string): Promise<StoredMessage | null> {
    if (!ID_PATTERN.test(id)) return null;
    try {
      const message = JSON.parse(await readFile(join(this.#directory, `${id}.json`), 'utf8')) as StoredMessage;
      const { callBack } = message;
      if (callBack === undefined || callBack.state === 'done') return callBack === undefined ? null : message;
      const done: StoredMessage = { ...message, callBack: { ...callBack, state: 'done' } };
      await this.#write(`${id}.json`, Buffer.from(`${JSON.stringify(done, null, 2)}\n`));
      return done;
    } catch (error) {
      if (isMissing(error)) return null;
      throw new LinecardError('STORAGE_FAILED', `cannot change ${id}.json in ${this.#directory}`, { cause: error });
    }
  }

  async audioPath(id: string): Promise<string | null> {
    if (!ID_PATTERN.test(id)) return null;
    const path = join(this.#directory, `${id}.wav`);
    try {
      await stat(path);
      return path;
    } catch (error) {
      if (isMissing(error)) return null;
      throw new LinecardError('STORAGE_FAILED', `cannot read ${path}`, { cause: error });
    }
  }

  async #write(name: string, content: Buffer): Promise<void> {
    const path = join(this.#directory, name);
    const file = await open(`${path}.part`, 'w', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.part`, path);
  }

  async #discard(id: string): Promise<void> {
    for (const name of [`${id}.wav`, `${id}.wav.part`, `${id}.json`, `${id}.json.part`]) {
      try {
        await rm(join(this.#directory, name), { force: true });
      } catch (error) {
        this.#log.warn({ err: error, file: name }, 'remains of a message could not be removed');
      }
    }
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
