import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { findFreePort } from '../../src/demo/ports.js';

/** Where a FreeSWITCH is installed; without it the tests that need one are skipped. */
export const FREESWITCH_PREFIX = process.env['FREESWITCH_PREFIX'] ?? '';

const PROJECT_DIR = path.join(import.meta.dirname, '../..');
export const ESL_PASSWORD = 'secret esl';

/** Below what the kernel gives by itself, above FreeSWITCH's own. */
const FIRST_MEDIA_PORT = 28_000 + 400 * (process.pid % 10);

export type FreeSwitchPlan = {
  /** Port of the address in the drop-in file: where `socket` connects. */
  readonly socketPort: number;
  /** The extension that rings when Linecard is away. */
  readonly fallback: string;
  /** `never`: the drop-in file without its `answer`. */
  readonly answers?: 'first' | 'never';
  /** More extensions, as XML. */
  readonly extensions?: string;
  /** Makes another configuration of the whole. */
  readonly edit?: (xml: string) => string;
};

/** A private FreeSWITCH with the configuration of `freeswitch/` and the drop-in file as an admin gets it. */
export class TestFreeSwitch {
  readonly eslPort: number;
  readonly sipPort: number;
  /** Where the drop-in file's `socket` connects. */
  readonly socketPort: number;
  /** Whether the drop-in file answers. */
  readonly answers: 'first' | 'never';
  readonly runDir: string;
  #process: ChildProcess;

  private constructor(options: {
    eslPort: number;
    sipPort: number;
    socketPort: number;
    answers: 'first' | 'never';
    runDir: string;
    process: ChildProcess;
  }) {
    this.eslPort = options.eslPort;
    this.sipPort = options.sipPort;
    this.socketPort = options.socketPort;
    this.answers = options.answers;
    this.runDir = options.runDir;
    this.#process = options.process;
  }

  static async start(plan: FreeSwitchPlan): Promise<TestFreeSwitch> {
    const runDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-fs-'));
    const eslPort = await findFreePort();
    const sipPort = await findFreePort();
    await writeConfig(runDir, eslPort, sipPort, plan);
    const self = new TestFreeSwitch({
      eslPort,
      sipPort,
      socketPort: plan.socketPort,
      answers: plan.answers ?? 'first',
      runDir,
      process: run(runDir),
    });
    try {
      await self.#untilItAnswers();
    } catch (error) {
      await self.stop();
      throw error;
    }
    return self;
  }

  /** The PBX as a configuration names it. */
  get pbxConfig(): Readonly<Record<string, unknown>> {
    return {
      kind: 'freeswitch',
      name: 'fs',
      esl: { host: '127.0.0.1', port: this.eslPort, password: ESL_PASSWORD },
      socket: { host: '127.0.0.1', port: this.socketPort },
      unicast: { host: '127.0.0.1', ports: [FIRST_MEDIA_PORT, FIRST_MEDIA_PORT + 399] },
    };
  }

  /** Dies like a process that is killed and comes back as it was configured, without a call; resolves when its event socket is there. */
  async restart(): Promise<void> {
    await this.kill();
    this.#process = run(this.runDir);
    await this.#untilItAnswers();
  }

  get alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    if (!this.alive) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill(signal);
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.runDir, { recursive: true, force: true });
  }

  async #untilItAnswers(): Promise<void> {
    for (let attempt = 0; attempt < 200 && this.alive; attempt++) {
      if (await answers(this.eslPort)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const log = await readFile(path.join(this.runDir, 'log/freeswitch.log'), 'utf8').catch(() => '');
    throw new Error(`FreeSWITCH did not open its event socket\n${log.slice(-2000)}`);
  }
}

async function writeConfig(runDir: string, eslPort: number, sipPort: number, plan: FreeSwitchPlan): Promise<void> {
  const dialplanDir = path.join(runDir, 'dialplan');
  for (const name of ['conf', 'log', 'db', 'run', 'storage', 'dialplan']) await mkdir(path.join(runDir, name));
  const users = ['1001', '1002', '1003'].map(
    (number) =>
      `<user id="${number}"><params><param name="password" value="secret${number}"/></params><variables><variable name="user_context" value="default"/></variables></user>`,
  );
  const values: Readonly<Record<string, string>> = {
    logLevel: 'info',
    logFile: path.join(runDir, 'log/freeswitch.log'),
    firstRtpPort: '26000',
    lastRtpPort: '27999',
    eslPort: String(eslPort),
    eslPassword: ESL_PASSWORD,
    sipPort: String(sipPort),
    dialplanDir,
    users: users.join('\n'),
  };
  const template = await readFile(path.join(PROJECT_DIR, 'freeswitch/freeswitch.xml'), 'utf8');
  const filled = template.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole);
  await writeFile(path.join(runDir, 'conf/freeswitch.xml'), plan.edit?.(filled) ?? filled);
  const dropIn = await readFile(path.join(PROJECT_DIR, 'dialplan/freeswitch/linecard.xml'), 'utf8');
  const set = dropIn
    .replace('linecard_address=127.0.0.1:8084', `linecard_address=127.0.0.1:${plan.socketPort}`)
    .replace('linecard_fallback=1001', `linecard_fallback=${plan.fallback}`)
    .replace('<action application="answer"/>', plan.answers === 'never' ? '' : '$&');
  await writeFile(path.join(dialplanDir, 'linecard.xml'), set);
  await writeFile(path.join(dialplanDir, 'more.xml'), `<include>\n${plan.extensions ?? ''}\n</include>\n`);
}

function run(runDir: string): ChildProcess {
  const places = ['conf', 'log', 'db', 'run', 'storage'].flatMap((name) => [`-${name}`, path.join(runDir, name)]);
  return spawn(path.join(FREESWITCH_PREFIX, 'bin/freeswitch'), ['-nonat', '-nf', '-nc', ...places], {
    stdio: 'ignore',
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('data', () => {
      resolve(true);
      socket.destroy();
    });
  });
}
