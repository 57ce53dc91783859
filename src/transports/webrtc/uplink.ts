import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../../core/units.js';
import type { FrameKind, LegCounters } from '../../media/leg.js';
import { FRAME_AUDIO, FRAME_CONCEALED, FRAME_SILENCE } from '../../media/leg.js';
import { OpusDecoder } from '../../media/opus/decoder.js';
import type { PacketUplink } from './leg.js';
import type { PacketInfo } from './peer.js';

/** Longest packet of Opus. */
const MAX_PACKET_SAMPLES = 120 * SAMPLES_PER_MS;
const CAPACITY_SAMPLES = 400 * SAMPLES_PER_MS;
/** Audio that waits before the first frame is played: the jitter of a good network. */
const PRIMING_SAMPLES = 40 * SAMPLES_PER_MS;
/** What waits longer than this is only latency. */
const MAX_DEPTH_SAMPLES = 160 * SAMPLES_PER_MS;
/** A longer gap is a pause of the sender, or another stream. */
const MAX_RECOVERED_PACKETS = 5;

/** Opus packets in the order they come, decoded on arrival into a bounded queue. */
export class DecodingUplink implements PacketUplink {
  readonly #decoder: OpusDecoder;
  readonly #counters: LegCounters;
  readonly #queue = new Int16Array(CAPACITY_SAMPLES);
  readonly #decoded = new Int16Array(MAX_PACKET_SAMPLES);
  #length = 0;
  #primed = false;
  #ssrc = -1;
  #lastSequence = 0;

  private constructor(decoder: OpusDecoder, counters: LegCounters) {
    this.#decoder = decoder;
    this.#counters = counters;
  }

  static async open(counters: LegCounters): Promise<DecodingUplink> {
    return new DecodingUplink(await OpusDecoder.open(), counters);
  }

  get depthMs(): number {
    return this.#length / SAMPLES_PER_MS;
  }

  insert(info: PacketInfo, payload: Uint8Array): void {
    const { ssrc, sequenceNumber } = info;
    const gap = ssrc === this.#ssrc ? ((sequenceNumber - this.#lastSequence) << 16) >> 16 : 1;
    if (gap <= 0) {
      this.#counters.late += 1;
      return;
    }
    const missing = Math.min(gap - 1, MAX_RECOVERED_PACKETS);
    this.#counters.lost += gap - 1;
    for (let i = missing; i > 0; i--) {
      const recovered = i === 1 ? this.#decoder.recover(payload, this.#decoded, FRAME_SAMPLES) : 0;
      if (recovered === 0) this.#counters.concealed += 1;
      this.#append(recovered === 0 ? this.#decoder.conceal(this.#decoded, FRAME_SAMPLES) : recovered);
    }
    this.#ssrc = ssrc;
    this.#lastSequence = sequenceNumber;
    this.#append(this.#decoder.decode(payload, this.#decoded));
  }

  pull(dst: Int16Array): FrameKind {
    this.#primed ||= this.#length >= PRIMING_SAMPLES;
    if (!this.#primed) {
      dst.fill(0);
      return FRAME_SILENCE;
    }
    if (this.#length < FRAME_SAMPLES) {
      this.#counters.underruns += 1;
      this.#primed = false;
      const made = this.#decoder.conceal(dst, FRAME_SAMPLES);
      if (made === 0) dst.fill(0);
      return made === 0 ? FRAME_SILENCE : FRAME_CONCEALED;
    }
    dst.set(this.#queue.subarray(0, FRAME_SAMPLES));
    this.#queue.copyWithin(0, FRAME_SAMPLES, this.#length);
    this.#length -= FRAME_SAMPLES;
    return FRAME_AUDIO;
  }

  describe(): string[] {
    return ['opus to 16000 Hz', `queue of up to ${MAX_DEPTH_SAMPLES / SAMPLES_PER_MS} ms`];
  }

  close(): void {
    this.#decoder.close();
  }

  #append(samples: number): void {
    if (samples === 0) return;
    if (this.#length + samples > MAX_DEPTH_SAMPLES) {
      const drop = Math.min(this.#length, FRAME_SAMPLES);
      this.#queue.copyWithin(0, drop, this.#length);
      this.#length -= drop;
      this.#counters.overruns += 1;
    }
    if (this.#length + samples > CAPACITY_SAMPLES) return;
    this.#queue.set(this.#decoded.subarray(0, samples), this.#length);
    this.#length += samples;
  }
}
