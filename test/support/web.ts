import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { systemClock, wait } from '../../src/core/clock.js';
import { encodeWav } from '../../src/core/wav.js';
import { PROJECT_DIR } from '../../src/demo/asterisk-install.js';
import { findFreePort } from '../../src/demo/ports.js';
import { Flite } from '../../src/speech/flite/flite.js';

const MAIN = path.join(PROJECT_DIR, 'dist/main.js');
const READY_LIMIT_MS = 60_000;
export const TOKEN = 'token-of-the-tests';

/** Where a Chromium may be: Debian's, Ubuntu's, or what the variable says. */
const CHROMIUM = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (file) => file !== undefined && existsSync(file),
);

/** Whether the tests with a browser are left out. Said aloud; where nothing may be left out it is a failure. */
export function withoutChromium(): boolean {
  if (CHROMIUM !== undefined) return false;
  if (process.env['CI'] === 'true') throw new Error('there is no Chromium: install the Debian package chromium');
  process.stdout.write('SKIPPED: the tests with a real browser, there is no Chromium (Debian package chromium)\n');
  return true;
}

/** The built program without a PBX, on a port that stays when it is started again. */
export class WebLinecard {
  readonly url: string;
  readonly #directory: string;
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | null = null;

  private constructor(url: string, directory: string, env: NodeJS.ProcessEnv) {
    this.url = url;
    this.#directory = directory;
    this.#env = env;
  }

  static async start(config: Readonly<Record<string, unknown>>): Promise<WebLinecard> {
    if (!existsSync(MAIN)) throw new Error('there is no dist/main.js: run `npm run build`');
    const directory = await mkdtemp(path.join(os.tmpdir(), 'linecard-web-'));
    const [port, audiosocket] = [await findFreePort(), await findFreePort()];
    const tree = {
      http: { port, token: TOKEN },
      dataDir: './data',
      audiosocket: { port: audiosocket },
      webrtc: { enabled: true },
      // A machine that is busy with other work is not what these tests are about.
      media: { admission: 'calls' },
      ...config,
    };
    const file = path.join(directory, 'linecard.yaml');
    await writeFile(file, JSON.stringify(tree)); // JSON is YAML
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LINECARD_')));
    const linecard = new WebLinecard(`http://127.0.0.1:${port}`, directory, { ...env, LINECARD_CONFIG: file });
    await linecard.serve();
    return linecard;
  }

