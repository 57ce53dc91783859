import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Linecard } from '../../src/compose.js';
import { startLinecard } from '../../src/compose.js';
import { readConfigObject } from '../../src/config/index.js';
import { systemClock, wait } from '../../src/core/clock.js';
import { PROJECT_DIR } from '../../src/demo/asterisk-install.js';
import { findFreePort } from '../../src/demo/ports.js';
import { createLog } from '../../src/observe/log.js';
import type { TestAsterisk } from './asterisk.js';

const TOKEN = 'token-of-the-tests';
const READY_LIMIT_MS = 60_000;
const MAIN = path.join(PROJECT_DIR, 'dist/main.js');

export type LinecardSetUp = {
  /** Absent: `config` names the PBX, if there is one. */
  readonly asterisk?: TestAsterisk;
  /** Stands in the place of whole top level keys of the test's configuration: `{ agents: …, extensions: … }`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** For `startLinecardProcess`: where it keeps its files, to outlive it; absent: in a directory that goes with it. */
  readonly dataDir?: string;
  /** For `startLinecardProcess`: given to Node before the program. */
  readonly nodeOptions?: readonly string[];
};

/** A call as `GET /v1/calls` shows it, as far as tests look. */
export type ShownCall = {
  readonly id: string;
  readonly state: string;
  readonly turns: readonly { readonly who: string; readonly text: string }[];
  readonly extension: string | null;
  readonly codec: string | null;
  readonly sampleRateHz: number | null;
  readonly outcome: { readonly result: string; readonly fault: string; readonly reason: string } | null;
};

