import type { ChildProcess } from 'node:child_process';
import { execFile, fork } from 'node:child_process';
import { stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ThreadReport } from '../../src/engine/port.js';

const run = promisify(execFile);
const BENCH = path.join(import.meta.dirname, '..');

type Usage = { readonly cpu: NodeJS.CpuUsage; readonly memory: NodeJS.MemoryUsage };
type ServerMessage =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'report'; readonly report: ThreadReport }
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
};

/** The server process of a benchmark. */
export class BenchServer {
  readonly port: number;
  readonly reports: ThreadReport[] = [];
  readonly #process: ChildProcess;
  #onUsage: (usage: Usage) => void = () => undefined;

  constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.port = port;
    process.on('message', (message: ServerMessage) => {
      if (message.kind === 'usage') this.#onUsage(message);
      if (message.kind === 'report') this.reports.push(message.report);
    });
  }

  usage(): Promise<Usage> {
    return new Promise((resolve) => {
      this.#onUsage = resolve;
      this.#process.send('usage');
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
  const process = fork(path.join(BENCH, 'media-server.mjs'), [what, String(options.threads ?? 1)], {
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

/** Compiles the load generator when it is older than its source; returns its path. */
export async function loadBinary(): Promise<string> {
  const source = path.join(BENCH, 'media-load.cc');
  const { mtimeMs } = await stat(source);
  const binary = path.join(os.tmpdir(), `linecard-media-load-${os.userInfo().uid}-${Math.round(mtimeMs)}`);
  try {
    await stat(binary);
  } catch {
    await run('g++', ['-O2', '-o', binary, source]);
  }
  return binary;
}

/** Runs a load against a server and adds what the server spent on it. */
export async function runLoad(options: {
  readonly load: string;
  readonly server: BenchServer;
  readonly calls: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}): Promise<LoadFigures & { cpuMsPerCallSecond: number; tickLatenessP99Ms: number | null; skippedTicks: number }> {
  const { load, server, calls, warmUpSeconds, seconds } = options;
  const loading = run(load, [String(server.port), String(calls), String(warmUpSeconds), String(seconds)]);
  // Callers come 2 ms apart.
  const untilWarmMs = calls * 2 + warmUpSeconds * 1000;
  await sleep(untilWarmMs);
  const before = await server.usage();
  const startedAtMs = performance.now();
  server.reports.length = 0;
  await sleep(seconds * 1000 - 500);
  const after = await server.usage();
  const tookSeconds = (performance.now() - startedAtMs) / 1000;
  const { stdout } = await loading;
  const cpuMs = (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / 1000;
  const lateness = server.reports.map((report) => report.latenessP99Ms);
  return {
    ...(JSON.parse(stdout) as LoadFigures),
    cpuMsPerCallSecond: round(cpuMs / calls / tookSeconds),
    tickLatenessP99Ms: lateness.length > 0 ? Math.max(...lateness) : null,
    skippedTicks: server.reports.reduce((sum, report) => sum + report.skippedTicks, 0),
  };
}

/** One result a line, as `npm run bench` promises. */
export function printResult(result: { readonly name: string; readonly value: number; readonly unit: string }): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

export function round(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