  /** Starts the process; resolves when calls can come. */
  async serve(): Promise<void> {
    const child = fork(MAIN, [], {
      cwd: this.#directory,
      env: this.#env,
      execArgv: [],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.#child = child;
    let printed = '';
    child.stdout?.on('data', (chunk) => (printed = (printed + String(chunk)).slice(-10_000)));
    await new Promise<void>((resolve, reject) => {
      const fail = (what: string): void => {
        child.kill('SIGKILL');
        reject(new Error(`Linecard ${what}:\n${printed}`));
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
  }

  /** `kill -9`; resolves when it is dead. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async close(): Promise<void> {
    await this.#end('SIGTERM');
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Resolves when calls can come: a machine that is busy with a browser's start makes ticks late, and late ticks refuse calls. */
  async ready(): Promise<void> {
    const deadlineMs = performance.now() + READY_LIMIT_MS;
    while (!(await fetch(`${this.url}/readyz`)).ok) {
      if (performance.now() > deadlineMs) throw new Error(`Linecard is not ready after ${READY_LIMIT_MS} ms`);
      await wait(systemClock, 200);
    }
  }

  async calls(): Promise<WebCall[]> {
    const answer = await fetch(`${this.url}/v1/calls`, { headers: { authorization: `Bearer ${TOKEN}` } });
    return ((await answer.json()) as { readonly calls: WebCall[] }).calls;
  }

  /** What can be done to the newest call: `hold`, `resume`. */
  async control(what: 'hold' | 'resume'): Promise<void> {
    await this.#command(what, {});
  }

  /** The agent of the newest call says it. */
  async say(text: string): Promise<void> {
    await this.#command('say', { text });
  }

  /** Ends the newest call from here. */
  async hangUp(): Promise<void> {
    await this.#command('hangup', {});
  }

  async #command(what: string, body: object): Promise<void> {
    const [newest] = await this.calls();
    const answer = await fetch(`${this.url}/v1/calls/${newest?.id}/${what}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${what}: ${await answer.text()}`);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }
}

/** A call as `GET /v1/calls` shows it, as far as these tests look. */
export type WebCall = {
  readonly id: string;
  readonly agent: string;
  readonly state: string;
  readonly transport: string;
  readonly codec: string | null;
  readonly outcome: { readonly result: string; readonly fault: string; readonly reason: string } | null;
  readonly turns: readonly { readonly who: string; readonly text: string }[];
  readonly timings: Readonly<Record<string, number>>;
};

export type BrowserOptions = {
  /** A WAV file that the microphone plays round and round; null: the visitor refuses it. */
  readonly microphone: string | null;
};

/** Debian's Chromium without a window. */
export function openBrowser({ microphone }: BrowserOptions): Promise<Browser> {
  return chromium.launch({
    ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
    args: [
      '--no-sandbox',
      '--use-fake-device-for-media-stream',
      ...(microphone === null
        ? []
        : ['--use-fake-ui-for-media-stream', `--use-file-for-fake-audio-capture=${microphone}`]),
    ],
  });
}

/** Speech in a file for the microphone, with silence before and after it. */
export async function writeSpeech(text: string, silenceMs: { before: number; after: number }): Promise<string> {
  const { pcm } = new Flite().speak(text, 'rms');
  const before = silenceMs.before * 16;
  const whole = new Int16Array(before + pcm.length + silenceMs.after * 16);
  whole.set(pcm, before);
  return writeMicrophone(encodeWav(whole, 16_000));
}

/** A WAV file for the microphone. */
export async function writeMicrophone(wav: Uint8Array): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'linecard-speech-'));
  const file = path.join(directory, 'speech.wav');
  await writeFile(file, wav);
  return file;
}

/** Loudness of both directions every 20 ms, as the page itself measures them. */
export type Levels = { readonly mine: readonly number[]; readonly theirs: readonly number[] };

/** Listens to the call of a page for a while. */
export async function listen(page: Page, durationMs: number): Promise<Levels> {
  return page.evaluate<Levels>(`(${await pageScript('./page-ears.js')})(${durationMs})`);
}

/** The loudest frequency of what is heard, in Hz, at five moments of a while; 0 for silence. */
export async function listenForTones(page: Page, durationMs: number): Promise<readonly number[]> {
  return page.evaluate<number[]>(`(${await pageScript('./page-tone.js')})(${durationMs})`);
}

/** A function that runs in the page. */
async function pageScript(file: string): Promise<string> {
  return (await readFile(new URL(file, import.meta.url), 'utf8')).trim().replace(/;$/, '');
}

/** How alike two loudness curves are when the second is late, and how late it is. */
export function likeness(levels: Levels, maxLagFrames = 40): { readonly correlation: number; readonly lagMs: number } {
  let best = { correlation: -1, lagMs: 0 };
  for (let lag = 0; lag <= maxLagFrames; lag++) {
    const a = levels.mine.slice(0, levels.mine.length - lag);
    const b = levels.theirs.slice(lag);
    const correlation = correlate(a, b);
    if (correlation > best.correlation) best = { correlation, lagMs: lag * 20 };
  }
  return best;
}

function correlate(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [cross, powerA, powerB] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    const x = value - meanA;
    const y = (b[i] ?? 0) - meanB;
    cross += x * y;
    powerA += x * x;
    powerB += y * y;
  }
  return powerA === 0 || powerB === 0 ? 0 : cross / Math.sqrt(powerA * powerB);
}
