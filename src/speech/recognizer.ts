import { spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { NORMAL_PRIORITY, setProgramPriority } from '../core/thread-priority.js';
import { SAMPLE_RATE_HZ } from '../core/units.js';
import { encodeWav } from '../core/wav.js';

const PROGRAM = 'pocketsphinx_batch';
const MODEL_DIRECTORY = '/usr/share/pocketsphinx/model/en-us';
/** The program's frames are 10 ms. */
const FRAME_SAMPLES = SAMPLE_RATE_HZ / 100;
/** A process takes a third of a second and 40 MB. */
const MAX_RUNNING = 2;
const MAX_WAITING = 16;
/** Loading takes 0.1 s and an utterance 3 % of its length: a program that takes this long hangs. */
const TIME_LIMIT_MS = 8000;

/** What was understood. `score` is the mean log likelihood of a 10 ms frame: it tells how well the sound fits, 0 would be perfect. */
export type Recognized = { readonly text: string; readonly score: number };

/** The body of a JSGF grammar and every word in it. */
export type Grammar = { readonly rules: string; readonly words: readonly string[] };

/** A grammar that was written for the recognizer. */
export type LoadedGrammar = { readonly file: string };

/** Where the recognizer's program and its model are. */
export type RecognizerFiles = {
  readonly program: string;
  readonly acousticModel: string;
  readonly dictionary: string;
};

/** Debian's pocketsphinx and pocketsphinx-en-us; null when one of them is missing. */
export async function findRecognizer(
  searchPath = process.env.PATH ?? '',
  modelDirectory = MODEL_DIRECTORY,
): Promise<RecognizerFiles | null> {
  const files = {
    acousticModel: path.join(modelDirectory, 'en-us'),
    dictionary: path.join(modelDirectory, 'cmudict-en-us.dict'),
  };
  for (const directory of searchPath.split(path.delimiter)) {
    if (directory === '') continue;
    const program = path.join(directory, PROGRAM);
    if (!(await exists(program))) continue;
    const complete = (await exists(files.acousticModel)) && (await exists(files.dictionary));
    return complete ? { program, ...files } : null;
  }
  return null;
}

export type RecognizerOptions = {
  readonly files: RecognizerFiles;
  readonly clock: Clock;
  readonly log: Logger;
};

/**
 * Understands a whole utterance against a grammar, by a process of its own for each: what it costs and how it dies is nothing
 * to the thread with the calls. At most two run at once, a few wait, the rest is refused.
 */
export class Recognizer {
  readonly #options: RecognizerOptions;
  readonly #closing = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #directory: string | null = null;
  #running = 0;
  #utterances = 0;
  #grammars = 0;

  constructor(options: RecognizerOptions) {
    this.#options = options;
  }

  /** Which of these words have no pronunciation and can't stand in a grammar. */
  async unknownWords(words: readonly string[]): Promise<string[]> {
    const unknown = new Set(words);
    const dictionary = await readFile(this.#options.files.dictionary, 'utf8');
    for (const line of dictionary.split('\n')) unknown.delete(line.slice(0, line.indexOf(' ')));
    return [...unknown];
  }

  /** Writes a grammar where the program finds it. */
  async load(grammar: Grammar): Promise<LoadedGrammar> {
    this.#directory ??= await mkdtemp(path.join(tmpdir(), 'linecard-recognizer-'));
    this.#grammars += 1;
    const file = path.join(this.#directory, `grammar-${this.#grammars}.jsgf`);
    await writeFile(file, `#JSGF V1.0;\ngrammar linecard;\n${grammar.rules}\n`);
    return { file };
  }

  /**
   * @param pcm mono s16, 16 kHz
   * @returns null when nothing of the grammar was said
   * Rejects AGENT_UNAVAILABLE when too much waits, the program fails or hangs, or this is closed.
   */
  async recognize(pcm: Int16Array, grammar: LoadedGrammar): Promise<Recognized | null> {
    await this.#takeTurn();
    try {
      return await this.#decode(pcm, grammar);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** Idempotent; ends what runs, rejects what waits. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const goOn of this.#waiting.splice(0)) goOn();
    if (this.#directory !== null) await rm(this.#directory, { recursive: true, force: true });
  }

  async #takeTurn(): Promise<void> {
    if (this.#running >= MAX_RUNNING) {
      if (this.#waiting.length >= MAX_WAITING) throw unavailable(`${MAX_WAITING} utterances wait already`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running += 1;
  }

  async #decode(pcm: Int16Array, grammar: LoadedGrammar): Promise<Recognized | null> {
    if (this.#closing.signal.aborted) throw unavailable('it was closed');
    this.#utterances += 1;
    const directory = path.join(path.dirname(grammar.file), String(this.#utterances));
    try {
      await mkdir(directory);
      await Promise.all([
        writeFile(path.join(directory, 'said.wav'), encodeWav(pcm, SAMPLE_RATE_HZ)),
        writeFile(path.join(directory, 'list'), 'said\n'),
      ]);
      await this.#run(directory, grammar);
      return readHypothesis(await readFile(path.join(directory, 'heard'), 'utf8'), pcm.length / FRAME_SAMPLES);
    } catch (error) {
      if (error instanceof LinecardError) throw error;
      throw unavailable(error instanceof Error ? error.message : String(error));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  #run(directory: string, grammar: LoadedGrammar): Promise<void> {
    const { files, clock } = this.#options;
    const inputs = ['-cepdir', directory, '-cepext', '.wav', '-ctl', path.join(directory, 'list')];
    const sound = ['-adcin', 'yes', '-adchdr', '44'];
    const model = ['-hmm', files.acousticModel, '-dict', files.dictionary, '-jsgf', grammar.file];
    const outputs = ['-hyp', path.join(directory, 'heard'), '-logfn', path.join(directory, 'log')];
    return new Promise((resolve, reject) => {
      const child = spawn(files.program, [...inputs, ...sound, ...model, ...outputs], {
        stdio: 'ignore',
        signal: this.#closing.signal,
        killSignal: 'SIGKILL',
      });
      // Started by a media thread, whose priority is not its own.
      if (child.pid !== undefined) setProgramPriority(child.pid, NORMAL_PRIORITY);
      const alarm = clock.setAlarm(TIME_LIMIT_MS, () => {
        reject(unavailable('it hangs'));
        child.kill('SIGKILL');
      });
      child.on('error', (error) => {
        alarm.cancel();
        reject(unavailable(error.message));
      });
      child.on('exit', (code, signal) => {
        alarm.cancel();
        if (code === 0) resolve();
        else reject(unavailable(`it ended with ${code ?? signal ?? 'nothing'}`));
      });
    });
  }
}

/** A line is `text (utterance score)`; the text is empty when nothing fits. */
function readHypothesis(line: string, frames: number): Recognized | null {
  const match = /^(.*) \(said (-?\d+)\)\s*$/.exec(line);
  const text = match?.[1]?.trim() ?? '';
  if (text === '') return null;
  return { text, score: Number(match?.[2]) / Math.max(1, frames) };
}

function unavailable(reason: string): LinecardError {
  return new LinecardError('AGENT_UNAVAILABLE', `the speech recognizer failed: ${reason}`);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
