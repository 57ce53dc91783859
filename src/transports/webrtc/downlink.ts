import { FRAME_MS } from '../../core/units.js';
import type { Peer } from './peer.js';

/** RFC 7587 §4.1: the RTP clock of Opus is 48 kHz at every sample rate. */
const TIMESTAMP_STEP = 48 * FRAME_MS;
/** A packet of discontinuous transmission has no frame in it, only the byte that says so. */
const EMPTY_PACKET_BYTES = 2;
/** Every 400 ms of silence one packet goes out, as Opus itself does it: the path stays open, the noise floor is kept. */
const SILENT_TICKS = 400 / FRAME_MS;

/** What the downlink needs of an encoder (`OpusEncoder`, with discontinuous transmission on). */
export interface FrameEncoder {
  /** One frame, mono s16, 16 kHz, 320 samples, to a packet. */
  encode(frame: Int16Array): Uint8Array;
  setExpectedLossPercent(percent: number): void;
  close(): void;
}

/**
 * Frames of 16 kHz made into Opus packets. Most of a call the agent is silent: then the encoder, the costliest part of a browser's leg, is asked
 * twice a second and next to nothing is sent.
 */
export class Downlink {
  readonly #encoder: FrameEncoder;
  #sequenceNumber = 0;
  #timestamp = 0;
  /** Ticks since the last packet that went out while the encoder says that nothing is to be heard; 0 in a talkspurt. */
  #silentTicks = 0;

  constructor(encoder: FrameEncoder) {
    this.#encoder = encoder;
  }

  /** Sends one frame, or nothing when there is nothing to hear. */
  push(src: Int16Array, peer: Peer): void {
    const timestamp = this.#timestamp;
    this.#timestamp = (timestamp + TIMESTAMP_STEP) >>> 0;
    if (this.#silentTicks > 0 && this.#silentTicks < SILENT_TICKS && isSilent(src)) {
      this.#silentTicks += 1;
      return;
    }
    const packet = this.#encoder.encode(src);
    const empty = packet.length <= EMPTY_PACKET_BYTES;
    const wasSilent = this.#silentTicks > 0;
    this.#silentTicks = empty ? 1 : 0;
    // The marker tells the jitter buffer where a talkspurt begins (RFC 3551 §4.1).
    peer.sendAudio(packet, { sequenceNumber: this.#sequenceNumber, timestamp, marker: wasSilent && !empty });
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
  }

  /** What the other side reports; more loss, more redundancy. */
  setLossPercent(percent: number): void {
    this.#encoder.setExpectedLossPercent(percent);
  }

  close(): void {
    this.#encoder.close();
  }
}

function isSilent(frame: Int16Array): boolean {
  for (const sample of frame) if (sample !== 0) return false;
  return true;
}
