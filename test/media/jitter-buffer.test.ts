import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { JitterBuffer } from '../../src/media/jitter-buffer.js';
import type { FrameKind, LegCounters } from '../../src/media/leg.js';
import { FRAME_AUDIO, FRAME_SILENCE } from '../../src/media/leg.js';
import type { PacketDecoder } from '../../src/media/packet-decoder.js';
import { noCounters } from '../support/playout-run.js';
import type { Network } from '../support/rtp-network.js';
import { arrivals, fastestArrivalMs } from '../support/rtp-network.js';

const SSRC = 0xcafe;
/** In samples that were never written. */
const UNWRITTEN = 31_313;
const MADE_UP = 1;
/** Ticks and packets do not fall together. */
const TICK_PHASE_MS = 7;

/** A codec whose every sample is the number of its packet, from 100 on, and whose made up samples are all the same. */
class NumberDecoder implements PacketDecoder {
  readonly conceals = 'yes';
  readonly decoded: number[] = [];
  readonly recovered: number[] = [];
  redundancy: 'yes' | 'no' = 'no';
  concealedSamples = 0;
  closed = 0;

  durationOf(payload: Uint8Array): number {
    return payload.length === 2 ? FRAME_SAMPLES : (payload[2] ?? 0) * 16;
  }

  decode(payload: Uint8Array, dst: Int16Array): number {
    if (payload[3] === 1) return 0;
    const index = numberOf(payload);
    this.decoded.push(index);
    dst.fill(100 + (index % 30_000), 0, this.durationOf(payload));
    return this.durationOf(payload);
  }

  recover(next: Uint8Array, dst: Int16Array, samples: number): number {
    if (this.redundancy === 'no') return 0;
    this.recovered.push(numberOf(next) - 1);
    dst.fill(100 + numberOf(next) - 1, 0, samples);
    return samples;
  }

  conceal(dst: Int16Array, samples: number): number {
    expect(samples % 40).toBe(0);
    this.concealedSamples += samples;
    dst.fill(MADE_UP, 0, samples);
    return samples;
  }

  close(): void {
    this.closed += 1;
  }
}

let decoder: NumberDecoder;
let buffer: JitterBuffer;
let counters: LegCounters;
let frame: Int16Array;

function open(): void {
  decoder = new NumberDecoder();
  counters = noCounters();
  buffer = new JitterBuffer({ decoder, clockRateHz: 48_000, counters });
}

beforeEach(() => {
  open();
  frame = new Int16Array(FRAME_SAMPLES);
});

describe('a steady stream', () => {
  it('is played packet by packet, with nothing made up and little delay', () => {
    const heard = play(500, {});
    expect(decoder.decoded).toEqual(range(0, 500));
    expect(counters).toMatchObject({ lost: 0, late: 0 });
    expect(madeUp(heard)).toBe(0);
    expect(Math.max(...heard.slice(100, 480).map(({ delayMs }) => delayMs))).toBeLessThanOrEqual(FRAME_MS + 2);
  });

  it('is silence before it begins and after it has ended', () => {
    expect(pull(0)).toBe(FRAME_SILENCE);
    const heard = play(50, {}, { extraFrames: 80 });
    expect(heard.at(-1)?.kind).toBe(FRAME_SILENCE);
    expect([...frame]).toEqual(new Array(FRAME_SAMPLES).fill(0));
  });

  it('may have any first numbers and wrap them', () => {
    const heard = play(500, {}, { sequence: 65_400, timestamp: 0xffff_0000 });
    expect(decoder.decoded).toEqual(range(0, 500));
    expect({ ...counters, ...buffer.packets }).toMatchObject({ lost: 0, restarts: 0 });
    expect(madeUp(heard)).toBe(0);
  });

  it.each([10, 40, 60])('may have packets of %d ms', (ptimeMs) => {
    const heard = play(300, { ptimeMs });
    expect(decoder.decoded).toEqual(range(0, 300));
    expect(madeUp(heard)).toBe(0);
  });
});

