import { Worker } from 'node:worker_threads';
import type { Alarm, Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { FliteVoice } from './flite/flite.js';
import type { SpeakAnswer, SpeakJob } from './flite/worker.js';
import type { SpokenText } from './polish.js';

/** Texts that may wait; a sentence takes a tenth of a second, so the last one waits for ten. */
const MAX_WAITING = 100;
/** The first sentence of a cold worker takes half a second; a worker that takes this long hangs. */
const JOB_LIMIT_MS = 15_000;

type Job = {
  readonly text: string;
  readonly voice: FliteVoice;
  readonly resolve: (spoken: SpokenText) => void;
  readonly reject: (error: LinecardError) => void;
};

/**
 * Speaks texts on a worker of its own, one after the other, so that no thread with calls waits for it. A worker that dies
 * or hangs costs the text it was at; the next text starts another.
 */
export class Synthesizer {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #waiting: Job[] = [];
  #current: { readonly id: number; readonly job: Job; readonly alarm: Alarm } | null = null;
  #worker: Worker | null = null;
  #jobs = 0;
  #closed = false;

  constructor(options: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Rejects AGENT_UNAVAILABLE when too much waits, the worker fails or this is closed. */
  speak(text: string, voice: FliteVoice): Promise<SpokenText> {
    return new Promise((resolve, reject) => {
      if (this.#closed || this.#waiting.length >= MAX_WAITING) {
        const reason = this.#closed ? 'it is closed' : `${MAX_WAITING} texts wait already`;
        reject(new LinecardError('AGENT_UNAVAILABLE', `the speech synthesizer takes no text: ${reason}`));
        return;
      }
      this.#waiting.push({ text, voice, resolve, reject });
      this.#next();
    });
  }

  /** Idempotent. What waits is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#worker = null;
    this.#fail('it was closed');
    for (const job of this.#waiting.splice(0)) {
      job.reject(new LinecardError('AGENT_UNAVAILABLE', 'the speech synthesizer was closed'));
    }
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current !== null || this.#closed) return;
    const job = this.#waiting.shift();
    if (job === undefined) {
      this.#worker?.unref();
      return;
    }
    const worker = (this.#worker ??= this.#startWorker());
    const id = ++this.#jobs;
    const alarm = this.#clock.setAlarm(JOB_LIMIT_MS, () => this.#dropWorker(worker, 'it hangs'));
    this.#current = { id, job, alarm };
    worker.ref();
    worker.postMessage({ job: id, text: job.text, voice: job.voice } satisfies SpeakJob);
  }

  #answered(answer: SpeakAnswer): void {
    const current = this.#current;
    if (current?.id !== answer.job) return;
    this.#current = null;
    current.alarm.cancel();
    if (answer.ok) current.job.resolve(answer.spoken);
    else current.job.reject(new LinecardError('AGENT_FAILED', `flite could not say the text: ${answer.message}`));
    this.#next();
  }

  #startWorker(): Worker {
    const worker = openWorker();
    worker.on('message', (answer: SpeakAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#dropWorker(worker, error.message));
    worker.on('exit', (code) => this.#dropWorker(worker, `it ended with ${code}`));
    return worker;
  }

  #dropWorker(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    void worker.terminate();
    this.#log.warn({ reason }, 'speech synthesizer lost its worker');
    this.#fail(reason);
    this.#next();
  }

  #fail(reason: string): void {
    const current = this.#current;
    if (current === null) return;
    this.#current = null;
    current.alarm.cancel();
    current.job.reject(new LinecardError('AGENT_UNAVAILABLE', `the speech synthesizer failed: ${reason}`));
  }
}

/** Compiled, the worker is JavaScript; run from the sources (tests), it has to load their loader first. */
function openWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./flite/worker.js', import.meta.url));
  const entry = JSON.stringify(new URL('./flite/worker.ts', import.meta.url).href);
  return new Worker(`import('tsx/esm/api').then(({ register }) => (register(), import(${entry})))`, { eval: true });
}
