import { FRAME_MS, FRAME_SAMPLES, SAMPLES_PER_MS } from '../../src/core/units.js';
import { JitterBuffer } from '../../src/media/jitter-buffer.js';
import type { RtpHeader } from '../../src/media/jitter/stream-position.js';
import type { PacketDecoder } from '../../src/media/packet-decoder.js';
import { noCounters } from '../../test/support/playout-run.js';
import type { Arrival, Network } from '../../test/support/rtp-network.js';
import { fastestArrivalMs } from '../../test/support/rtp-network.js';
import { SpeexPlayout } from './speex-playout.js';
import { frameSnrDb, isSpeech, spectralDistanceDb } from './sound-quality.js';

/** What is learned in the first seconds is not judged. */
const SETTLING_MS = 5000;
const FIXED_DELAY_MS = 60;
/** The first packet comes at 30 ms at the earliest; ticks and packets do not fall together. */
const FIRST_TICK_MS = 37;
/** Blocks in which a hole is looked for. */
const BLOCK_SAMPLES = 10 * SAMPLES_PER_MS;
/** Quieter than what was said by so much, a block is a hole, dB. */
const HOLE_DB = 30;
/** Mean square of a block that is hardly heard anyway (-55 dBFS). */
const QUIET = (32_768 * 10 ** (-55 / 20)) ** 2;
/** 60 ms. */
const CONCEALED_PACKETS = 3;

/** Something that makes a steady sound of packets. */
export interface Playout {
  /** Media time of the next sample, milliseconds. */
  readonly playedToMs: number;
  insert(header: RtpHeader, payload: Uint8Array, arrivalMs: number): void;
  pull(dst: Int16Array, nowMs: number): unknown;
  close(): void;
}

export type System = 'linecard' | 'silence' | 'fixed60' | 'speex';

export type PlayoutFigures = {
  /** Over the frames in which something is said. */
  readonly segmentalSnrDb: number;
  readonly logSpectralDistanceDb: number;
  /** The same distance the other way round: each frame that was said against where it is heard, which tells what was cut out as well. */
  readonly saidDistanceDb: number;
  /** Part of what was said in whose place there is a hole, although no more than 60 ms were missing. */
  readonly unconcealedPercent: number;
  /** The same with the rest of longer losses, where nothing is to be made up any more. */
  readonly gapPercent: number;
  /** Part of what was said that lies beyond 60 ms of loss: the holes of a concealment without fault that ends there. */
  readonly beyondPercent: number;
  /** After the fastest packet's arrival. */
  readonly meanDelayMs: number;
  readonly p95DelayMs: number;
  /** Part of the frames that were stretched or shrunk; they have no SNR. */
  readonly stretchedPercent: number;
  readonly recovered: number;
  readonly usPerFrame: number;
};

