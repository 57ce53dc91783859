import type { Clock } from '../../core/clock.js';

/**
 * A port rests so long after its call: what a PBX still sends to the last caller must not be heard by the next. FreeSWITCH ends its
 * side within a frame of the transfer or hang-up; this is for a frozen one that wakes up.
 */
const QUARANTINE_MS = 5000;

/** A port that another program has; trying it costs a call. */
const TAKEN_MS = 60_000;

type Rest = { readonly port: number; readonly untilMs: number };

/**
 * Leases the even ports of a range; the odd one above each is the PBX's end of the same leg. The port that has rested longest is
 * leased first; which one begins is chance: a PBX may still send to the ports that a process of ours had which is gone.
 */
export class PortPairs {
  readonly #clock: Clock;
  /** Those released last are at the end. */
  readonly #free: Rest[] = [];
  readonly #leased = new Set<number>();

  /** @param range both included; `share` of `shares` takes every so manieth pair, so that threads never meet */
  constructor(options: {
    readonly clock: Clock;
    readonly range: readonly [first: number, last: number];
    readonly share: number;
    readonly shares: number;
    /** Between 0 and 1; for tests. */
    readonly random?: () => number;
  }) {
    const { clock, range, share, shares, random = Math.random } = options;
    this.#clock = clock;
    const [first, last] = range;
    const start = first + (first % 2);
    for (let pair = share; start + 2 * pair + 1 <= last; pair += shares) {
      this.#free.push({ port: start + 2 * pair, untilMs: -Infinity });
    }
    this.#free.push(...this.#free.splice(0, Math.floor(random() * this.#free.length)));
  }

  /** The even port of a pair, or null when all are in use or resting. */
  lease(): number | null {
    const nowMs = this.#clock.nowMs();
    const index = this.#free.findIndex(({ untilMs }) => untilMs <= nowMs);
    const [next] = index < 0 ? [] : this.#free.splice(index, 1);
    if (next === undefined) return null;
    this.#leased.add(next.port);
    return next.port;
  }

  /** `taken`: it could not be opened. Idempotent. */
  release(port: number, how: 'used' | 'taken' = 'used'): void {
    if (!this.#leased.delete(port)) return;
    this.#free.push({ port, untilMs: this.#clock.nowMs() + (how === 'used' ? QUARANTINE_MS : TAKEN_MS) });
  }
}