describe('a network that jitters', () => {
  it.each([10, 30, 60])('by up to %d ms is waited for as long as 95 of 100 packets need', (jitterMs) => {
    const heard = play(3000, { jitterMs });
    const delays = heard.slice(500).map(({ delayMs }) => delayMs);
    expect(mean(delays)).toBeGreaterThan(jitterMs * 0.9);
    // A tick is 20 ms, half of which is lost on average.
    expect(mean(delays)).toBeLessThan(jitterMs + 20);
    expect(counters.late + counters.lost).toBeLessThan(3000 * 0.05);
  });

  it('and swaps packets, has them put in order', () => {
    play(1000, { jitterMs: 60 });
    expect(decoder.decoded).toEqual([...decoder.decoded].sort((a, b) => a - b));
    expect(decoder.decoded.length).toBeGreaterThan(930);
  });

  it('is given less time again when it gets better, slowly', () => {
    const bad = arrivals(1000, { jitterMs: 60 });
    const good = arrivals(4000, { jitterMs: 2 }).map(({ index, arrivalMs }) => ({
      index: index + 1000,
      arrivalMs: arrivalMs + 20_000,
    }));
    const heard = run([...bad, ...good], 4990);
    const delayAt = (seconds: number): number =>
      mean(heard.slice(seconds * 50, seconds * 50 + 25).map(({ delayMs }) => delayMs));
    expect(delayAt(19)).toBeGreaterThan(50);
    expect(delayAt(22)).toBeGreaterThan(30);
    expect(delayAt(85)).toBeLessThan(25);
  });

  it('stands still once, and the delay that this took is given back', () => {
    const all = arrivals(1000, {}).map(({ index, arrivalMs }) => ({
      index,
      arrivalMs: index >= 500 && index < 510 ? Math.max(arrivalMs, 510 * 20 + 30) : arrivalMs,
    }));
    const heard = run(all, 1000);
    expect(decoder.decoded).toEqual(range(0, 1000));
    expect(Math.max(...heard.slice(500, 515).map(({ delayMs }) => delayMs))).toBeGreaterThan(100);
    expect(heard[900]?.delayMs).toBeLessThan(40);
  });

  it('stands still every second and a half for 60 ms, and is not waited for by so much all the time', () => {
    const all = arrivals(3000, {}).map(({ index, arrivalMs }) => {
      const opensAtMs = Math.floor(index / 75) * 1500 + 30 + 60;
      return { index, arrivalMs: Math.max(arrivalMs, opensAtMs) };
    });
    const delays = run(all, 3000)
      .slice(500)
      .map(({ delayMs }) => delayMs);
    expect(decoder.decoded).toEqual(range(0, 3000));
    // 8 ms, and 18 if the delay of each stand-still were taken out of the speech after it.
    expect(mean(delays)).toBeLessThan(12);
    expect(counters.shrunk).toBeGreaterThan(30);
  });
});

describe('a sender whose clock is off', () => {
  it.each([500, -500])('by %d ppm is followed for ten minutes, neither running full nor dry', (skewPpm) => {
    const count = 30_000;
    const heard = play(count, { skewPpm, jitterMs: 5 });
    expect(counters.overruns).toBe(0);
    expect(Math.abs(buffer.skewPpm - skewPpm)).toBeLessThan(20);
    // 0.3 s of difference is made up by stretching, not by losing.
    expect(decoder.decoded.length).toBeGreaterThan(count - 50);
    expect(Math.max(...heard.slice(500, count - 500).map(({ delayMs }) => delayMs))).toBeLessThan(70);
    const changed = skewPpm > 0 ? counters.shrunk : counters.stretched;
    expect(changed).toBeGreaterThan(10);
    expect(changed).toBeLessThan(500);
  });
});

