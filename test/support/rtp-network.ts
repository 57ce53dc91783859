import { randomFrom } from './random.js';

/** What a network does to packets that leave every 20 ms. */
export type Network = {
  /** Packets lost in 100. `bursty`: three in a row on average. */
  readonly lossPercent?: number;
  /** uniform: each packet is delayed by anything up to this. bursty: now and then the network stands still for this long and delivers all at once. */
  readonly jitterMs?: number;
  readonly manner?: 'uniform' | 'bursty';
  /** By which the sender's clock is faster than ours. */
  readonly skewPpm?: number;
  readonly seed?: number;
  readonly ptimeMs?: number;
};

export type Arrival = {
  /** Place in the stream, from 0. */
  readonly index: number;
  readonly arrivalMs: number;
  /** By how much it was slower than the fastest way. */
  readonly delayMs: number;
};

/** Packets that leave together with the first after each stand-still are those of this many milliseconds. */
const BURST_LENGTH_PACKETS = 3;
const STAND_STILLS_PER_SECOND = 0.7;
const TRANSIT_MS = 30;

/** When each of `count` packets comes, those that are lost left out, in the order of arrival. */
export function arrivals(count: number, network: Network): Arrival[] {
  const { lossPercent = 0, jitterMs = 0, manner = 'uniform', skewPpm = 0, seed = 1, ptimeMs = 20 } = network;
  const random = randomFrom(seed);
  const lost = losses(count, lossPercent / 100, manner, random);
  let openAtMs = 0;
  const all = Array.from({ length: count }, (_, index): Arrival => {
    const leavesMs = index * ptimeMs * (1 - skewPpm / 1e6);
    let delayMs = random() * jitterMs;
    if (manner === 'bursty') {
      if (leavesMs >= openAtMs && random() < (STAND_STILLS_PER_SECOND * ptimeMs) / 1000) openAtMs = leavesMs + jitterMs;
      // A stand-still delivers in order; around it the way is nearly steady.
      delayMs = Math.max(openAtMs - leavesMs, 0) + random() * 2;
    }
    return { index, arrivalMs: leavesMs + TRANSIT_MS + delayMs, delayMs };
  });
  return all.filter(({ index }) => !lost.has(index)).sort((a, b) => a.arrivalMs - b.arrivalMs);
}

/** The time from a packet's leaving, on our clock, to its coming by the fastest way. */
export function fastestArrivalMs(index: number, network: Network): number {
  const { skewPpm = 0, ptimeMs = 20 } = network;
  return index * ptimeMs * (1 - skewPpm / 1e6) + TRANSIT_MS;
}

/** Gilbert's model: a good state without loss and a bad one in which all is lost. */
function losses(count: number, part: number, manner: 'uniform' | 'bursty', random: () => number): Set<number> {
  const lost = new Set<number>();
  const length = manner === 'bursty' ? BURST_LENGTH_PACKETS : 1;
  let bad = false;
  for (let index = 0; index < count; index++) {
    if (manner === 'uniform') bad = random() < part;
    else bad = bad ? random() >= 1 / length : random() < part / length / (1 - part);
    if (bad) lost.add(index);
  }
  return lost;
}
