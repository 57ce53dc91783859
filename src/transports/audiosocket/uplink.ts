import type { SampleRateHz } from '../../core/units.js';
import { FRAME_SAMPLES, SAMPLE_RATE_HZ, samplesPerFrame } from '../../core/units.js';
import type { FrameKind, LegCounters } from '../../media/leg.js';
import { FRAME_AUDIO, FRAME_SILENCE } from '../../media/leg.js';
import type { RateConverter } from '../../media/rate-converter.js';
import { openRateConverter } from '../../media/rate-converter.js';
import { MAX_AUDIO_MS } from './wire.js';

const DEPTH_LIMIT_SAMPLES = FRAME_SAMPLES * 10;

/** Audio of the wire made into frames of 16 kHz: put into a queue as it comes, taken out at the pace of the ticker. */
export class Uplink {
  readonly #rateHz: SampleRateHz;
  readonly #counters: LegCounters;
  readonly #converter: RateConverter | null;
  readonly #wire: Int16Array;
  readonly #queue = new Int16Array(DEPTH_LIMIT_SAMPLES + FRAME_SAMPLES * 4);
  #length = 0;
  #primed = false;

  constructor(rateHz: SampleRateHz, counters: LegCounters) {
    this.#rateHz = rateHz;
    this.#counters = counters;
    this.#converter = openRateConverter(rateHz, SAMPLE_RATE_HZ);
    this.#wire = new Int16Array((samplesPerFrame(rateHz) * MAX_AUDIO_MS) / 20);
  }

  get depthMs(): number {
    return (this.#length * 1000) / SAMPLE_RATE_HZ;
  }

  push(bytes: Uint8Array, offset: number, length: number): void {
    const samples = length / 2;
    for (let i = 0, at = offset; i < samples; i++, at += 2) {
      this.#wire[i] = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    }
    if (this.#length > DEPTH_LIMIT_SAMPLES) {
      this.#counters.overruns += 1;
      return;
    }
    const out = Math.floor((samples * SAMPLE_RATE_HZ) / this.#rateHz);
    const room = this.#queue.subarray(this.#length, this.#length + out);
    if (this.#converter === null) room.set(this.#wire.subarray(0, samples));
    else this.#converter.process(this.#wire.subarray(0, samples), room);
    this.#length += out;
  }

  pull(dst: Int16Array): FrameKind {
    if (!this.#primed) this.#primed = this.#length >= FRAME_SAMPLES;
    if (!this.#primed || this.#length < FRAME_SAMPLES) {
      if (this.#primed) this.#counters.underruns += 1;
      this.#primed = false;
      dst.fill(0);
      return FRAME_SILENCE;
    }
    dst.set(this.#queue.subarray(0, FRAME_SAMPLES));
    this.#queue.copyWithin(0, FRAME_SAMPLES, this.#length);
    this.#length -= FRAME_SAMPLES;
    return FRAME_AUDIO;
  }

  describe(): string[] {
    return [];
  }
}