/** The HTTP side of a Linecard that a test started. */
export class LinecardApi {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  fetch(method: string, route: string, body?: unknown): Promise<Response> {
    return fetch(`${this.url}${route}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async calls(): Promise<ShownCall[]> {
    const answer = (await (await this.fetch('GET', '/v1/calls')).json()) as { readonly calls: ShownCall[] };
    return answer.calls;
  }

  async liveCalls(): Promise<ShownCall[]> {
    return (await this.calls()).filter((call) => call.outcome === null);
  }

  /** Everything that was told of a call; resolves when it has ended. */
  async events(id: string): Promise<Record<string, unknown>[]> {
    const stream = await (await this.fetch('GET', `/v1/calls/${id}/events`)).text();
    return [...stream.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as Record<string, unknown>);
  }

  /** Resolves when it takes calls: a machine that is busy with something else may have made it refuse them for a while. */
  async ready(): Promise<void> {
    const deadlineMs = performance.now() + READY_LIMIT_MS;
    for (;;) {
      const response = await this.fetch('GET', '/readyz');
      if (response.ok) return;
      if (performance.now() > deadlineMs) throw new Error(`it takes no calls: ${await response.text()}`);
      await wait(systemClock, 100);
    }
  }

  async hangUp(id: string): Promise<void> {
    const response = await this.fetch('POST', `/v1/calls/${id}/hangup`, {});
    if (!response.ok) throw new Error(`hangup was answered ${response.status}: ${await response.text()}`);
  }
}

type LogLine = Readonly<Record<string, unknown>>;

/** What a Linecard under test wrote to its log. */
class KeptLog {
  /** In order. */
  readonly lines: LogLine[] = [];
  #judged = 0;

  /** @param line JSON of one line */
  add(line: string): void {
    this.lines.push(JSON.parse(line) as LogLine);
  }

  /** Lines of level warn and error since the last call of this, but for what a busy machine does to any media thread. */
  takeComplaints(): string[] {
    const bad = this.lines
      .slice(this.#judged)
      .filter(({ level }) => level === 'warn' || level === 'error')
      .filter(({ msg }) => msg !== 'media thread takes no more calls');
    this.#judged = this.lines.length;
    return bad.map((line) => JSON.stringify(line));
  }
}

/** Linecard in the test's own process, its media on the same thread; its log is kept for the test. */
export class LinecardHere {
  readonly api: LinecardApi;
  readonly #linecard: Linecard;
  readonly #log: KeptLog;
  readonly #directory: string;

  constructor(linecard: Linecard, log: KeptLog, directory: string) {
    this.api = new LinecardApi(linecard.http.url);
    this.#linecard = linecard;
    this.#log = log;
    this.#directory = directory;
  }

  /** Every line of its log, in order. */
  get log(): readonly LogLine[] {
    return this.#log.lines;
  }

  /** What it complained about since the last call of this. */
  takeComplaints(): string[] {
    return this.#log.takeComplaints();
  }

  async close(): Promise<void> {
    await this.#linecard.stop(0);
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** The serving process as it is shipped, its media on a thread of its own: for conversations, and for tests that kill it. */
export class LinecardProcess {
  readonly api: LinecardApi;
  readonly #child: ChildProcess;
  readonly #ended: Promise<NodeJS.Signals | null>;
  readonly #log: KeptLog;
  readonly #directory: string;
  /** Where it keeps its files. */
  readonly dataDir: string;

  constructor(child: ChildProcess, url: string, log: KeptLog, directory: string, dataDir: string) {
    this.api = new LinecardApi(url);
    this.dataDir = dataDir;
    this.#child = child;
    this.#log = log;
    this.#directory = directory;
    this.#ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  }

  /** What it complained about since the last call of this. */
  takeComplaints(): string[] {
    return this.#log.takeComplaints();
  }

  /** Resolves with the signal that ended it, null when it ended by itself. */
  get signal(): Promise<NodeJS.Signals | null> {
    return this.#ended;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** `kill -9`; resolves when it is dead. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async close(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Starts Linecard in this process against a PBX; resolves when calls can come. */
export async function startLinecardHere({ asterisk, config }: LinecardSetUp): Promise<LinecardHere> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'linecard-here-'));
  const tree = configTree(asterisk, { media: { threads: 0 }, ...config });
  const reading = readConfigObject(tree, { env: {}, cwd: directory });
  if (!reading.ok) throw new Error(JSON.stringify(reading.mistakes));
  const kept = new KeptLog();
  const log = createLog({
    level: 'debug',
    pii: 'shown',
    format: 'json',
    clock: systemClock,
    write: (line) => kept.add(line),
  });
  const linecard = await startLinecard({ config: reading.config, clock: systemClock, log });
  const here = new LinecardHere(linecard, kept, directory);
  const deadlineMs = performance.now() + READY_LIMIT_MS;
  while (linecard.unready().length > 0) {
    if (performance.now() > deadlineMs) {
      const reasons = linecard.unready().join('; ');
      await here.close();
      throw new Error(`Linecard is not ready after ${READY_LIMIT_MS} ms: ${reasons}`);
    }
    await wait(systemClock, 10);
  }
  return here;
}

/** Starts `dist/main.js` against a PBX; resolves when calls can come. It needs the build, which `npm test` makes. */
export async function startLinecardProcess({
  asterisk,
  config,
  dataDir,
  nodeOptions = [],
}: LinecardSetUp): Promise<LinecardProcess> {
  if (!existsSync(MAIN)) throw new Error('there is no dist/main.js: run `npm run build`');
  const directory = await mkdtemp(path.join(os.tmpdir(), 'linecard-process-'));
  const file = path.join(directory, 'linecard.yaml');
  const port = await findFreePort();
  // JSON is YAML.
  const data = dataDir ?? path.join(directory, 'data');
  const tree = { ...configTree(asterisk, config), dataDir: data, http: { port, token: TOKEN } };
  await writeFile(file, JSON.stringify(tree));
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LINECARD_')));
  const child = fork(MAIN, [], {
    cwd: directory,
    env: { ...env, LINECARD_CONFIG: file },
    execArgv: [...nodeOptions],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const log = new KeptLog();
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => log.add(line));
  await new Promise<void>((resolve, reject) => {
    const fail = (what: string): void => {
      child.kill('SIGKILL');
      reject(new Error(`Linecard ${what}:\n${log.lines.map((line) => JSON.stringify(line)).join('\n')}`));
    };
    const limit = setTimeout(() => fail(`is not ready after ${READY_LIMIT_MS} ms`), READY_LIMIT_MS);
    child.once('exit', (code) => {
      clearTimeout(limit);
      fail(`exited with ${code}`);
    });
    child.once('message', () => {
      clearTimeout(limit);
      resolve();
    });
  });
  return new LinecardProcess(child, `http://127.0.0.1:${port}`, log, directory, data);
}

function configTree(
  asterisk: TestAsterisk | undefined,
  overrides: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    http: { port: 0, token: TOKEN },
    dataDir: './data',
    ...(asterisk === undefined ? { audiosocket: { port: 0 } } : asteriskTree(asterisk)),
    agents: { loop: { provider: 'echo' } },
    extensions: { '7000': { agent: 'loop', fallback: '6001' }, '7009': { agent: 'loop' } },
    ...overrides,
    // A machine that is busy with other work is not what these tests are about.
    media: { admission: 'calls', ...(overrides['media'] as object | undefined) },
  };
}

function asteriskTree({ config, ariUrl }: TestAsterisk): Record<string, unknown> {
  const { ari, app, audiosocket } = config;
  const [host = '127.0.0.1', port = '0'] = audiosocket.split(':');
  return {
    // The dialplan of this Asterisk connects to this port.
    audiosocket: { host, port: Number(port), direct: 'loop' },
    pbx: [{ kind: 'asterisk', name: 'main', ari: { url: ariUrl, ...ari }, app }],
  };
}
