import { FRAME_SAMPLES } from '../../core/units.js';
import { OpusDecoder } from './decoder.js';
import { MAX_PACKET_SAMPLES } from './packet.js';
import { OpusEncoder } from './encoder.js';

/** Frames after which what decodes is compiled: cold, the first packets stall the thread for 60 to 80 ms. */
const WARM_UP_FRAMES = 100;

let warm: Promise<void> | null = null;

/** Loads both libraries and runs them in, once a thread, before the first call. */
export function warmUpOpus(): Promise<void> {
  warm ??= runIn();
  return warm;
}

async function runIn(): Promise<void> {
  const decoder = await OpusDecoder.open();
  const encoder = new OpusEncoder({ expectedLossPercent: 10 });
  const frame = new Int16Array(FRAME_SAMPLES);
  const decoded = new Int16Array(MAX_PACKET_SAMPLES);
  for (let i = 0; i < WARM_UP_FRAMES; i++) {
    for (let k = 0; k < FRAME_SAMPLES; k++) frame[k] = 8000 * Math.sin((i * FRAME_SAMPLES + k) * 0.06);
    const packet = encoder.encode(frame);
    decoder.decode(packet, decoded);
    if (i % 5 === 0) decoder.conceal(decoded, FRAME_SAMPLES);
    if (i % 5 === 1) decoder.recover(packet, decoded, FRAME_SAMPLES);
  }
  encoder.close();
  decoder.close();
}
