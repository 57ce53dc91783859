import { rename, writeFile } from 'node:fs/promises';
import type { CallRecord, Turn } from '../../core/calls.js';
import type { Logger } from '../../core/logger.js';
import { SAMPLE_RATE_HZ, SAMPLES_PER_MS } from '../../core/units.js';
import type { RecordingNotes } from '../port.js';
import { GrowingWav } from './growing-wav.js';

/** Half a minute of a call: a disk that stands still for longer costs a gap. */
const MAX_WAITING = 60;

/** A piece of the sound as it came from a media thread, now ours. */
export type Chunk = { readonly fromMs: number; readonly atSample: number; readonly stereo: Int16Array };

/**
 * One call's recording: `<path>.wav` and `<path>.json`, both whole at every moment. Sound and turns are written one after the other in the
 * background; what fails ends the recording and not the call.
 */
export class Recording {
  readonly #path: string;
  readonly #log: Logger;
  readonly #waiting: Chunk[] = [];
  readonly #turns: Turn[] = [];
  #call: CallRecord;
  #notes: 'written' | 'stale' = 'written';
  #wav: GrowingWav | null = null;
  /** Wall clock of the first sample. */
  #startedAtMs = 0;
  #lostChunks = 0;
  #state: 'open' | 'ended' | 'failed' = 'open';
  #work: Promise<void> = Promise.resolve();
  #working = false;

  /** Nothing is written before the first chunk: a call that was never heard leaves no file. */
  constructor(options: { readonly path: string; readonly call: CallRecord; readonly log: Logger }) {
    this.#path = options.path;
    this.#call = options.call;
    this.#log = options.log;
  }

  add(chunk: Chunk): void {
    if (this.#state !== 'open') return;
    if (this.#waiting.length === MAX_WAITING) {
      this.#lostChunks += 1;
      return;
    }
    this.#waiting.push(chunk);
    this.#start();
  }

  turn(turn: Turn): void {
    this.#turns.push(turn);
    this.#notes = 'stale';
    this.#start();
  }

  /** The call as it was in the end. Resolves when all is on disk. Never rejects; once. */
  async end(call: CallRecord): Promise<void> {
    this.#call = call;
    this.#notes = 'stale';
    this.#start();
    if (this.#state === 'open') this.#state = 'ended';
    await this.#work;
    await this.#guard(async () => {
      if (this.#lostChunks > 0) {
        this.#log.warn({ lostChunks: this.#lostChunks }, 'the disk was too slow for a recording: it has gaps');
      }
      await this.#wav?.close();
    });
  }

  #start(): void {
    if (this.#working || this.#state === 'failed') return;
    this.#working = true;
    this.#work = this.#guard(() => this.#drain());
  }

  async #drain(): Promise<void> {
    for (;;) {
      const chunk = this.#waiting.shift();
      if (chunk !== undefined) await this.#write(chunk);
      else if (this.#notes === 'stale' && this.#wav !== null) await this.#writeNotes(this.#wav);
      else break;
    }
    this.#working = false;
  }

  async #write({ fromMs, atSample, stereo }: Chunk): Promise<void> {
    if (this.#wav === null) {
      this.#startedAtMs = fromMs;
      this.#wav = await GrowingWav.create(`${this.#path}.wav`);
      this.#notes = 'stale';
    }
    // Another leg of the same call begins later.
    const at = (fromMs - this.#startedAtMs) * SAMPLES_PER_MS + atSample;
    if ((await this.#wav.write(stereo, Math.round(at))) === 'full') {
      throw new Error('a recording cannot be longer than 18 hours');
    }
  }

  async #writeNotes(wav: GrowingWav): Promise<void> {
    this.#notes = 'written';
    const { id, transport, extension, caller, agent, outcome } = this.#call;
    const notes: RecordingNotes = {
      callId: id,
      channels: ['caller', 'agent'],
      sampleRateHz: SAMPLE_RATE_HZ,
      startedAt: new Date(this.#startedAtMs).toISOString(),
      transport,
      extension,
      caller,
      agent,
      turns: this.#turns.map(({ who, text, atMs, heardMs, interrupted }) => ({
        who,
        text,
        offsetMs: Math.max(0, Math.round(atMs - this.#startedAtMs)),
        heardMs,
        interrupted,
      })),
      durationMs: Math.round(wav.samples / SAMPLES_PER_MS),
      lostChunks: this.#lostChunks,
      outcome,
    };
    const part = `${this.#path}.json.part`;
    await writeFile(part, `${JSON.stringify(notes, null, 2)}\n`, { mode: 0o600 });
    await rename(part, `${this.#path}.json`);
  }

  /** A full disk is said once, and the call goes on without being recorded. */
  async #guard(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const before = this.#state;
      this.#state = 'failed';
      this.#waiting.length = 0;
      if (before !== 'failed') this.#log.error({ err: error, file: `${this.#path}.wav` }, 'a recording was given up');
    }
  }
}
