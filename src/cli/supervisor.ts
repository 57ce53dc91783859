import { fork, type ChildProcess } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BeatWatch } from '../core/beat-watch.js';
import { foregroundClock, wait, type Clock } from '../core/clock.js';
import { toLinecardError } from '../core/errors.js';

/** EX_CONFIG of sysexits.h: starting it again would end the same way. */
export const EXIT_CONFIG = 78;

export type SupervisorOptions = {
  /**
   * The serving process: sends `{ kind: 'ready' }` over IPC, ends on SIGTERM and when the IPC channel closes. With `beats: 'answered'` it promises to send each
   * `{ kind: 'beat' }` back, and is killed when it does not.
   */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly dataDir: string;
  /** How long it may take after SIGTERM; then it is killed. */
  readonly stopLimitMs?: number;
  readonly onEvent: (event: SupervisorEvent) => void;
  readonly clock?: Clock;
};

export type SupervisorEvent =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'ready'; readonly pid: number }
  /** There is no `linecard.pid`: the disk is full, or not ours. It serves all the same. */
  | { readonly kind: 'unwritten'; readonly pid: number; readonly why: string }
  /** It gave no sign of life any more; `died` follows. */
  | { readonly kind: 'frozen'; readonly pid: number }
  | { readonly kind: 'died'; readonly pid: number; readonly how: string; readonly restartInMs: number };

/** A process that lived this long had served; one that did not gets more and more time before the next try. */
const HEALTHY_MS = 10_000;
/** Within a second of its death it is started again, however often it dies: the last step leaves room for the fork. */
const RESTART_DELAYS_MS = [0, 100, 250, 500, 800] as const;
/** Longer than the serving process takes to say goodbye to its calls; then it is killed. */
const STOP_LIMIT_MS = 10_000;
/**
 * A process that is stopped as a whole (SIGSTOP, a debugger, a disk that hangs) notices nothing itself, and Asterisk does not either while the caller's phone goes on sending.
 * Four seconds: a pause to collect garbage, or a machine that is short of processors, is no freeze.
 */
const BEAT_INTERVAL_MS = 250;
const SILENT_BEATS = 16;

/**
 * Keeps one serving process alive and its id in `dataDir/linecard.pid`. The process has a process group of its own, so that a
 * Ctrl-C reaches it only through us, in order.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #child: ChildProcess | null = null;
  /** Deaths in a row of processes that did not live long. */
  #fastDeaths = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? foregroundClock;
  }

  /** Serves until `stop` or until the configuration turns out wrong; resolves with the exit code for our own process. */
  async run(): Promise<number> {
    await mkdir(this.#options.dataDir, { recursive: true });
    try {
      while (!this.#isStopping()) {
        const startedAtMs = this.#clock.nowMs();
        const { pid, exitCode, how } = await this.#serve();
        if (this.#isStopping()) return 0;
        if (exitCode === EXIT_CONFIG) return EXIT_CONFIG;
        this.#fastDeaths = this.#clock.nowMs() - startedAtMs >= HEALTHY_MS ? 0 : this.#fastDeaths + 1;
        const restartInMs =
          RESTART_DELAYS_MS[Math.min(Math.max(this.#fastDeaths - 1, 0), RESTART_DELAYS_MS.length - 1)] ?? 0;
        this.#options.onEvent({ kind: 'died', pid, how, restartInMs });
        await wait(this.#clock, restartInMs, this.#stopping.signal).catch(() => undefined);
      }
      return 0;
    } finally {
      await rm(this.#pidFile, { force: true });
    }
  }

  /** Ends the serving process and makes `run` resolve. A second call does not wait for a goodbye. */
  stop(): void {
    const child = this.#child;
    if (this.#isStopping()) {
      child?.kill('SIGKILL');
      return;
    }
    this.#stopping.abort(new Error('stopped'));
    if (child === null) return;
    child.kill('SIGTERM');
    const limitMs = this.#options.stopLimitMs ?? STOP_LIMIT_MS;
    const limit = this.#clock.setAlarm(limitMs, () => child.kill('SIGKILL'));
    child.once('exit', () => limit.cancel());
  }

  async #serve(): Promise<{ readonly pid: number; readonly exitCode: number | null; readonly how: string }> {
    const child = fork(this.#options.script, [...(this.#options.args ?? [])], {
      env: this.#options.env ?? process.env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    });
    this.#child = child;
    const ended = new Promise<{ exitCode: number | null; how: string }>((resolve) => {
      child.once('error', (error) => resolve({ exitCode: null, how: error.message }));
      child.once('exit', (exitCode, signal) => resolve({ exitCode, how: signal ?? `exit code ${exitCode ?? 0}` }));
    });
    const pid = child.pid ?? 0;
    const watch = this.#watchOver(child, pid);
    child.on('message', (message) => {
      const kind = fieldOf(message, 'kind');
      if (kind === 'beat') watch.heard();
      if (kind !== 'ready') return;
      this.#options.onEvent({ kind: 'ready', pid });
      if (fieldOf(message, 'beats') === 'answered') watch.start();
    });
    await this.#writePid(pid);
    this.#options.onEvent({ kind: 'started', pid });
    const end = await ended;
    watch.stop();
    this.#child = null;
    return { pid, ...end };
  }

  #watchOver(child: ChildProcess, pid: number): BeatWatch {
    return new BeatWatch({
      clock: this.#clock,
      intervalMs: BEAT_INTERVAL_MS,
      limit: SILENT_BEATS,
      // What cannot be sent is not answered either.
      beat: (sequence) => void child.send({ kind: 'beat', sequence }, () => undefined),
      onSilence: () => {
        this.#options.onEvent({ kind: 'frozen', pid });
        child.kill('SIGKILL');
      },
    });
  }

  /** Never rejects: on a full disk calls are served, too. */
  async #writePid(pid: number): Promise<void> {
    const file = this.#pidFile;
    try {
      await writeFile(`${file}.new`, `${pid}\n`);
      await rename(`${file}.new`, file);
    } catch (error) {
      this.#options.onEvent({ kind: 'unwritten', pid, why: toLinecardError(error).message });
      // What it says is another process by now; on a read-only disk that cannot be helped.
      await rm(file, { force: true }).catch(() => undefined);
    }
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  get #pidFile(): string {
    return path.join(this.#options.dataDir, 'linecard.pid');
  }
}

function fieldOf(message: unknown, name: string): unknown {
  return typeof message === 'object' && message !== null ? (message as Readonly<Record<string, unknown>>)[name] : null;
}
