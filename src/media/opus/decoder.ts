import type { DecodeOptions, OpusDecoderHandle } from 'libopus-wasm';
import { OpusError, createDecoder } from 'libopus-wasm';
import { LinecardError } from '../../core/errors.js';
import { SAMPLE_RATE_HZ, SAMPLES_PER_MS } from '../../core/units.js';
import type { PacketDecoder } from '../packet-decoder.js';
import { MAX_PACKET_SAMPLES, opusPacketHasRedundancy, opusPacketSamples } from './packet.js';

/** The decoder makes up for a loss in steps of this length. */
const LOSS_STEP_SAMPLES = 2.5 * SAMPLES_PER_MS;

/**
 * One party's Opus decoder: any packet of RFC 6716, mono or stereo, of any bandwidth, to mono s16 at 16 kHz, with forward error correction and
 * concealment. libopus by libopus-wasm: 16 to 27 µs a frame.
 */
export class OpusDecoder implements PacketDecoder {
  readonly conceals = 'yes';
  readonly #handle: OpusDecoderHandle;
  /** Packets that the library refused. */
  broken = 0;
  #state: 'open' | 'closed' = 'open';

  private constructor(handle: OpusDecoderHandle) {
    this.#handle = handle;
  }

  /** Loads the library when it is the first; `warmUpOpus` does that before the first caller comes. */
  static async open(): Promise<OpusDecoder> {
    return new OpusDecoder(await createDecoder({ sampleRate: SAMPLE_RATE_HZ, channels: 1 }));
  }

  durationOf(payload: Uint8Array): number {
    return opusPacketSamples(payload);
  }

  decode(payload: Uint8Array, dst: Int16Array): number {
    if (opusPacketSamples(payload) === 0) {
      this.broken += 1;
      return 0;
    }
    return this.#run(payload, dst, {});
  }

  recover(next: Uint8Array, dst: Int16Array, samples: number): number {
    if (!opusPacketHasRedundancy(next)) return 0;
    // The redundancy is as long as the packet that carries it.
    if (opusPacketSamples(next) !== samples) return 0;
    return this.#run(next, dst, { decodeFec: true, frameSize: samples });
  }

  conceal(dst: Int16Array, samples: number): number {
    if (samples <= 0 || samples > MAX_PACKET_SAMPLES || samples % LOSS_STEP_SAMPLES !== 0) return 0;
    return this.#run(null, dst, { frameSize: samples });
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#handle.free();
  }

  #run(payload: Uint8Array | null, dst: Int16Array, options: DecodeOptions): number {
    if (this.#state === 'closed') throw new LinecardError('INVARIANT', 'a closed Opus decoder was given a packet');
    try {
      const samples = this.#handle.decode(payload, options);
      dst.set(samples);
      return samples.length;
    } catch (error) {
      // What the network sends is no reason to end a call.
      if (!(error instanceof OpusError)) throw error;
      this.broken += 1;
      return 0;
    }
  }
}