describe('a lost packet', () => {
  it('is made up for and the next one comes at its time', () => {
    const heard = run(
      arrivals(600, {}).filter(({ index }) => index !== 500),
      600,
    );
    expect({ ...counters, ...buffer.packets }).toMatchObject({ lost: 1, late: 0, recovered: 0 });
    // A packet's worth, which may lie in two frames.
    expect([1, 2]).toContain(madeUp(heard));
    expect(heard[550]?.delayMs).toBeCloseTo(heard[490]?.delayMs ?? 0);
  });

  it('is restored from the next one where that is there in time', () => {
    decoder.redundancy = 'yes';
    // The jitter makes the buffer wait so long that the next packet is there.
    play(500, { jitterMs: 60 });
    const before = buffer.packets.recovered;
    expect(before).toBe(decoder.recovered.length);
    open();
    decoder.redundancy = 'yes';
    run(
      arrivals(1000, { jitterMs: 60 }).filter(({ index }) => index !== 800),
      1000,
    );
    expect(decoder.recovered).toContain(800);
    expect(decoder.decoded).not.toContain(800);
    expect(buffer.packets.recovered).toBe(decoder.recovered.length);
  });

  it('that comes after its turn is late and not lost; the one that comes twice is a duplicate', () => {
    const all = arrivals(200, {});
    const moved = all.map((arrival) => (arrival.index === 100 ? { ...arrival, arrivalMs: 105 * 20 + 30 } : arrival));
    run([...moved, ...all.filter(({ index }) => index % 10 === 5)], 200);
    expect({ ...counters, ...buffer.packets }).toMatchObject({ late: 1, lost: 0, duplicates: 20 });
    expect(decoder.decoded).not.toContain(100);
  });

  it('among thirty in a row has faded away, and the stream goes on at its time', () => {
    const heard = run(
      arrivals(400, {}).filter(({ index }) => index < 200 || index >= 230),
      400,
    );
    expect(counters.lost).toBe(30);
    expect(heard.filter(({ kind }) => kind === FRAME_SILENCE).length).toBeGreaterThan(20);
    expect(heard[390]?.delayMs).toBeCloseTo(heard[190]?.delayMs ?? 0);
  });

  it('because its bytes are broken is made up for, too', () => {
    const heard = run(arrivals(200, {}), 200, { broken: 100 });
    expect({ ...counters, ...buffer.packets }).toMatchObject({ broken: 1, lost: 1 });
    // A packet's worth, which may lie in two frames.
    expect([1, 2]).toContain(madeUp(heard));
  });
});

describe('a sender that pauses', () => {
  it('and does not count on is silence, and nothing is lost', () => {
    const talk = arrivals(100, {});
    const later = talk.map(({ index, arrivalMs }) => ({ index: index + 100, arrivalMs: arrivalMs + 100 * 20 + 5000 }));
    const heard = run([...talk, ...later], 450);
    expect(decoder.decoded).toEqual(range(0, 200));
    expect(counters.lost).toBe(0);
    expect(heard[250]?.kind).toBe(FRAME_SILENCE);
    expect(heard[440]?.kind).toBe(FRAME_AUDIO);
  });

  it('and counts its timestamps on (DTX) is silence that keeps its length', () => {
    // A packet of silence, then one every 400 ms, then speech again.
    const sent = range(0, 400).filter((index) => index <= 100 || index >= 300 || index % 20 === 0);
    const heard = run(
      sent.map((index) => ({ index, arrivalMs: index * 20 + 30 })),
      400,
      { sequenceOf: (index) => sent.indexOf(index), silent: [100] },
    );
    expect(decoder.decoded).toEqual(sent);
    expect(counters).toMatchObject({ lost: 0, late: 0 });
    expect(counters.concealed).toBeLessThan(3);
    expect(heard[250]?.kind).toBe(FRAME_SILENCE);
    expect(heard[390]?.delayMs).toBeLessThanOrEqual(FRAME_MS + 2);
  });
});