/** Sends packets that arrive as told through a playout, and compares what is heard with `clean`, what the decoder makes of all of them. */
export function runPlayout(options: {
  readonly system: System;
  readonly decoder: PacketDecoder;
  readonly clockRateHz: number;
  readonly packets: readonly Uint8Array[];
  readonly clean: Int16Array;
  readonly arrivals: readonly Arrival[];
  readonly network: Network;
  /** Of the jitter buffer of libspeexdsp. */
  readonly speex: string | null;
}): PlayoutFigures {
  const { system, decoder, clockRateHz, packets, clean, arrivals, network } = options;
  const counters = noCounters();
  const buffer = new JitterBuffer({
    decoder: system === 'linecard' ? decoder : new SilentDecoder(decoder),
    clockRateHz,
    counters,
  });
  const ticks = packets.length - 50;
  const playout = openPlayout();
  const heard = new Int16Array(ticks * FRAME_SAMPLES);
  const startsMs = new Float64Array(ticks);
  const stretched = new Uint8Array(ticks);
  const cpuBefore = process.cpuUsage();
  const missing = missingBefore(packets.length, arrivals);
  let next = 0;
  for (let tick = 0; tick < ticks; tick++) {
    const nowMs = FIRST_TICK_MS + tick * FRAME_MS;
    for (; (arrivals[next]?.arrivalMs ?? Infinity) <= nowMs; next++) {
      const { index, arrivalMs } = arrivals[next] as Arrival;
      const header = { ssrc: 1, sequenceNumber: index & 0xffff, timestamp: (index * FRAME_MS * clockRateHz) / 1000 };
      playout.insert(header, packets[index] as Uint8Array, arrivalMs);
    }
    startsMs[tick] = playout.playedToMs;
    const changes = counters.stretched + counters.shrunk;
    playout.pull(heard.subarray(tick * FRAME_SAMPLES, (tick + 1) * FRAME_SAMPLES), nowMs);
    stretched[tick] = counters.stretched + counters.shrunk === changes ? 0 : 1;
  }
  const { user, system: kernel } = process.cpuUsage(cpuBefore);
  const usPerFrame = (user + kernel) / ticks;
  playout.close();
  return { ...judge(), recovered: buffer.packets.recovered, usPerFrame };

  function openPlayout(): Playout {
    if (system === 'fixed60') return new FixedPlayout(decoder, clockRateHz);
    if (system !== 'speex' || options.speex === null) return buffer;
    const firstTickMs = FIRST_TICK_MS;
    return new SpeexPlayout({ binary: options.speex, decoder, packets, arrivals, ticks, firstTickMs });
  }

  function saidDistanceDb(): number {
    let [sum, count] = [0, 0];
    let tick = ticks - 2;
    // From the end: what was made up while its packet was awaited is heard again, and that is where it is.
    for (let at = (startsMs[tick] as number) * SAMPLES_PER_MS; ; at -= FRAME_SAMPLES) {
      while (tick > 0 && (startsMs[tick] as number) * SAMPLES_PER_MS > at) tick -= 1;
      if (tick * FRAME_MS < SETTLING_MS) return sum / count;
      if (!isSpeech(clean, Math.round(at))) continue;
      const from = (startsMs[tick] as number) * SAMPLES_PER_MS;
      const pace = FRAME_SAMPLES / Math.max(1, (startsMs[tick + 1] as number) * SAMPLES_PER_MS - from);
      const heardAt = Math.round((tick + Math.min(1, ((at - from) * pace) / FRAME_SAMPLES)) * FRAME_SAMPLES);
      sum += spectralDistanceDb(clean, Math.round(at), heard, heardAt);
      count += 1;
    }
  }

  function judge(): Omit<PlayoutFigures, 'recovered' | 'usPerFrame'> {
    let snr = 0;
    let snrFrames = 0;
    let distance = 0;
    let speechFrames = 0;
    let blocks = 0;
    let holes = 0;
    let longHoles = 0;
    let beyond = 0;
    let changed = 0;
    const delays: number[] = [];
    for (let tick = SETTLING_MS / FRAME_MS; tick < ticks; tick++) {
      const startMs = startsMs[tick] as number;
      const heardAt = tick * FRAME_SAMPLES;
      const cleanAt = Math.round(startMs * SAMPLES_PER_MS);
      delays.push(FIRST_TICK_MS + tick * FRAME_MS - fastestArrivalMs(startMs / FRAME_MS, network));
      changed += stretched[tick] as number;
      if (!isSpeech(clean, cleanAt)) continue;
      speechFrames += 1;
      distance += spectralDistanceDb(clean, cleanAt, heard, heardAt);
      for (let at = 0; at < FRAME_SAMPLES; at += BLOCK_SAMPLES) {
        blocks += 1;
        const wanted = level(clean, cleanAt + at);
        const isBeyond = (missing[Math.floor((cleanAt + at) / FRAME_SAMPLES)] as number) > CONCEALED_PACKETS;
        if (isBeyond && wanted >= QUIET) beyond += 1;
        if (wanted < QUIET || level(heard, heardAt + at) > wanted / 10 ** (HOLE_DB / 10)) continue;
        holes += 1;
        if (isBeyond) longHoles += 1;
      }
      if (stretched[tick] === 1) continue;
      snr += frameSnrDb(clean, cleanAt, heard, heardAt);
      snrFrames += 1;
    }
    delays.sort((a, b) => a - b);
    return {
      segmentalSnrDb: snr / snrFrames,
      logSpectralDistanceDb: distance / speechFrames,
      saidDistanceDb: saidDistanceDb(),
      unconcealedPercent: (100 * (holes - longHoles)) / blocks,
      gapPercent: (100 * holes) / blocks,
      beyondPercent: (100 * beyond) / blocks,
      meanDelayMs: delays.reduce((sum, delay) => sum + delay, 0) / delays.length,
      p95DelayMs: delays[Math.floor(delays.length * 0.95)] as number,
      stretchedPercent: (100 * changed) / delays.length,
    };
  }
}

