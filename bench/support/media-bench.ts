import type { ChildProcess } from 'node:child_process';
import { execFile, fork, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { MEDIA_PRIORITY } from '../../src/core/thread-priority.js';
import type { ThreadReport } from '../../src/engine/port.js';

const run = promisify(execFile);
const LOAD = path.join(import.meta.dirname, '../load');

type Usage = { readonly cpu: NodeJS.CpuUsage; readonly memory: NodeJS.MemoryUsage };
/** Where a call has to connect, and who it is. */
type Target = { readonly port: number; readonly uuid: string };
type ServerMessage =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'opened'; readonly targets: readonly Target[] }
  | { readonly kind: 'profiled'; readonly bytes: readonly (readonly [where: string, bytes: number])[] }
  | { readonly kind: 'reports'; readonly reports: readonly ThreadReport[] }
  | ({ readonly kind: 'usage' } & Usage);

/** What `media-load` prints. */
export type LoadFigures = {
  readonly calls: number;
  readonly closed: number;
  readonly frames: number;
  readonly gapP50Ms: number;
  readonly gapP99Ms: number;
  readonly gapMaxMs: number;
  readonly gapsOver60Ms: number;
  readonly slowestFramesPerSecond: number;
  readonly fastestFramesPerSecond: number;
  readonly delays: number;
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
  /** How late the load process itself was. */
  readonly loadLateP99Ms: number;
  /** Calls that came in the place of others. */
  readonly followers: number;
};

/** The server process of a benchmark. */
export class BenchServer {
  readonly port: number;
  readonly reports: ThreadReport[] = [];
  readonly #process: ChildProcess;
  #onUsage: (usage: Usage) => void = () => undefined;
  #onProfiled: (bytes: ReadonlyMap<string, number>) => void = () => undefined;
  #onOpened: (targets: readonly Target[]) => void = () => undefined;

  constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.port = port;
    process.on('message', (message: ServerMessage) => {
      if (message.kind === 'usage') this.#onUsage(message);
      if (message.kind === 'profiled') this.#onProfiled(new Map(message.bytes));
      if (message.kind === 'opened') this.#onOpened(message.targets);
      if (message.kind === 'reports') this.reports.push(...message.reports);
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  usage(): Promise<Usage> {
    return new Promise((resolve) => {
      this.#onUsage = resolve;
      this.#process.send({ kind: 'usage' });
    });
  }

  /** Announces calls, as control does; they have to connect within seconds. */
  open(calls: number): Promise<readonly Target[]> {
    return new Promise((resolve) => {
      this.#onOpened = resolve;
      this.#process.send({ kind: 'open', calls });
    });
  }

  /** Bytes that each function of the main thread allocates within some seconds, by its file and name. */
  profile(seconds: number): Promise<ReadonlyMap<string, number>> {
    return new Promise((resolve) => {
      this.#onProfiled = resolve;
      this.#process.send({ kind: 'profile', seconds });
    });
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill();
    await gone;
  }
}

/** Starts `media-server.mjs`; it needs the build. */
export async function startServer(
  what: 'linecard' | 'bare-echo',
  options: { readonly threads?: number; readonly execArgv?: readonly string[] } = {},
): Promise<BenchServer> {
  const process = fork(path.join(LOAD, 'media-server.mjs'), [what, String(options.threads ?? 1)], {
    execArgv: [...(options.execArgv ?? [])],
  });
  const port = await new Promise<number>((resolve, reject) => {
    process.once('exit', (code) => reject(new Error(`the server exited with ${code}; was \`npm run build\` run?`)));
    process.on('message', (message: ServerMessage) => {
      if (message.kind === 'ready') resolve(message.port);
    });
  });
  return new BenchServer(process, port);
}

/** Compiles a program of `bench/load` when it is older than its source; returns its path. */
export async function compileLoad(name: 'media-load' | 'phone-media'): Promise<string> {
  const source = path.join(LOAD, `${name}.cc`);
  const { mtimeMs } = await stat(source);
  const binary = path.join(os.tmpdir(), `linecard-${name}-${os.userInfo().uid}-${Math.round(mtimeMs)}`);
  try {
    await stat(binary);
  } catch {
    await run('g++', ['-O2', '-o', binary, source]);
  }
  return binary;
}

/** The arguments of a run of `media-load`. */
export type Load = {
  readonly binary: string;
  readonly server: BenchServer;
  /** announced: spread over the threads by the pool. strangers: by the dialplan's door, which is the first thread's. */
  readonly callers: 'announced' | 'strangers';
  readonly calls: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Shorter calls are followed by others. */
  readonly callSeconds?: number;
};

/** Starts a load against a server; resolves with what it measured. */
export async function startLoad(load: Load): Promise<LoadFigures> {
  const { binary, server, callers, calls, warmUpSeconds, seconds, callSeconds = 0 } = load;
  const port = callers === 'announced' ? 0 : server.port;
  const child = spawn(binary, [port, calls, warmUpSeconds, seconds, callSeconds].map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  preferLoad(child.pid);
  const targets = callers === 'announced' ? await server.open(calls) : [];
  child.stdin.end(targets.map((target) => `${target.port} ${target.uuid}\n`).join(''));
  return JSON.parse(await text(child.stdout)) as LoadFigures;
}

/** Callers are other people's machines: on this one they must not wait for the media threads, which ask for a priority of their own. */
export function preferLoad(pid: number | undefined): void {
  try {
    if (pid !== undefined) os.setPriority(pid, MEDIA_PRIORITY);
  } catch (error) {
    process.stderr.write(`bench: the load has no priority (${String(error)}), its lateness is printed\n`);
  }
}

/** Runs a load against a server and adds what the server spent on it. */
export async function runLoad(load: Load): Promise<
  LoadFigures & {
    readonly cpuMsPerCallSecond: number;
    readonly tickLatenessP99Ms: number | null;
    readonly skippedTicks: number;
    readonly machineLoad: number;
  }
> {
  const { server, calls, warmUpSeconds, seconds } = load;
  const loading = startLoad(load);
  // Callers come 2 ms apart.
  const untilWarmMs = calls * 2 + warmUpSeconds * 1000;
  await sleep(untilWarmMs);
  const before = await server.usage();
  const startedAtMs = performance.now();
  server.reports.length = 0;
  await sleep(seconds * 1000 - 500);
  const after = await server.usage();
  const tookSeconds = (performance.now() - startedAtMs) / 1000;
  const figures = await loading;
  const cpuMs = (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / 1000;
  const lateness = server.reports.map((report) => report.latenessP99Ms);
  return {
    ...figures,
    cpuMsPerCallSecond: round(cpuMs / calls / tookSeconds),
    tickLatenessP99Ms: lateness.length > 0 ? Math.max(...lateness) : null,
    skippedTicks: server.reports.reduce((sum, report) => sum + report.skippedTicks, 0),
    // What else the machine was doing: figures of a shared one are worse.
    machineLoad: round(os.loadavg()[0] ?? 0, 1),
  };
}

/** One result a line, as `npm run bench` promises. */
export function printResult(result: {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly [more: string]: unknown;
}): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

export function round(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