describe('another stream', () => {
  it('under another SSRC takes over within two packets', () => {
    run(arrivals(100, {}), 90);
    const second = arrivals(100, {}).map(({ index, arrivalMs }) => ({ index, arrivalMs: arrivalMs + 2000 }));
    decoder.decoded.length = 0;
    run(second, 180, { ssrc: 99, sequence: 7000, timestamp: 123, from: 90 });
    expect(buffer.packets.restarts).toBe(1);
    expect(decoder.decoded.length).toBeGreaterThan(75);
  });

  it('of timestamps that jump is played on', () => {
    run(arrivals(100, {}), 90);
    const second = arrivals(100, {}).map(({ index, arrivalMs }) => ({
      index: index + 100,
      arrivalMs: arrivalMs + 2000,
    }));
    run(second, 180, { timestamp: 0x7000_0000, from: 90 });
    expect(buffer.packets.restarts).toBe(1);
    expect(decoder.decoded.slice(-10)).toEqual(range(decoder.decoded.at(-10) as number, 10));
  });
});

describe('timestamps that jump before anything was played', () => {
  // Found by the fuzz: the second packet was taken for the end of a pause of ten hours.
  it('are a new stream', () => {
    insert(0, 0);
    insert(1, 0, { timestamp: 0x7000_0000 });
    expect(buffer.packets.restarts).toBe(1);
    for (let nowMs = 0; nowMs < 200; nowMs += FRAME_MS) {
      pull(nowMs);
      expect(buffer.depthMs).toBeLessThanOrEqual(FRAME_MS);
    }
    expect(decoder.decoded).toEqual([1]);
  });
});

describe('a thread that stood still', () => {
  it('for a second skips what piled up instead of playing it late for ever', () => {
    const heard: number[] = [];
    const all = arrivals(400, {});
    for (let tick = 0, next = 0; tick < 400; tick++) {
      const nowMs = tick * FRAME_MS + TICK_PHASE_MS + 30;
      for (; (all[next]?.arrivalMs ?? Infinity) <= nowMs; next++) insert(all[next]?.index ?? 0, nowMs);
      if (tick >= 200 && tick < 250) continue;
      pull(nowMs);
      heard.push(delayOf(nowMs));
    }
    expect(counters.overruns).toBeGreaterThan(30);
    expect(heard.at(-1)).toBeLessThan(60);
  });
});

describe('whatever comes', () => {
  const packet = fc.record({
    index: fc.integer({ min: 0, max: 120 }),
    arrivalMs: fc.integer({ min: 0, max: 3000 }),
    ssrc: fc.constantFrom(SSRC, SSRC, SSRC, SSRC, 5),
    ptimeMs: fc.constantFrom(20, 20, 20, 0, 5, 60, 120),
    broken: fc.constantFrom(0, 0, 0, 1),
  });

  it('each frame is written whole, from nothing but what was decoded or made up, in the order of the stream', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 300 }), (packets) => {
        open();
        const queue = [...packets].sort((a, b) => a.arrivalMs - b.arrivalMs);
        let inserted = 0;
        for (let nowMs = 0; nowMs < 4000; nowMs += FRAME_MS) {
          for (; (queue[inserted]?.arrivalMs ?? Infinity) <= nowMs; inserted++) {
            const { index, ssrc, ptimeMs, broken } = queue[inserted] as (typeof queue)[number];
            const header = {
              ssrc,
              sequenceNumber: (65_500 + index) & 0xffff,
              timestamp: (0xffff_f000 + index * 960) >>> 0,
            };
            buffer.insert(header, payloadOf(index, ptimeMs, broken), nowMs);
          }
          pull(nowMs);
          expect(buffer.depthMs).toBeGreaterThanOrEqual(0);
          expect(buffer.depthMs).toBeLessThan(6000);
        }
        expect(buffer.packets.packetsIn).toBe(inserted);
        for (const count of Object.values({ ...counters, ...buffer.packets })) expect(count).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('once each, packets of a stream are decoded in their order, for any order of arrival', () => {
    const delays = fc.array(fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constant(null)), {
      minLength: 50,
      maxLength: 150,
    });
    fc.assert(
      fc.property(delays, (plan) => {
        open();
        const sent = plan.flatMap((delayMs, index) =>
          delayMs === null ? [] : [{ index, arrivalMs: index * 20 + delayMs }],
        );
        run(sent, plan.length + 20);
        const { late, lost, overruns } = counters;
        const { duplicates } = buffer.packets;
        expect(decoder.decoded).toEqual([...new Set(decoder.decoded)].sort((a, b) => a - b));
        expect(decoder.decoded.length + late + duplicates + overruns).toBe(sent.length);
        expect(lost).toBeLessThanOrEqual(plan.filter((delayMs) => delayMs === null).length);
      }),
    );
  });
});

