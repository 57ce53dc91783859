import { fork, type ChildProcess } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { foregroundClock, wait, type Clock } from '../core/clock.js';

/** EX_CONFIG of sysexits.h: starting it again would end the same way. */
export const EXIT_CONFIG = 78;

export type SupervisorOptions = {
  /** The serving process: sends `{ kind: 'ready' }` over IPC, ends on SIGTERM and when the IPC channel closes. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly dataDir: string;
  readonly onEvent: (event: SupervisorEvent) => void;
  readonly clock?: Clock;
};

export type SupervisorEvent =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'ready'; readonly pid: number }
  | { readonly kind: 'died'; readonly pid: number; readonly how: string; readonly restartInMs: number };

/** A process that lived this long had served; one that did not gets more and more time before the next try. */
const HEALTHY_MS = 10_000;
/** Within a second of its death it is started again, however often it dies: the last step leaves room for the fork. */
const RESTART_DELAYS_MS = [0, 100, 250, 500, 800] as const;
/** Longer than the serving process takes to say goodbye to its calls; then it is killed. */
const STOP_LIMIT_MS = 10_000;

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
    const limit = this.#clock.setAlarm(STOP_LIMIT_MS, () => child.kill('SIGKILL'));
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
    child.on('message', (message) => {
      if (isReady(message)) this.#options.onEvent({ kind: 'ready', pid });
    });
    await writePid(this.#pidFile, pid);
    this.#options.onEvent({ kind: 'started', pid });
    const end = await ended;
    this.#child = null;
    return { pid, ...end };
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  get #pidFile(): string {
    return path.join(this.#options.dataDir, 'linecard.pid');
  }
}

async function writePid(file: string, pid: number): Promise<void> {
  await writeFile(`${file}.new`, `${pid}\n`);
  await rename(`${file}.new`, file);
}

function isReady(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'ready';
}