/** For each packet, how many up to it, itself counted, never came in a row. */
function missingBefore(count: number, arrived: readonly Arrival[]): Uint16Array {
  const missing = new Uint16Array(count).fill(1);
  for (const { index } of arrived) missing[index] = 0;
  for (let i = 1; i < count; i++) missing[i] = missing[i] === 0 ? 0 : (missing[i - 1] as number) + 1;
  return missing;
}

/** Mean square of a block. */
function level(samples: Int16Array, at: number): number {
  let energy = 0;
  for (let i = 0; i < BLOCK_SAMPLES; i++) energy += (samples[at + i] ?? 0) ** 2;
  return energy / BLOCK_SAMPLES;
}

/** Restores nothing and makes up silence. */
class SilentDecoder implements PacketDecoder {
  readonly conceals = 'yes';
  readonly #decoder: PacketDecoder;

  constructor(decoder: PacketDecoder) {
    this.#decoder = decoder;
  }

  durationOf(payload: Uint8Array): number {
    return this.#decoder.durationOf(payload);
  }

  decode(payload: Uint8Array, dst: Int16Array): number {
    return this.#decoder.decode(payload, dst);
  }

  recover(): number {
    return 0;
  }

  conceal(dst: Int16Array, samples: number): number {
    dst.fill(0, 0, samples);
    return samples;
  }

  close(): void {
    this.#decoder.close();
  }
}

/** What most bridges do: every packet is played 60 ms after the first one would have been, and silence where it is not there by then. */
class FixedPlayout implements Playout {
  readonly #decoder: PacketDecoder;
  readonly #msPerTick: number;
  readonly #packets = new Map<number, Uint8Array>();
  readonly #decoded = new Int16Array(1920);
  /** When the first packet is played. */
  #offsetMs: number | null = null;
  #index = 0;
  playedToMs = 0;

  constructor(decoder: PacketDecoder, clockRateHz: number) {
    this.#decoder = decoder;
    this.#msPerTick = 1000 / clockRateHz;
  }

  insert(header: RtpHeader, payload: Uint8Array, arrivalMs: number): void {
    const index = Math.round((header.timestamp * this.#msPerTick) / FRAME_MS);
    this.#offsetMs ??= arrivalMs + FIXED_DELAY_MS;
    if (index >= this.#index) this.#packets.set(index, payload);
  }

  pull(dst: Int16Array, nowMs: number): void {
    dst.fill(0);
    if (this.#offsetMs === null || nowMs < this.#offsetMs) return;
    const payload = this.#packets.get(this.#index);
    this.#packets.delete(this.#index);
    this.#index += 1;
    this.playedToMs = this.#index * FRAME_MS;
    if (payload === undefined) return;
    this.#decoder.decode(payload, this.#decoded);
    dst.set(this.#decoded.subarray(0, FRAME_SAMPLES));
  }

  close(): void {
    this.#decoder.close();
  }
}
