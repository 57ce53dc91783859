import type { SampleRateHz } from '../core/units.js';
import { FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../core/units.js';
import { ElasticFifo } from './elastic-fifo.js';
import type { FrameKind, LegCounters } from './leg.js';
import type { RateConverter } from './rate-converter.js';
import { openRateConverter } from './rate-converter.js';

/** The longest chunk that a stream transport lets through; what is longer is cut off. */
export const MAX_CHUNK_MS = 60;
/** The widest rate of AudioSocket. */
const MAX_RATE_HZ = 192_000;

/** What may stand before the samples in what is copied whole: a header. */
const LEAD_SAMPLES = 4;
const LEAD_BYTES = LEAD_SAMPLES * 2;

/** Shared by all, since `push` runs to its end: memory that the processor has at hand instead of some for each call. */
const WIRE = new Int16Array(LEAD_SAMPLES + (MAX_RATE_HZ * MAX_CHUNK_MS) / 1000);
const WIRE_BYTES = new Uint8Array(WIRE.buffer);
const CONVERTED = new Int16Array((SAMPLE_RATE_HZ * MAX_CHUNK_MS) / 1000 + 1);

/**
 * The way up for transports whose audio is a stream without sequence numbers (AudioSocket, unicast): s16 little endian of the wire, to 16 kHz, through the elastic
 * FIFO. `push` and `pull` allocate nothing as long as chunks keep their size.
 */
export class StreamUplink {
  readonly #rateHz: SampleRateHz;
  readonly #counters: LegCounters;
  readonly #converter: RateConverter | null;
  readonly #fifo: ElasticFifo;
  readonly #maxSamples: number;
  /** The samples in WIRE: a view of the chunk at hand, made anew when chunks change their size. */
  #chunk: Int16Array;
  /** The same of CONVERTED. */
  #converted: Int16Array;
  #clippedBefore = 0;

  constructor(rateHz: SampleRateHz, counters: LegCounters) {
    this.#rateHz = rateHz;
    this.#counters = counters;
    this.#converter = openRateConverter(rateHz, SAMPLE_RATE_HZ);
    this.#fifo = new ElasticFifo(counters);
    this.#maxSamples = (rateHz * MAX_CHUNK_MS) / 1000;
    this.#chunk = wireSamples(rateHz / 50);
    this.#converted = CONVERTED.subarray(0, FRAME_SAMPLES);
  }

  /** Audio that waits, milliseconds. */
  get depthMs(): number {
    return this.#fifo.depthMs;
  }

  /** How much faster the sender's clock runs than ours, parts per million. */
  get skewPpm(): number {
    return this.#fifo.skewPpm;
  }

  /** A chunk came at `nowMs`: whole samples. One without any stands for a frame that the sender lost itself. */
  push(bytes: Uint8Array, offset: number, length: number, nowMs: number): void {
    const samples = Math.min(length / 2, this.#maxSamples);
    if (samples === 0) {
      this.#counters.lost += 1;
      return;
    }
    // Copying a whole array is ten times as fast as a part of one: a chunk goes with its header when there is nothing else in it.
    if (offset <= LEAD_BYTES && bytes.length === offset + samples * 2) WIRE_BYTES.set(bytes, LEAD_BYTES - offset);
    else for (let i = 0; i < samples * 2; i++) WIRE_BYTES[LEAD_BYTES + i] = bytes[offset + i] as number;
    if (this.#chunk.length !== samples) this.#chunk = wireSamples(samples);
    if (this.#converter === null) {
      this.#fifo.push(this.#chunk, samples, nowMs);
      return;
    }
    const count = this.#converter.process(this.#chunk, CONVERTED);
    this.#counters.clippedSamples += this.#converter.clipped - this.#clippedBefore;
    this.#clippedBefore = this.#converter.clipped;
    if (this.#converted.length !== count) this.#converted = CONVERTED.subarray(0, count);
    this.#fifo.push(this.#converted, count, nowMs);
  }

  /** Writes one frame into `dst`; once each 20 ms, `nowMs` on the clock of `push`. */
  pull(dst: Int16Array, nowMs: number): FrameKind {
    return this.#fifo.pull(dst, nowMs);
  }

  /** One line each, in the order of the signal. */
  describe(): string[] {
    const converted = this.#converter === null ? [] : [`resample ${this.#rateHz} to ${SAMPLE_RATE_HZ} Hz`];
    return [...converted, ...this.#fifo.describe()];
  }
}

function wireSamples(count: number): Int16Array {
  return WIRE.subarray(LEAD_SAMPLES, LEAD_SAMPLES + count);
}
