import type { Clock } from '../../core/clock.js';

/**
 * A port rests so long after its call: what a PBX still sends to the last caller must not be heard by the next. FreeSWITCH ends its
 * side within a frame of the transfer or hang-up; this is for a frozen one that wakes up.
 */
const QUARANTINE_MS = 5000;

type Rest = { readonly port: number; readonly untilMs: number };

/**
 * Leases the even ports of a range; the odd one above each is the PBX's end of the same leg. The port that has rested longest is
 * leased first.
 */
export class PortPairs {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #free: Rest[] = [];
  readonly #leased = new Set<number>();

  /** @param range both included; `share` of `shares` takes every so manieth pair, so that threads never meet */
  constructor(options: {
    readonly clock: Clock;
    readonly range: readonly [first: number, last: number];
    readonly share: number;
    readonly shares: number;
  }) {
    const { clock, range, share, shares } = options;
    this.#clock = clock;
    const [first, last] = range;
    const start = first + (first % 2);
    for (let pair = share; start + 2 * pair + 1 <= last; pair += shares) {
      this.#free.push({ port: start + 2 * pair, untilMs: -Infinity });
    }
  }

  /** The even port of a pair, or null when all are in use or resting. */
  lease(): number | null {
    const next = this.#free[0];
    if (next === undefined || next.untilMs > this.#clock.nowMs()) return null;
    this.#free.shift();
    this.#leased.add(next.port);
    return next.port;
  }

  /** Idempotent. */
  release(port: number): void {
    if (this.#leased.delete(port)) this.#free.push({ port, untilMs: this.#clock.nowMs() + QUARANTINE_MS });
  }
}
