import type { SegmentId } from '../../core/ids.js';
import { SAMPLE_RATE_HZ } from '../../core/units.js';
import { Resampler } from '../../media/resample.js';
import { PcmReader } from '../pcm-bytes.js';
import type { SpeechOut } from '../port.js';
import { WordStream } from '../word-stream.js';

/** One thing that a model says, which is one segment of the speech queue: audio and words on their way there. */
export class Spoken {
  readonly segment: SegmentId;
  readonly #speech: SpeechOut;
  readonly #rateHz: number;
  readonly #pcm = new PcmReader();
  readonly #words = new WordStream();
  readonly #resampler: Resampler;
  #receivedSamples = 0;
  /** Samples at 16 kHz that did not fit into the queue. */
  lost = 0;

  /** @param rateHz of the audio that will come */
  constructor(speech: SpeechOut, rateHz: number) {
    this.#speech = speech;
    this.#rateHz = rateHz;
    this.#resampler = new Resampler(rateHz, SAMPLE_RATE_HZ);
    this.segment = speech.begin();
  }

  /** What has come of it, whole milliseconds. */
  get receivedMs(): number {
    return Math.floor((this.#receivedSamples * 1000) / this.#rateHz);
  }

  /** @param piece s16 little endian in base64, cut anywhere */
  audio(piece: string): void {
    const samples = this.#pcm.read(Buffer.from(piece, 'base64'));
    this.#receivedSamples += samples.length;
    const converted = new Int16Array(Math.ceil((samples.length * SAMPLE_RATE_HZ) / this.#rateHz) + 1);
    const count = this.#resampler.process(samples, converted);
    this.lost += count - this.#speech.write(this.segment, converted.subarray(0, count));
  }

  /** @param piece of the transcript, cut anywhere */
  text(piece: string): void {
    const words = this.#words.push(piece);
    if (words !== '') this.#speech.text(this.segment, words);
  }

  /** The transcript is complete. */
  endText(): void {
    const last = this.#words.end();
    if (last !== '') this.#speech.text(this.segment, last);
  }

  /** The audio is complete. */
  end(): void {
    this.#speech.end(this.segment);
  }
}
