import { SAMPLES_PER_MS } from '../../core/units.js';

/** The clock of RTP timestamps, whatever rate the codec runs at (RFC 7587 §4.1). */
export const OPUS_CLOCK_RATE_HZ = 48_000;

/** No packet is longer (RFC 6716 §3.2.5, R5). */
export const MAX_PACKET_SAMPLES = 120 * SAMPLES_PER_MS;

/** Samples at 16 kHz of one frame for each of the 32 configurations (RFC 6716 table 2). */
const FRAME_SAMPLES_BY_CONFIG: readonly number[] = Array.from({ length: 32 }, (_, config) => {
  if (config < 12) return [10, 20, 40, 60].map((ms) => ms * SAMPLES_PER_MS)[config % 4] as number; // SILK
  if (config < 16) return [10, 20].map((ms) => ms * SAMPLES_PER_MS)[config % 2] as number; // hybrid
  return [2.5, 5, 10, 20].map((ms) => ms * SAMPLES_PER_MS)[config % 4] as number; // CELT
});
/** Configurations from here on are CELT alone: no forward error correction. */
const FIRST_CELT_CONFIG = 16;
/** A SILK frame codes one voice activity flag for each 20 ms, then the flag of its redundancy. */
const SILK_FRAME_SAMPLES = 20 * SAMPLES_PER_MS;

/** Length of an Opus packet in samples at 16 kHz, from its first two bytes; 0 when it is none (RFC 6716 §3.1, §3.2). */
export function opusPacketSamples(packet: Uint8Array): number {
  const toc = packet[0];
  if (toc === undefined) return 0;
  const samples = frameCount(packet) * (FRAME_SAMPLES_BY_CONFIG[toc >> 3] as number);
  return samples <= MAX_PACKET_SAMPLES ? samples : 0;
}

/**
 * Whether a packet of one frame carries a second, coarser coding of the frame before it (low bit-rate redundancy, RFC 6716 §4.2.4): the flags
 * stand uncoded in the first byte of the frame. Packets of several frames are not looked into: nobody sends them with redundancy.
 */
export function opusPacketHasRedundancy(packet: Uint8Array): boolean {
  const toc = packet[0];
  const first = packet[1];
  if (toc === undefined || first === undefined) return false;
  if (toc >> 3 >= FIRST_CELT_CONFIG || (toc & 0x03) !== 0) return false;
  const silkFrames = Math.max(1, (FRAME_SAMPLES_BY_CONFIG[toc >> 3] as number) / SILK_FRAME_SAMPLES);
  return ((first >> (7 - silkFrames)) & 1) === 1;
}

function frameCount(packet: Uint8Array): number {
  switch ((packet[0] as number) & 0x03) {
    case 0:
      return 1;
    case 3:
      return (packet[1] ?? 0) & 0x3f;
    default:
      return 2;
  }
}
