import type { SampleRateHz } from '../../core/units.js';
import { SAMPLE_RATE_HZ } from '../../core/units.js';
import { HEADER_BYTES, AudioFrameBuffer } from './wire.js';
import type { LegCounters } from '../../media/leg.js';
import type { RateConverter } from '../../media/rate-converter.js';
import { openRateConverter } from '../../media/rate-converter.js';

/**
 * The frame at hand, one a rate. Shared by all, since a socket has mostly passed it on when `write` returns: memory that the processor has at hand instead
 * of some for each call.
 */
const FRAMES = new Map<SampleRateHz, AudioFrameBuffer>();

/** Frames of 16 kHz made into frames of the wire. */
export class Downlink {
  readonly #converter: RateConverter | null;
  readonly #counters: LegCounters;
  #clippedBefore = 0;
  readonly #rateHz: SampleRateHz;
  /** Bytes of a frame on the wire without its header. */
  readonly frameBytes: number;

  constructor(rateHz: SampleRateHz, counters: LegCounters) {
    this.#counters = counters;
    this.#rateHz = rateHz;
    this.#converter = openRateConverter(SAMPLE_RATE_HZ, rateHz);
    this.frameBytes = frameOf(rateHz).bytes.length - HEADER_BYTES;
  }

  /** Returns header and payload; they stay as they are until the next call, of any downlink, or for good after `keep`. */
  encode(src: Int16Array): Uint8Array {
    const frame = frameOf(this.#rateHz);
    if (this.#converter === null) frame.samples.set(src);
    else {
      this.#converter.process(src, frame.samples);
      this.#counters.clippedSamples += this.#converter.clipped - this.#clippedBefore;
      this.#clippedBefore = this.#converter.clipped;
    }
    return frame.bytes;
  }

  /** What `encode` returned last is still in use: the next one gets other memory. */
  keep(): void {
    FRAMES.delete(this.#rateHz);
  }

  describe(): string[] {
    return this.#converter === null ? [] : [`resample ${SAMPLE_RATE_HZ} to ${this.#rateHz} Hz`];
  }
}

function frameOf(rateHz: SampleRateHz): AudioFrameBuffer {
  let frame = FRAMES.get(rateHz);
  if (frame === undefined) {
    frame = new AudioFrameBuffer(rateHz);
    FRAMES.set(rateHz, frame);
  }
  return frame;
}
