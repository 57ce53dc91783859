import type { G711Codec } from './g711.js';
import { RateDoubler } from './half-band.js';
import type { PacketDecoder } from './packet-decoder.js';

/** Packets of 60 ms are the longest that phones send. */
const MAX_PACKET_CODES = 480;

const NONE = new Int16Array(0);

/** G.711 of one stream (RFC 3551 §4.5.14) to 16 kHz. It knows no redundancy and makes nothing up. */
export class G711Decoder implements PacketDecoder {
  readonly conceals = 'no';
  readonly #codec: G711Codec;
  readonly #doubler = new RateDoubler();
  readonly #samples = Array.from({ length: MAX_PACKET_CODES + 1 }, () => NONE);

  constructor(codec: G711Codec) {
    this.#codec = codec;
  }

  durationOf(payload: Uint8Array): number {
    return payload.length <= MAX_PACKET_CODES ? payload.length * 2 : 0;
  }

  decode(payload: Uint8Array, dst: Int16Array): number {
    if (this.durationOf(payload) === 0) return 0;
    const samples = this.#frameOf(payload.length);
    this.#codec.decode(payload, samples);
    return this.#doubler.process(samples, dst);
  }

  recover(): number {
    return 0;
  }

  conceal(): number {
    return 0;
  }

  close(): void {
    // Nothing is held outside.
  }

  /** A buffer of just that length, made once for each length that is met. */
  #frameOf(length: number): Int16Array {
    const known = this.#samples[length] as Int16Array;
    if (known !== NONE) return known;
    const made = new Int16Array(length);
    this.#samples[length] = made;
    return made;
  }
}
