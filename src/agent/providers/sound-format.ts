import { FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../../core/units.js';
import { pcmu } from '../../media/g711.js';
import { Resampler } from '../../media/resample.js';
import { PcmReader, pcmBytes } from '../pcm-bytes.js';

/** How sound is written in a protocol: mono, s16 little endian or µ-law. */
export type SoundFormat = { readonly coding: 'pcm' | 'mulaw'; readonly rateHz: number };

/** What the caller says, frame by frame, in the format of a protocol. */
export class SoundWriter {
  readonly #coding: SoundFormat['coding'];
  /** Null where the rate is ours. */
  readonly #resampler: Resampler | null;
  readonly #converted: Int16Array;
  readonly #codes: Buffer;

  constructor({ coding, rateHz }: SoundFormat) {
    this.#coding = coding;
    this.#resampler = rateHz === SAMPLE_RATE_HZ ? null : new Resampler(SAMPLE_RATE_HZ, rateHz);
    const samples = Math.ceil((FRAME_SAMPLES * rateHz) / SAMPLE_RATE_HZ) + 1;
    this.#converted = new Int16Array(samples);
    this.#codes = Buffer.alloc(samples);
  }

  /** @returns memory that is good until the next call, or the frame's own */
  write(frame: Int16Array): Buffer {
    let samples = frame;
    if (this.#resampler !== null) {
      samples = this.#converted.subarray(0, this.#resampler.process(frame, this.#converted));
    }
    if (this.#coding === 'pcm') return pcmBytes(samples);
    return this.#codes.subarray(0, pcmu.encode(samples, this.#codes));
  }
}

/** What came in pieces that are cut anywhere, as samples at their own rate; the pieces are the reader's. */
export class SoundReader {
  readonly #coding: SoundFormat['coding'];
  readonly #pcm = new PcmReader();

  constructor({ coding }: SoundFormat) {
    this.#coding = coding;
  }

  read(bytes: Buffer): Int16Array {
    if (this.#coding === 'pcm') return this.#pcm.read(bytes);
    const samples = new Int16Array(bytes.length);
    pcmu.decode(bytes, samples);
    return samples;
  }
}
