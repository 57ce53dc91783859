import { FRAME_SAMPLES } from '../src/core/units.js';
import { G711Decoder } from '../src/media/g711-decoder.js';
import { pcmu } from '../src/media/g711.js';
import { RateHalver } from '../src/media/half-band.js';
import { OpusDecoder } from '../src/media/opus/decoder.js';
import { OpusEncoder } from '../src/media/opus/encoder.js';
import { OPUS_CLOCK_RATE_HZ } from '../src/media/opus/packet.js';
import { warmUpOpus } from '../src/media/opus/warm-up.js';
import type { PacketDecoder } from '../src/media/packet-decoder.js';
import type { Network } from '../test/support/rtp-network.js';
import { arrivals } from '../test/support/rtp-network.js';
import { printResult, round } from './support/media-bench.js';
import type { PlayoutFigures, System } from './support/rtp-playout.js';
import { runPlayout } from './support/rtp-playout.js';
import { conversation } from './support/speech.js';
import { speexBinary } from './support/speex-playout.js';

/**
 * Speech through loss and jitter into the jitter buffer; beside it the same without concealment, a fixed buffer of 60 ms with silence for what is
 * missing, and the jitter buffer of libspeexdsp with our decoders and concealment, where that can be compiled.
 */
const SECONDS = Number(process.env['LINECARD_BENCH_SECONDS'] ?? '60');
const SKEWS_PPM = [500, -500];

type Codec = {
  readonly name: 'opus' | 'pcmu';
  readonly clockRateHz: number;
  readonly packets: readonly Uint8Array[];
  readonly clean: Int16Array;
  readonly open: () => Promise<PacketDecoder>;
};

type Verdict = {
  readonly unconcealedPercent: number;
  /** All holes, those after 60 ms of loss too, beyond those of a concealment without fault that ends after 60 ms. */
  readonly overOraclePercent: number;
  /** Mean delay beyond the smallest fixed one with which at most 1 % of the packets would come too late. */
  readonly excessDelayMs: number;
  /** Mean delay beyond what 95 of 100 packets need. */
  readonly over95Ms: number;
};

const speech = conversation(SECONDS);
const frames = Array.from({ length: Math.floor(speech.length / FRAME_SAMPLES) }, (_, n) =>
  speech.subarray(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES),
);
await warmUpOpus();
const speex = await speexBinary();
const SYSTEMS: readonly System[] = ['linecard', 'silence', 'fixed60', ...(speex === null ? [] : ['speex' as const])];
const codecs = [await opus(), await g711()];

for (const codec of codecs) {
  let worst = { unconcealedPercent: 0, overOraclePercent: -100, excessDelayMs: -Infinity, over95Ms: 0 };
  for (const manner of ['uniform', 'bursty'] as const) {
    for (const lossPercent of [1, 5, 10]) {
      for (const jitterMs of [10, 30, 60]) {
        const result = await judge(codec, { manner, lossPercent, jitterMs });
        worst = {
          unconcealedPercent: Math.max(worst.unconcealedPercent, result.unconcealedPercent),
          overOraclePercent: Math.max(worst.overOraclePercent, result.overOraclePercent),
          excessDelayMs: Math.max(worst.excessDelayMs, result.excessDelayMs),
          over95Ms: Math.max(worst.over95Ms, result.over95Ms),
        };
      }
    }
  }
  printResult({
    name: `jitter ${codec.name}, worst trace`,
    value: worst.unconcealedPercent,
    unit: '% unconcealed',
    ...worst,
  });
}

