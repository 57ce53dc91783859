import { SAMPLES_PER_MS } from '../../core/units.js';
import { ClockSkew } from '../clock-skew.js';

/** Delays are counted in steps of this size. */
const STEP_MS = 2;
/** What is later than this is not waited for by anybody. */
const LIMIT_MS = 500;
const BUCKETS = LIMIT_MS / STEP_MS;
/** Packets that a memory goes back: the short one sees within a second that the network got worse, the long one forgets it in half a minute. */
const SHORT_MEMORY_PACKETS = 60;
const LONG_MEMORY_PACKETS = 500;
/**
 * Part of the packets that the target has to wait for. In the short memory three packets of a single stand-still weigh more than 5 %, so it is asked for
 * less: what happens once in a second and a half is made up for, and not waited for all the time.
 */
const QUANTILE = 0.95;
const SHORT_QUANTILE = 0.9;
/** Far from the end of what a number holds; the scales are set back every few minutes. */
const HEAVIEST = 1e100;
/** Before anything is known: as if this many packets had come so late. They are outweighed after two seconds. */
const ASSUMED_PACKETS = 5;
const ASSUMED_DELAY_MS = 30;
/**
 * The fastest packet of these last seconds is the one without delay. Longer, and a clock that is slow by 500 ppm looks like jitter; shorter, and
 * congestion looks like distance.
 */
const BASE_SLOTS = 8;
const BASE_SLOT_MS = 1000;

/**
 * Learns how late the packets of a stream come, each compared with the fastest of the last seconds, and says how long to wait for
 * 95 in 100 of them. It rises within a second and falls within half a minute. Times are of the injected clock.
 */
export class ArrivalDelay {
  readonly #short = new DelayMemory(SHORT_MEMORY_PACKETS);
  readonly #long = new DelayMemory(LONG_MEMORY_PACKETS);
  /** Smallest transit (arrival minus media time) of each of the last slots of time. */
  readonly #slots = new Float64Array(BASE_SLOTS).fill(Infinity);
  #slot = 0;
  #slotEndsAtMs = -Infinity;
  #baseMs = Infinity;
  #targetMs = ASSUMED_DELAY_MS;
  #skew = new ClockSkew();
  /** Media time of the newest packet. */
  #newestMs = -Infinity;

  /** Transit of the fastest packet: arrival minus media time; infinite before the first. */
  get baseMs(): number {
    return this.#baseMs;
  }

  /** Wait so long for a packet, from when the fastest would have come. */
  get targetMs(): number {
    return this.#targetMs;
  }

  /** By how much the sender's clock is faster than ours, in parts per million; 0 until half a minute is known. */
  get skewPpm(): number {
    return this.#skew.ppm;
  }

  /** Takes note of a packet, in any order; returns by how much it was slower than the fastest. */
  add(arrivalMs: number, mediaMs: number): number {
    const transitMs = arrivalMs - mediaMs;
    if (mediaMs > this.#newestMs) this.#noteClock(arrivalMs, mediaMs);
    if (arrivalMs >= this.#slotEndsAtMs) this.#nextSlot(arrivalMs);
    if (transitMs < (this.#slots[this.#slot] as number)) this.#slots[this.#slot] = transitMs;
    let baseMs = Infinity;
    for (let i = 0; i < BASE_SLOTS; i++) baseMs = Math.min(baseMs, this.#slots[i] as number);
    this.#baseMs = baseMs;
    const delayMs = transitMs - this.#baseMs;
    this.#short.add(delayMs);
    this.#long.add(delayMs);
    this.#targetMs = Math.max(this.#short.quantile(SHORT_QUANTILE), this.#long.quantile(QUANTILE));
    return delayMs;
  }

  /** Media time begins anew; the network is the same. */
  rebase(): void {
    this.#slots.fill(Infinity);
    this.#baseMs = Infinity;
    this.#slotEndsAtMs = -Infinity;
    this.#skew = new ClockSkew();
    this.#newestMs = -Infinity;
  }

  #noteClock(arrivalMs: number, mediaMs: number): void {
    if (Number.isFinite(this.#newestMs)) this.#skew.feed((mediaMs - this.#newestMs) * SAMPLES_PER_MS, arrivalMs);
    this.#newestMs = mediaMs;
  }

  #nextSlot(nowMs: number): void {
    // After a long pause nothing that was learned of the distance holds: the slots in between are empty.
    const slots = Number.isFinite(this.#slotEndsAtMs)
      ? Math.floor((nowMs - this.#slotEndsAtMs) / BASE_SLOT_MS) + 1
      : BASE_SLOTS;
    for (let i = 0; i < Math.min(slots, BASE_SLOTS); i++) {
      this.#slot = (this.#slot + 1) % BASE_SLOTS;
      this.#slots[this.#slot] = Infinity;
    }
    this.#slotEndsAtMs = nowMs + BASE_SLOT_MS;
  }
}

/** A histogram that forgets: each value counts a little less with every one that follows. */
class DelayMemory {
  readonly #weights = new Float64Array(BUCKETS);
  readonly #memory: number;
  /** Instead of making all old ones lighter, each new one is heavier than the last. */
  #weight = 1;
  #total = 0;

  constructor(memory: number) {
    this.#memory = memory;
    for (let i = 0; i < ASSUMED_PACKETS; i++) this.add(ASSUMED_DELAY_MS);
  }

  add(delayMs: number): void {
    const bucket = Math.min(BUCKETS - 1, Math.floor(delayMs / STEP_MS));
    this.#weights[bucket] = (this.#weights[bucket] as number) + this.#weight;
    this.#total += this.#weight;
    this.#weight *= 1 + 1 / this.#memory;
    if (this.#weight > HEAVIEST) this.#rescale();
  }

  /** Upper border of the bucket below which `part` of the weight lies. */
  quantile(part: number): number {
    let left = this.#total * (1 - part);
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
      left -= this.#weights[bucket] as number;
      if (left < 0) return (bucket + 1) * STEP_MS;
    }
    return 0;
  }

  #rescale(): void {
    for (let i = 0; i < BUCKETS; i++) this.#weights[i] = (this.#weights[i] as number) / this.#weight;
    this.#total /= this.#weight;
    this.#weight = 1;
  }
}
