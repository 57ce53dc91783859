import type { SampleRateHz } from '../../core/units.js';
import { SAMPLE_RATE_HZ } from '../../core/units.js';
import { HEADER_BYTES, AudioFrameBuffer } from './wire.js';
import { Resampler } from '../../media/resample.js';

/** Two frames may wait in the socket and one is being made; a fourth keeps them apart whatever Node does between. */
const BUFFERS = 4;

/** Frames of 16 kHz made into frames of the wire. */
export class Downlink {
  readonly #resampler: Resampler | null;
  readonly #rateHz: SampleRateHz;
  /** In turn, since the socket holds on to what waits in it. */
  readonly #frames: readonly AudioFrameBuffer[];
  #next = 0;

  constructor(rateHz: SampleRateHz) {
    this.#rateHz = rateHz;
    this.#resampler = rateHz === SAMPLE_RATE_HZ ? null : new Resampler(SAMPLE_RATE_HZ, rateHz);
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
    if (this.#resampler === null) frame.samples.set(src);
    else this.#resampler.process(src, frame.samples);
    return frame.bytes;
  }

  describe(): string[] {
    return this.#resampler === null ? [] : [`resample ${SAMPLE_RATE_HZ} to ${this.#rateHz} Hz`];
  }

  get #frame(): AudioFrameBuffer {
    return this.#frames[this.#next] as AudioFrameBuffer;
  }
}