async function judge(codec: Codec, network: Network): Promise<Verdict> {
  const figures: Record<System, PlayoutFigures[]> = { linecard: [], silence: [], fixed60: [], speex: [] };
  const smallest: number[] = [];
  const for95: number[] = [];
  for (const [run, skewPpm] of SKEWS_PPM.entries()) {
    const skewed = { ...network, skewPpm, seed: run + 1 };
    const trace = arrivals(codec.packets.length, skewed);
    const delays = trace.map(({ delayMs }) => delayMs).sort((a, b) => a - b);
    smallest.push(delays[Math.floor(delays.length * 0.99)] as number);
    for95.push(delays[Math.floor(delays.length * 0.95)] as number);
    for (const system of SYSTEMS) {
      const decoder = await codec.open();
      figures[system].push(runPlayout({ ...codec, system, decoder, arrivals: trace, network: skewed, speex }));
    }
  }
  const { manner = 'uniform', lossPercent = 0, jitterMs = 0 } = network;
  const mean = (system: System, key: keyof PlayoutFigures): number =>
    round(average(figures[system].map((one) => one[key])), 2);
  const unconcealedPercent = mean('linecard', 'unconcealedPercent');
  const smallestDelayMs = round(average(smallest), 1);
  const delayMs = mean('linecard', 'meanDelayMs');
  const excessDelayMs = round(delayMs - smallestDelayMs, 1);
  const over95Ms = round(delayMs - average(for95), 1);
  const beyondPercent = mean('linecard', 'beyondPercent');
  printResult({
    name: `jitter ${codec.name}, ${manner}, ${lossPercent} % loss, ${jitterMs} ms, 500 ppm both ways`,
    value: unconcealedPercent,
    unit: '% unconcealed',
    smallestDelayMs,
    excessDelayMs,
    over95Ms,
    beyondPercent,
    p95DelayMs: mean('linecard', 'p95DelayMs'),
    stretchedPercent: mean('linecard', 'stretchedPercent'),
    recovered: mean('linecard', 'recovered'),
    usPerFrame: mean('linecard', 'usPerFrame'),
    ...Object.fromEntries(
      SYSTEMS.map((system) => [
        system,
        {
          segmentalSnrDb: mean(system, 'segmentalSnrDb'),
          logSpectralDistanceDb: mean(system, 'logSpectralDistanceDb'),
          saidDistanceDb: mean(system, 'saidDistanceDb'),
          gapPercent: mean(system, 'gapPercent'),
          delayMs: mean(system, 'meanDelayMs'),
        },
      ]),
    ),
  });
  const overOraclePercent = round(mean('linecard', 'gapPercent') - beyondPercent, 2);
  return { unconcealedPercent, overOraclePercent, excessDelayMs, over95Ms };
}

async function opus(): Promise<Codec> {
  const encoder = new OpusEncoder({ expectedLossPercent: 10 });
  const packets = frames.map((frame) => encoder.encode(frame));
  encoder.close();
  const open = (): Promise<PacketDecoder> => OpusDecoder.open();
  return { name: 'opus', clockRateHz: OPUS_CLOCK_RATE_HZ, packets, clean: await decodeAll(packets, open), open };
}

async function g711(): Promise<Codec> {
  const halver = new RateHalver();
  const packets = frames.map((frame) => {
    const narrow = new Int16Array(FRAME_SAMPLES / 2);
    halver.process(frame, narrow);
    const packet = new Uint8Array(narrow.length);
    pcmu.encode(narrow, packet);
    return packet;
  });
  const open = (): Promise<PacketDecoder> => Promise.resolve(new G711Decoder(pcmu));
  return { name: 'pcmu', clockRateHz: 8000, packets, clean: await decodeAll(packets, open), open };
}

/** What there is to hear when nothing is lost. */
async function decodeAll(packets: readonly Uint8Array[], open: () => Promise<PacketDecoder>): Promise<Int16Array> {
  const decoder = await open();
  const clean = new Int16Array(packets.length * FRAME_SAMPLES);
  const decoded = new Int16Array(1920);
  for (const [index, packet] of packets.entries()) {
    decoder.decode(packet, decoded);
    clean.set(decoded.subarray(0, FRAME_SAMPLES), index * FRAME_SAMPLES);
  }
  decoder.close();
  return clean;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
