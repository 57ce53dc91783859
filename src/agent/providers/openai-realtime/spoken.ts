import type { SegmentId } from '../../../core/ids.js';
import { SAMPLE_RATE_HZ } from '../../../core/units.js';
import { Resampler } from '../../../media/resample.js';
import { PcmReader } from '../../pcm-bytes.js';
import type { SpeechOut } from '../../port.js';
import { WordStream } from '../../word-stream.js';
import { REALTIME_RATE_HZ } from './protocol.js';

/** Where a piece of audio belongs at the server. */
export type AudioPart = {
  readonly response_id: string;
  readonly item_id: string;
  readonly content_index: number;
};

/** One item of the model's speech, which is one segment of the speech queue: audio and words on their way there. */
export class SpokenItem {
  readonly part: AudioPart;
  readonly segment: SegmentId;
  readonly #speech: SpeechOut;
  readonly #pcm = new PcmReader();
  readonly #words = new WordStream();
  readonly #resampler = new Resampler(REALTIME_RATE_HZ, SAMPLE_RATE_HZ);
  #receivedSamples = 0;
  /** Samples at 16 kHz that did not fit into the queue. */
  lost = 0;

  constructor(part: AudioPart, speech: SpeechOut) {
    this.part = part;
    this.#speech = speech;
    this.segment = speech.begin();
  }

  /** What the server has sent of it, whole milliseconds; a truncation beyond it is refused there. */
  get receivedMs(): number {
    return Math.floor((this.#receivedSamples * 1000) / REALTIME_RATE_HZ);
  }

  /** @param delta PCM at 24 kHz in base64 */
  audio(delta: string): void {
    const samples = this.#pcm.read(Buffer.from(delta, 'base64'));
    this.#receivedSamples += samples.length;
    const converted = new Int16Array(Math.ceil((samples.length * SAMPLE_RATE_HZ) / REALTIME_RATE_HZ) + 1);
    const count = this.#resampler.process(samples, converted);
    this.lost += count - this.#speech.write(this.segment, converted.subarray(0, count));
  }

  text(delta: string): void {
    const words = this.#words.push(delta);
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
