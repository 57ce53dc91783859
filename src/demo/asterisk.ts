import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { foregroundClock, wait, type Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import { renderAsteriskConfig, type AsteriskConfig } from './asterisk-config.js';
import type { AsteriskProgram } from './asterisk-install.js';
import { lastLines, runCommand } from './command.js';
import { checkPortsFree } from './ports.js';

export type AsteriskOptions = {
  readonly program: AsteriskProgram;
  /** Owned by this instance: configuration, database, logs. */
  readonly runDir: string;
  readonly config: AsteriskConfig;
  readonly clock?: Clock;
};

/** Boot takes 0.6 to 1.2 s on an idle machine; a busy one is given time. */
const BOOT_LIMIT_MS = 60_000;
const BOOT_POLL_MS = 50;
/** A stop hangs up the calls and takes under a second; what is frozen is killed. */
const STOP_LIMIT_MS = 5000;
const CLI_LIMIT_MS = 15_000;
/** `sun_path` has 108 bytes with the closing zero, unix(7). */
const SOCKET_PATH_BYTES = 107;
const OUTPUT_CHARACTERS = 8000;

/**
 * An Asterisk of our own: its configuration, its process, its command line. Several live side by side as long as
 * `runDir` and ports differ. The process ends with ours, whatever ends ours: the kernel sends it SIGTERM.
 */
export class AsteriskInstance {
  readonly runDir: string;
  readonly config: AsteriskConfig;
  readonly #program: AsteriskProgram;
  readonly #clock: Clock;
  #process: ChildProcess | null = null;
  /** Settles when the process of the last `start` has ended. */
  #ended: Promise<void> = Promise.resolve();
  /** The end of what the process printed, for the message when it does not start. */
  #output = '';
  #socketDir = '';

  constructor(options: AsteriskOptions) {
    this.runDir = path.resolve(options.runDir);
    this.config = options.config;
    this.#program = options.program;
    this.#clock = options.clock ?? foregroundClock;
  }

  get version(): string {
    return this.#program.version;
  }

  /** Null when it does not run. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  get ariUrl(): string {
    return `http://127.0.0.1:${this.config.ariPort}`;
  }

  /** Settles when the running process has ended, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Resolves when it is fully booted. Rejects with PORT_IN_USE, or PBX_UNREACHABLE with what it printed. */
  async start(): Promise<void> {
    if (this.#process !== null) return;
    await mkdir(this.runDir, { recursive: true });
    this.#socketDir = await this.#makeSocketDir();
    await this.#endStale();
    const { sipHost, sipPort, ariPort } = this.config;
    await checkPortsFree([
      {
        host: sipHost,
        port: sipPort,
        kinds: ['udp', 'tcp'],
        purpose: 'SIP of the demo PBX',
        variable: 'LINECARD_SIP_PORT',
      },
      {
        host: '127.0.0.1',
        port: ariPort,
        kinds: ['tcp'],
        purpose: 'ARI of the demo PBX',
        variable: 'LINECARD_ARI_PORT',
      },
    ]);
    await renderAsteriskConfig(this.runDir, this.#socketDir, this.#program, this.config);
    this.#spawn();
    await writeFile(this.#pidFile, String(this.pid ?? ''));
    await this.#waitBooted();
  }

  /** Runs a command as on Asterisk's own command line and returns what it printed; PBX_UNREACHABLE when it cannot. */
  async cli(command: string): Promise<string> {
    const { exitCode, stdout, output } = await this.#remote(command, CLI_LIMIT_MS);
    if (exitCode !== 0)
      throw new LinecardError('PBX_UNREACHABLE', `Asterisk did not run "${command}": ${lastLines(output, 2)}`);
    return stdout;
  }

  /** Idempotent. Asks politely, then kills. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child !== null) {
      child.kill('SIGTERM');
      const late = new AbortController();
      const limit = wait(this.#clock, STOP_LIMIT_MS, late.signal).then(
        () => child.kill('SIGKILL'),
        () => false,
      );
      await this.#ended;
      late.abort();
      await limit;
    }
    if (this.#socketDir !== '' && !this.#socketDir.startsWith(this.runDir))
      await rm(this.#socketDir, { recursive: true, force: true });
  }

  #spawn(): void {
    // setpriv (util-linux) asks the kernel to send the signal when our thread ends, then becomes Asterisk: same pid.
    const args = ['--pdeathsig', 'TERM', this.#program.command, ...this.#program.args, '-f', '-C', this.#confFile];
    const child = spawn('setpriv', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: this.runDir,
      // A process group of its own: a Ctrl-C must not end it before the calls are.
      detached: true,
    });
    this.#process = child;
    this.#output = '';
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-OUTPUT_CHARACTERS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.#ended = new Promise((resolve) => {
      const onEnd = (error?: Error): void => {
        if (error !== undefined) this.#output += error.message;
        if (this.#process === child) this.#process = null;
        resolve();
      };
      child.once('error', onEnd);
      child.once('exit', () => onEnd());
    });
  }

  async #waitBooted(): Promise<void> {
    const deadlineMs = this.#clock.nowMs() + BOOT_LIMIT_MS;
    while (this.#process !== null && this.#clock.nowMs() < deadlineMs) {
      const { exitCode, stdout } = await this.#remote('core waitfullybooted', BOOT_LIMIT_MS);
      if (exitCode === 0 && /fully booted/i.test(stdout)) return;
      await wait(this.#clock, BOOT_POLL_MS);
    }
    const log = await readFile(path.join(this.runDir, 'log/messages'), 'utf8').catch(() => '');
    await this.stop();
    throw new LinecardError(
      'PBX_UNREACHABLE',
      `the demo Asterisk did not start; its files are in ${this.runDir}\n${lastLines(this.#output || log)}`,
    );
  }

  #remote(command: string, limitMs: number): ReturnType<typeof runCommand> {
    return runCommand(this.#program.command, [...this.#program.args, '-C', this.#confFile, '-rx', command], {
      limitMs,
    });
  }

  /** A short directory when the run directory's path is too long for a socket. */
  async #makeSocketDir(): Promise<string> {
    const own = path.join(this.runDir, 'run');
    if (Buffer.byteLength(path.join(own, 'asterisk.ctl')) <= SOCKET_PATH_BYTES) {
      await mkdir(own, { recursive: true });
      return own;
    }
    return mkdtemp(path.join(os.tmpdir(), 'linecard-'));
  }

  /** Ends an instance that a dead owner of this run directory left behind, as a frozen Asterisk would be. */
  async #endStale(): Promise<void> {
    const ownerFile = path.join(this.runDir, 'owner.pid');
    const owner = Number(await readFile(ownerFile, 'utf8').catch(() => ''));
    // A living owner keeps its instance; our own ports check then says what is in the way.
    if (owner !== process.pid && (await commandLineOf(owner)).length > 0) return;
    await writeFile(ownerFile, String(process.pid));
    const pid = Number(await readFile(this.#pidFile, 'utf8').catch(() => ''));
    if (!Number.isInteger(pid) || pid <= 1) return;
    if (!(await commandLineOf(pid)).includes(this.#confFile)) return;
    process.kill(pid, 'SIGKILL');
    while ((await commandLineOf(pid)).length > 0) await wait(this.#clock, BOOT_POLL_MS);
  }

  get #pidFile(): string {
    return path.join(this.runDir, 'asterisk.pid');
  }

  get #confFile(): string {
    return path.join(this.runDir, 'etc/asterisk.conf');
  }
}

/** The words of a process's command line; empty when there is no such process, or it is a zombie. */
async function commandLineOf(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? [] : text.split('\0');
}
