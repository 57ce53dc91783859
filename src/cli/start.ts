import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findConfigFile, loadConfig } from '../config/index.js';
import { foregroundClock, type Clock } from '../core/clock.js';
import { toLinecardError } from '../core/errors.js';
import { findOrInstallAsterisk } from '../demo/asterisk-install.js';
import { DemoPbx, linecardPorts, type DemoSettings } from '../demo/demo-pbx.js';
import { checkPortsFree } from '../demo/ports.js';
import { lockDataDir } from './data-dir-lock.js';
import { demoSettings, welcome } from './demo.js';
import { ServiceWatch } from './service-watch.js';
import { onStop } from './stop-signals.js';
import { EXIT_CONFIG, Supervisor, type SupervisorEvent } from './supervisor.js';

export type StartOptions = {
  /** From `--config`; stands above `LINECARD_CONFIG` and `linecard.yaml` in the working directory. */
  readonly config?: string;
  /** Aborted when whoever started us is gone; SIGINT, SIGTERM and SIGHUP do the same. */
  readonly signal?: AbortSignal;
  /** When the user pressed return, by `performance.now()` of this process. */
  readonly startedAtMs?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly print?: (text: string) => void;
  readonly clock?: Clock;
  /** The serving process, for tests. */
  readonly script?: string;
};

const MAIN_SCRIPT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../main.js');
const EXIT_FAILED = 1;
/** What the serving process takes after its calls have ended or were handed over. */
const GOODBYE_MS = 5000;

/**
 * `linecard start`: supervises the serving process in the foreground, with a demo PBX where there is no configuration
 * file. Resolves with the exit code: 0 after a stop, 78 for whatever the user has to change first.
 */
export async function startCommand(options: StartOptions = {}): Promise<number> {
  const print = options.print ?? ((text) => process.stderr.write(`${text}\n`));
  const session = new StartSession({ ...options, print });
  const release = onStop(() => session.stop(), options.signal);
  const watch = new ServiceWatch({ env: options.env ?? process.env, clock: options.clock ?? foregroundClock, print });
  watch.start();
  try {
    return await session.run();
  } catch (error) {
    const known = toLinecardError(error);
    print(`linecard: ${known.message}`);
    if (known.code === 'INVARIANT') throw error;
    return known.fault === 'config' ? EXIT_CONFIG : EXIT_FAILED;
  } finally {
    watch.stop();
    release();
  }
}

/** One run of the command: what has been started so far, and how it is stopped. */
class StartSession {
  readonly #options: StartOptions;
  readonly #env: NodeJS.ProcessEnv;
  readonly #print: (text: string) => void;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  #pbx: DemoPbx | null = null;
  #supervisor: Supervisor | null = null;
  #stopped = false;
  #greeted = false;

  constructor(options: StartOptions & { readonly print: (text: string) => void }) {
    this.#options = options;
    this.#env = options.env ?? process.env;
    this.#print = options.print;
    this.#clock = options.clock ?? foregroundClock;
    this.#startedAtMs = options.startedAtMs ?? this.#clock.nowMs();
  }

  async run(): Promise<number> {
    const file = findConfigFile({ file: this.#options.config, env: this.#env });
    if (file !== null) {
      const { dataDir } = loadConfig({ file, env: this.#env });
      return this.#holding(dataDir, () => this.#supervise(dataDir, file));
    }
    const settings = demoSettings(this.#env);
    return this.#holding(settings.dataDir, () => this.#runDemo(settings));
  }

  async #holding(dataDir: string, work: () => Promise<number>): Promise<number> {
    const release = await lockDataDir(dataDir);
    try {
      return await work();
    } finally {
      await this.#pbx?.stop();
      await release();
    }
  }

  /** Any time, any number of times: the second one does not wait. */
  stop(): void {
    this.#stopped = true;
    if (this.#supervisor !== null) this.#supervisor.stop();
    // Nothing but the PBX can be waiting before there is a supervisor.
    else void this.#pbx?.stop();
  }

  async #runDemo(settings: DemoSettings): Promise<number> {
    await checkPortsFree(linecardPorts(settings));
    const program = await findOrInstallAsterisk({ env: this.#env, print: (line) => this.#print(`setup: ${line}`) });
    this.#pbx = await DemoPbx.open({
      program,
      settings,
      clock: this.#clock,
      print: (line) => this.#print(`demo: ${line}`),
    });
    const file = await this.#pbx.writeConfig();
    if (this.#stopped) return 0;
    try {
      await this.#pbx.start();
    } catch (error) {
      if (this.#isStopped()) return 0;
      throw error;
    }
    return this.#supervise(settings.dataDir, file);
  }

  async #supervise(dataDir: string, file: string): Promise<number> {
    if (this.#stopped) return 0;
    const { shutdown } = loadConfig({ file, env: this.#env });
    this.#supervisor = new Supervisor({
      script: this.#options.script ?? MAIN_SCRIPT,
      env: { ...this.#env, LINECARD_CONFIG: file },
      dataDir,
      stopLimitMs: shutdown.drainSeconds * 1000 + GOODBYE_MS,
      clock: this.#clock,
      onEvent: (event) => this.#tell(event),
    });
    return this.#supervisor.run();
  }

  #tell(event: SupervisorEvent): void {
    if (event.kind === 'frozen') {
      this.#print(`linecard: process ${event.pid} gives no sign of life; it is killed`);
      return;
    }
    if (event.kind === 'unwritten') {
      this.#print(`linecard: the id of process ${event.pid} could not be written to linecard.pid: ${event.why}`);
      return;
    }
    if (event.kind === 'died') {
      this.#print(`linecard: process ${event.pid} died (${event.how}); starting it again in ${event.restartInMs} ms`);
      return;
    }
    if (event.kind !== 'ready') return;
    if (this.#greeted) {
      this.#print(`linecard: ready again, process ${event.pid}`);
      return;
    }
    this.#greeted = true;
    const seconds = ((this.#clock.nowMs() - this.#startedAtMs) / 1000).toFixed(1);
    this.#print(
      this.#pbx === null ? `linecard: ready after ${seconds} s. Ctrl-C stops it.` : welcome(this.#pbx, seconds),
    );
  }

  #isStopped(): boolean {
    return this.#stopped;
  }
}
