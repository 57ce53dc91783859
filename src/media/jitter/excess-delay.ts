import { FRAME_MS, FRAME_SAMPLES, SAMPLES_PER_MS } from '../../core/units.js';

/** Delay is given back only when this much more than a frame is left over: the target moves in small steps. */
const HYSTERESIS_MS = 4;

/**
 * How much later than needed the sound is played, in milliseconds; negative when it is played too early to wait for the packets that the target
 * asks for.
 *
 * Packets are needed at ticks only: when fewer than a frame is decoded. So the wait can be had in steps of a frame, and whatever is decoded
 * beyond whole frames is delay that buys nothing. Arguments one by one, since an object would be made for each frame.
 * @param slackMs since when the next packet to be decoded could have come: now, minus its media time, minus the transit of the fastest packet
 * @param targetMs how long to wait for a packet
 * @param decodedSamples decoded, and waiting to be played
 * @param packetSamples length of a packet
 */
export function excessDelayMs(
  slackMs: number,
  targetMs: number,
  decodedSamples: number,
  packetSamples: number,
): number {
  const wholeFrames = Math.floor(decodedSamples / FRAME_SAMPLES);
  // Of packets shorter than a frame, the last of a frame has to be there at the tick as well.
  const waitMs = slackMs + wholeFrames * FRAME_MS - Math.max(0, FRAME_SAMPLES - packetSamples) / SAMPLES_PER_MS;
  const overMs = decodedSamples / SAMPLES_PER_MS - wholeFrames * FRAME_MS;
  const spareMs = waitMs - targetMs;
  const spareFrames = Math.floor(spareMs < 0 ? spareMs / FRAME_MS : Math.max(0, spareMs - HYSTERESIS_MS) / FRAME_MS);
  return spareFrames * FRAME_MS + overMs;
}
