import { beforeAll, describe, expect, it } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { G711Decoder } from '../../src/media/g711-decoder.js';
import { pcmu } from '../../src/media/g711.js';
import { RateHalver } from '../../src/media/half-band.js';
import { JitterBuffer } from '../../src/media/jitter-buffer.js';
import { OpusDecoder } from '../../src/media/opus/decoder.js';
import { OpusEncoder } from '../../src/media/opus/encoder.js';
import { warmUpOpus } from '../../src/media/opus/warm-up.js';
import type { PacketDecoder } from '../../src/media/packet-decoder.js';
import { noCounters } from '../support/playout-run.js';
import { arrivals } from '../support/rtp-network.js';
import type { Network } from '../support/rtp-network.js';
import { snrDb, voiceLike } from '../support/voice-signal.js';

const FRAMES = 500;
const speech = voiceLike(FRAMES * FRAME_SAMPLES);

beforeAll(() => warmUpOpus());

// What libopus makes up is up to 16 dB quieter where it hears no pitch.
describe.each([
  { codec: 'opus', quieterByDb: 18 },
  { codec: 'g711', quieterByDb: 6 },
] as const)('a voice in $codec', ({ codec, quieterByDb }) => {
  it('is what was said, sample for sample what the decoder gives, while nothing is lost', async () => {
    const { heard, reference } = await carry(codec, {});
    // The delay is set in the first seconds; then nothing is touched any more.
    expect(sameFrom(heard, reference, 300, 470)).toBe(true);
  });

  it('through loss has no holes: what is made up is nearly as loud as what was lost', async () => {
    const { heard, reference, lost } = await carry(codec, { lossPercent: 5, seed: 3 });
    const delay = delayOf(heard, reference, 300);
    const seen = lost.filter((index) => index >= 300 && index < 470);
    expect(seen.length).toBeGreaterThan(5);
    for (const index of seen) {
      const from = index * FRAME_SAMPLES;
      const difference = levelDb(heard, from + delay) - levelDb(reference, from);
      expect(difference).toBeLessThan(6);
      expect(difference).toBeGreaterThan(-quieterByDb);
    }
  });
});

it('a voice in opus through loss is restored from what the next packets carry, while jitter makes the buffer wait for them', async () => {
  const { recovered, lost } = await carry('opus', { lossPercent: 5, jitterMs: 60, seed: 3 });
  expect(recovered).toBeGreaterThan(lost.length / 4);
});

/** Sends the voice through a network into a jitter buffer. `reference` is what the decoder alone makes of it. */
async function carry(
  codec: 'opus' | 'g711',
  network: Network,
): Promise<{ heard: Int16Array; reference: Int16Array; lost: number[]; recovered: number }> {
  const packets = codec === 'opus' ? encodeOpus() : encodeG711();
  const counters = noCounters();
  const buffer = new JitterBuffer({
    decoder: await decoderOf(codec),
    clockRateHz: codec === 'opus' ? 48_000 : 8000,
    counters,
  });
  const alone = await decoderOf(codec);
  const reference = new Int16Array(packets.length * FRAME_SAMPLES);
  const frame = new Int16Array(1920);
  for (const [index, packet] of packets.entries()) {
    alone.decode(packet, frame);
    reference.set(frame.subarray(0, FRAME_SAMPLES), index * FRAME_SAMPLES);
  }
  alone.close();
  const sent = arrivals(packets.length, network);
  const heard = new Int16Array((packets.length + 10) * FRAME_SAMPLES);
  let next = 0;
  for (let tick = 0; tick < packets.length + 10; tick++) {
    const nowMs = tick * FRAME_MS + 37;
    for (; (sent[next]?.arrivalMs ?? Infinity) <= nowMs; next++) {
      const { index, arrivalMs } = sent[next] as (typeof sent)[number];
      const timestamp = index * (codec === 'opus' ? 960 : 160);
      buffer.insert({ ssrc: 1, sequenceNumber: index, timestamp }, packets[index] as Uint8Array, arrivalMs);
    }
    buffer.pull(heard.subarray(tick * FRAME_SAMPLES, (tick + 1) * FRAME_SAMPLES), nowMs);
  }
  buffer.close();
  const arrived = new Set(sent.map(({ index }) => index));
  const lost = packets.flatMap((_, index) => (arrived.has(index) ? [] : [index]));
  return { heard, reference, lost, recovered: buffer.packets.recovered };
}

async function decoderOf(codec: 'opus' | 'g711'): Promise<PacketDecoder> {
  return codec === 'opus' ? await OpusDecoder.open() : new G711Decoder(pcmu);
}

function encodeOpus(): Uint8Array[] {
  const encoder = new OpusEncoder({ expectedLossPercent: 10 });
  const packets = frames().map((frame) => encoder.encode(frame));
  encoder.close();
  return packets;
}

function encodeG711(): Uint8Array[] {
  const halver = new RateHalver();
  const narrow = new Int16Array(FRAME_SAMPLES / 2);
  return frames().map((frame) => {
    halver.process(frame, narrow);
    const packet = new Uint8Array(narrow.length);
    pcmu.encode(narrow, packet);
    return packet;
  });
}

function frames(): Int16Array[] {
  return Array.from({ length: FRAMES }, (_, n) => speech.subarray(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES));
}

/** By how many samples `heard` is later than `reference`, seen in a second from frame `at` on. */
function delayOf(heard: Int16Array, reference: Int16Array, at: number): number {
  const from = at * FRAME_SAMPLES;
  const wanted = reference.subarray(from, from + 16_000);
  let best = 0;
  let bestSnr = -Infinity;
  for (let delay = -400; delay < 1600; delay++) {
    const snr = snrDb(wanted, heard.subarray(from + delay, from + delay + 16_000));
    if (snr <= bestSnr) continue;
    bestSnr = snr;
    best = delay;
  }
  return best;
}

function sameFrom(heard: Int16Array, reference: Int16Array, fromFrame: number, toFrame: number): boolean {
  const delay = delayOf(heard, reference, fromFrame);
  for (let i = fromFrame * FRAME_SAMPLES; i < toFrame * FRAME_SAMPLES; i++) {
    if (heard[i + delay] !== reference[i]) return false;
  }
  return true;
}

/** Level of a frame's worth of samples, in dB. */
function levelDb(samples: Int16Array, from: number): number {
  const energy = samples.subarray(from, from + FRAME_SAMPLES).reduce((sum, sample) => sum + sample * sample, 1);
  return 10 * Math.log10(energy / FRAME_SAMPLES);
}
