import { Worker } from 'node:worker_threads';
import type { Alarm, Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import { CERTAIN, SLOTS, SileroSlots, WINDOW_SAMPLES } from './slots.js';

/** Compiling the runtime takes seconds on a small machine; calls that come before it is ready have their other detector. */
const START_LIMIT_MS = 5000;
const RESTART_MS = 10_000;
/** An answer about what was said a tenth of a second ago is none: until the model has caught up, the other detector is asked. */
const MAX_WAITING = 3;
/** What is speech begins when this is likely, and ends when it is unlikely: the model's authors' own pair. */
const BEGINS_AT = 0.5 * CERTAIN;
const ENDS_AT = 0.35 * CERTAIN;

/** Tells speech from everything else, a frame at a time. */
export interface Detector {
  isSpeech(frame: Int16Array): boolean;
  close(): void;
}

export type SileroOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** For tests: what runs in the place of the worker with the model. */
  readonly openWorker?: (buffer: SharedArrayBuffer) => Worker;
};

/**
 * Silero's voice activity detector for the calls of a thread, on a worker of its own: a window takes a good part of a millisecond, in which no call
 * shall wait. Needs two packages that are not installed by themselves. Without them, and whenever the worker is behind, each call has its other detector.
 */
export class Silero {
  readonly #options: SileroOptions;
  readonly #slots = new SileroSlots();
  readonly #free = Array.from({ length: SLOTS }, (_, at) => SLOTS - 1 - at);
  #worker: Worker | null = null;
  #restart: Alarm | null = null;
  #trouble: string | null = 'it is not started';
  #state: 'open' | 'closed' = 'open';

  constructor(options: SileroOptions) {
    this.#options = options;
  }

  /** Resolves when the first call may come. Never rejects: what does not work is a limitation. */
  async prepare(): Promise<void> {
    await new Promise<void>((resolve) => {
      const alarm = this.#options.clock.setAlarm(START_LIMIT_MS, resolve);
      this.#start(() => {
        alarm.cancel();
        resolve();
      });
    });
  }

  limitations(): readonly string[] {
    return this.#trouble === null ? [] : [`no Silero, calls have the usual detector: ${this.#trouble}`];
  }

  /** @param standIn for when there is no answer; closed with the detector */
  open(standIn: Detector): Detector {
    const slot = this.#free.pop();
    if (slot === undefined) return standIn;
    this.#slots.open(slot);
    return new SileroDetector({ slot, slots: this.#slots, standIn, onClosed: () => this.#free.push(slot) });
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#restart?.cancel();
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #start(settled: () => void): void {
    const worker = (this.#options.openWorker ?? openSileroWorker)(this.#slots.buffer);
    this.#worker = worker;
    worker.unref();
    worker.on('message', () => {
      this.#trouble = null;
      settled();
    });
    worker.on('error', (error) => this.#lost(worker, error.message, settled));
    worker.on('exit', (code) => this.#lost(worker, `its worker ended with ${code}`, settled));
  }

  #lost(worker: Worker, reason: string, settled: () => void): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    const wasReady = this.#trouble === null;
    this.#trouble = reason;
    this.#options.log.warn({ reason }, 'Silero cannot listen, the usual detector does');
    settled();
    // What never began will not begin by itself: a package is missing.
    if (!wasReady || this.#state === 'closed') return;
    this.#restart = this.#options.clock.setAlarm(RESTART_MS, () => this.#start(() => undefined));
  }
}

type SileroDetectorOptions = {
  readonly slot: number;
  readonly slots: SileroSlots;
  readonly standIn: Detector;
  readonly onClosed: () => void;
};

/** One call's: 32 ms behind, and what the worker takes. */
class SileroDetector implements Detector {
  readonly #options: SileroDetectorOptions;
  readonly #window = new Int16Array(WINDOW_SAMPLES);
  #filled = 0;
  #speaks = false;
  #state: 'open' | 'closed' = 'open';

  constructor(options: SileroDetectorOptions) {
    this.#options = options;
  }

  isSpeech(frame: Int16Array): boolean {
    if (this.#state === 'closed') return false;
    const { slot, slots, standIn } = this.#options;
    // It adapts to what it hears: it gets every frame.
    const otherwise = standIn.isSpeech(frame);
    for (let at = 0; at < frame.length; at++) {
      this.#window[this.#filled] = frame[at] as number;
      this.#filled += 1;
      if (this.#filled < WINDOW_SAMPLES) continue;
      slots.write(slot, this.#window);
      this.#filled = 0;
    }
    if (slots.waiting(slot) > MAX_WAITING) return otherwise;
    this.#speaks = slots.answer(slot) >= (this.#speaks ? ENDS_AT : BEGINS_AT);
    return this.#speaks;
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#options.slots.close(this.#options.slot);
    this.#options.standIn.close();
    this.#options.onClosed();
  }
}

/** Compiled, the worker is JavaScript; run from the sources (tests), it has to load their loader first. */
export function openSileroWorker(buffer: SharedArrayBuffer): Worker {
  const workerData = { buffer };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), { workerData });
  const entry = JSON.stringify(new URL('./worker.ts', import.meta.url).href);
  const code = `import('tsx/esm/api').then(({ register }) => (register(), import(${entry})))`;
  return new Worker(code, { eval: true, workerData });
}
