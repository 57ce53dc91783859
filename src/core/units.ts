/** Length of a frame everywhere inside Linecard. Asterisk's AudioSocket speaks 20 ms only. */
export const FRAME_MS = 20;
/** Inside, audio is mono s16 at this rate: wideband telephony without a second resampler for most providers. */
export const SAMPLE_RATE_HZ = 16_000;
/** Samples of one frame inside: 320. */
export const FRAME_SAMPLES = (SAMPLE_RATE_HZ * FRAME_MS) / 1000;
/** Samples of one millisecond inside. */
export const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1000;

/** The rates that a wire of ours can carry (AudioSocket kinds 0x10 to 0x18, RTP clock rates). */
export type SampleRateHz = 8000 | 12_000 | 16_000 | 24_000 | 32_000 | 44_100 | 48_000 | 96_000 | 192_000;

/** Samples of a 20 ms frame at a rate; every rate of ours gives a whole number. */
export function samplesPerFrame(rateHz: SampleRateHz): number {
  return (rateHz * FRAME_MS) / 1000;
}
