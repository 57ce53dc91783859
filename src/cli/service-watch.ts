import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Alarm, Clock } from '../core/clock.js';

export type ServiceWatchOptions = {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly print: (line: string) => void;
  /** For tests. */
  readonly notify?: (words: readonly string[]) => Promise<void>;
};

const run = promisify(execFile);

/** Two of them may be late on a machine that is short of processors before systemd loses patience. */
const SIGNS_PER_LIMIT = 3;
const LEAST_INTERVAL_MS = 1000;
/** It asks systemd to have read the word before it ends; more is a machine that stands still. */
const NOTIFY_LIMIT_MS = 5000;

/**
 * The supervisor's signs of life for systemd (`WatchdogSec=`): nobody else notices when the supervisor and the serving process are both stopped. Node has no
 * datagrams of the local kind, so systemd's own program sends them, every ten seconds or so; without systemd nothing is done.
 */
export class ServiceWatch {
  readonly #options: ServiceWatchOptions;
  readonly #intervalMs: number | null;
  readonly #notify: (words: readonly string[]) => Promise<void>;
  #alarm: Alarm | null = null;
  #said: 'nothing' | 'its trouble' = 'nothing';

  constructor(options: ServiceWatchOptions) {
    this.#options = options;
    this.#intervalMs = intervalMs(options.env);
    this.#notify = options.notify ?? ((words) => systemdNotify(words, options.env));
  }

  /** The first sign goes out at once. */
  start(): void {
    if (this.#intervalMs !== null) void this.#sign(this.#intervalMs);
  }

  /** Idempotent. */
  stop(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
  }

  async #sign(everyMs: number): Promise<void> {
    const { clock, print } = this.#options;
    this.#alarm = clock.setAlarm(everyMs, () => void this.#sign(everyMs));
    try {
      await this.#notify(['WATCHDOG=1']);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (this.#said === 'nothing')
        print(`linecard: systemd is given no sign of life, and will restart the service: ${why}`);
      this.#said = 'its trouble';
    }
  }
}

/** Null: nobody asks for signs of this process (sd_watchdog_enabled(3)). */
function intervalMs(env: NodeJS.ProcessEnv): number | null {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: limitUs = '', WATCHDOG_PID: pid = '' } = env;
  if (socket === '' || !/^[1-9]\d*$/.test(limitUs)) return null;
  if (pid !== '' && Number(pid) !== process.pid) return null;
  return Math.max(LEAST_INTERVAL_MS, Math.floor(Number(limitUs) / 1000 / SIGNS_PER_LIMIT));
}

async function systemdNotify(words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  await run('systemd-notify', [...words], { env, timeout: NOTIFY_LIMIT_MS, killSignal: 'SIGKILL' });
}
