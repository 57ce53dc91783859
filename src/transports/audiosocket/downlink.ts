import type { SampleRateHz } from '../../core/units.js';
import { SAMPLE_RATE_HZ } from '../../core/units.js';
import { HEADER_BYTES, AudioFrameBuffer } from './wire.js';
import type { LegCounters } from '../../media/leg.js';
import type { RateConverter } from '../../media/rate-converter.js';
import { openRateConverter } from '../../media/rate-converter.js';

/** Two frames may wait in the socket and one is being made; a fourth keeps them apart whatever Node does between. */
const BUFFERS = 4;

/** Frames of 16 kHz made into frames of the wire. */
export class Downlink {
  readonly #converter: RateConverter | null;
  readonly #counters: LegCounters;
  #clippedBefore = 0;
  readonly #rateHz: SampleRateHz;
  /** In turn, since the socket holds on to what waits in it. */
  readonly #frames: readonly AudioFrameBuffer[];
  #next = 0;

  constructor(rateHz: SampleRateHz, counters: LegCounters) {
    this.#counters = counters;
    this.#rateHz = rateHz;
    this.#converter = openRateConverter(SAMPLE_RATE_HZ, rateHz);
    this.#frames = Array.from({ length: BUFFERS }, () => new AudioFrameBuffer(rateHz));
  }

  /** Bytes of a frame on the wire without its header. */
  get frameBytes(): number {
    return this.#frame.bytes.length - HEADER_BYTES;
  }

  /** Returns header and payload; they stay as they are for the next three calls. */
  encode(src: Int16Array): Uint8Array {
    const frame = this.#frame;
    this.#next = (this.#next + 1) % BUFFERS;
    if (this.#converter === null) frame.samples.set(src);
    else {
      this.#converter.process(src, frame.samples);
      this.#counters.clippedSamples += this.#converter.clipped - this.#clippedBefore;
      this.#clippedBefore = this.#converter.clipped;
    }
    return frame.bytes;
  }

  describe(): string[] {
    return this.#converter === null ? [] : [`resample ${SAMPLE_RATE_HZ} to ${this.#rateHz} Hz`];
  }

  get #frame(): AudioFrameBuffer {
    return this.#frames[this.#next] as AudioFrameBuffer;
  }
}
