import { appendFile, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Turn } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import type { CallEvent } from '../core/events.js';
import type { CallId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';

/** Whoever comes back later begins anew. */
const KEPT_MS = 10 * 60_000;
/** A page that lost its connection closes it, which looks like a hang-up, and is here again in a moment. */
const AFTER_END_MS = 60_000;
/** What an agent is told of the conversation before. */
const MAX_TURNS = 50;
const MAX_FILE_BYTES = 256 * 1024;
const NAME = /^([0-9a-f-]{36})\.jsonl$/;

/** A turn as an agent is told of it. */
export type PastTurn = { readonly who: Turn['who']; readonly text: string };

export type ResumeFilesOptions = { readonly directory: string; readonly clock: Clock; readonly log: Logger };

/**
 * What was said in browsers' calls, on disk for ten minutes: a page whose bridge was restarted, or that came into another network, goes on with its
 * conversation in a new call. Of a call that somebody ended nothing is left after a minute.
 */
export class ResumeFiles {
  readonly #options: ResumeFilesOptions;
  readonly #calls = new Set<CallId>();
  /** One write after the other, in the order of the turns. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: ResumeFilesOptions) {
    this.#options = options;
  }

  /** Throws nothing away that could still be asked for. Never rejects. */
  start(): Promise<void> {
    return this.#then(async () => {
      const { directory, clock } = this.#options;
      await mkdir(directory, { recursive: true, mode: 0o700 });
      for (const name of await readdir(directory)) {
        const path = join(directory, name);
        if (!NAME.test(name) || clock.wallMs() - (await stat(path)).mtimeMs > KEPT_MS) await rm(path, { force: true });
      }
    });
  }

  /** Everything that happens in calls. */
  readonly observe = (event: CallEvent): void => {
    const { callId } = event;
    if (event.kind === 'callStarted' && event.call.transport === 'webrtc') this.#calls.add(callId);
    if (!this.#calls.has(callId)) return;
    if (event.kind === 'turnHeard') {
      const { who, text } = event.turn;
      this.#append(callId, { who, text });
    }
    if (event.kind !== 'callEnded') return;
    this.#calls.delete(callId);
    // One that failed under its caller, or that a shutdown ended, may be resumed for as long as it is kept.
    const { result } = event.outcome;
    if (result !== 'completed' && result !== 'abandoned') return;
    this.#options.clock.setAlarm(AFTER_END_MS, () => {
      void this.#then(() => rm(this.#path(callId), { force: true }));
    });
  };

  /** What was said in a call and in those before it; empty when nothing is known. */
  async turnsOf(callId: CallId): Promise<readonly PastTurn[]> {
    await this.#work;
    const { clock } = this.#options;
    try {
      const path = this.#path(callId);
      if (clock.wallMs() - (await stat(path)).mtimeMs > KEPT_MS) return [];
      return (await readFile(path, 'utf8'))
        .split('\n')
        .flatMap((line) => parse(line) ?? [])
        .slice(-MAX_TURNS);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#options.log.warn({ err: error }, 'conversation could not be read');
      }
      return [];
    }
  }

  /** What was said before a call begins belongs to it. */
  inherit(callId: CallId, turns: readonly PastTurn[]): void {
    for (const turn of turns) this.#append(callId, turn);
  }

  /** Resolves when everything is written. */
  settled(): Promise<void> {
    return this.#work;
  }

  #append(callId: CallId, turn: PastTurn): void {
    void this.#then(async () => {
      const path = this.#path(callId);
      const bytes = await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
      if (bytes < MAX_FILE_BYTES) await appendFile(path, `${JSON.stringify(turn)}\n`, { mode: 0o600 });
    });
  }

  /** A call goes on without its memory when the disk is full. */
  #then(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'conversation could not be kept for a page that comes back');
    });
    return this.#work;
  }

  #path(callId: CallId): string {
    return join(this.#options.directory, `${callId}.jsonl`);
  }
}

/** The last line may be half of one: the process was killed. */
function parse(line: string): PastTurn | null {
  if (line === '') return null;
  try {
    return JSON.parse(line) as PastTurn;
  } catch {
    return null;
  }
}