it('closes its decoder once, and is silence then', () => {
  play(50, {});
  buffer.close();
  buffer.close();
  insert(60, 1300);
  expect(pull(1300)).toBe(FRAME_SILENCE);
  expect([...frame]).toEqual(new Array(FRAME_SAMPLES).fill(0));
  expect(decoder.closed).toBe(1);
});

type Heard = { readonly kind: FrameKind; readonly delayMs: number };
type Numbering = {
  readonly ssrc?: number;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly sequenceOf?: (index: number) => number;
  readonly ptimeMs?: number;
  readonly broken?: number;
  /** Packets that say that there is nothing to hear. */
  readonly silent?: readonly number[];
  /** Tick to begin at. */
  readonly from?: number;
};

/** Sends `count` packets through a network and pulls as long as they last. */
function play(count: number, network: Network, options: Numbering & { readonly extraFrames?: number } = {}): Heard[] {
  const { ptimeMs = 20 } = network;
  const frames = Math.floor((count * ptimeMs) / FRAME_MS) + (options.extraFrames ?? 0);
  skewPpm = network.skewPpm ?? 0;
  const heard = run(arrivals(count, network), frames + 4, { ...options, ptimeMs });
  skewPpm = 0;
  return heard;
}

let skewPpm = 0;

function run(sent: readonly { index: number; arrivalMs: number }[], ticks: number, numbering: Numbering = {}): Heard[] {
  const queue = [...sent].sort((a, b) => a.arrivalMs - b.arrivalMs);
  const heard: Heard[] = [];
  let next = 0;
  for (let tick = numbering.from ?? 0; tick < ticks; tick++) {
    const nowMs = tick * FRAME_MS + TICK_PHASE_MS + 30;
    for (; (queue[next]?.arrivalMs ?? Infinity) <= nowMs; next++) {
      const { index, arrivalMs } = queue[next] as { index: number; arrivalMs: number };
      insert(index, arrivalMs, numbering);
    }
    const delayMs = delayOf(nowMs);
    heard.push({ kind: pull(nowMs), delayMs });
  }
  return heard;
}

/** Frames that were made up, without the last ones: there, nothing comes any more. */
function madeUp(heard: readonly Heard[]): number {
  return heard.slice(5, -12).filter(({ kind }) => kind !== FRAME_AUDIO).length;
}

/** How late the next sample will be played, against the fastest packet. */
function delayOf(nowMs: number): number {
  return nowMs - fastestArrivalMs(buffer.playedToMs / 20, { skewPpm });
}

function insert(index: number, arrivalMs: number, numbering: Numbering = {}): void {
  const {
    ssrc = SSRC,
    sequence = 0,
    timestamp = 0,
    sequenceOf = (i: number) => i,
    ptimeMs = 20,
    broken,
    silent = [],
  } = numbering;
  const header = {
    ssrc,
    sequenceNumber: (sequence + sequenceOf(index)) & 0xffff,
    timestamp: (timestamp + index * ptimeMs * 48) >>> 0,
  };
  const payload = payloadOf(index, ptimeMs, index === broken ? 1 : 0);
  buffer.insert(header, silent.includes(index) ? payload.subarray(0, 2) : payload, arrivalMs);
}

function payloadOf(index: number, ptimeMs: number, broken: number): Uint8Array {
  return Uint8Array.of(index >> 8, index & 0xff, ptimeMs, broken);
}

function numberOf(payload: Uint8Array): number {
  return ((payload[0] as number) << 8) | (payload[1] as number);
}

/** Pulls a frame and sees that all of it was written. */
function pull(nowMs: number): FrameKind {
  frame.fill(UNWRITTEN);
  const kind = buffer.pull(frame, nowMs);
  expect(frame.includes(UNWRITTEN)).toBe(false);
  return kind;
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
