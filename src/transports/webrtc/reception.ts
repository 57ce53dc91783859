/** One sender's packets as RFC 3550 counts them, and as a report block tells it (§6.4.1). */
export type ReceptionReport = {
  /** Of the packets since the last report, in 1/256. */
  readonly fractionLost: number;
  /** Since the first packet; not below zero, whatever came twice. */
  readonly packetsLost: number;
  /** With the rounds of the 16 bit counter. */
  readonly highestSequence: number;
  /** In the clock of the stream. */
  readonly jitter: number;
};

const ROUND = 0x1_0000;
const HALF = 0x8000;

/** Loss and jitter of what one sender sends us (RFC 3550 appendices A.3 and A.8). */
export class Reception {
  readonly ssrc: number;
  readonly #clockRateHz: number;
  #first = -1;
  #highest = -1;
  #received = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;
  #transit: number | null = null;
  #jitter = 0;

  constructor(ssrc: number, clockRateHz: number) {
    this.ssrc = ssrc;
    this.#clockRateHz = clockRateHz;
  }

  /** Of all packets that should have come since the first, percent. */
  get lossPercent(): number {
    const expected = this.#expected;
    return expected === 0 ? 0 : (Math.max(0, expected - this.#received) * 100) / expected;
  }

  get jitterMs(): number {
    return (this.#jitter * 1000) / this.#clockRateHz;
  }

  /** An authentic packet came. */
  add(sequenceNumber: number, timestamp: number, arrivalMs: number): void {
    this.#received += 1;
    if (this.#highest < 0) {
      this.#first = sequenceNumber;
      this.#highest = sequenceNumber;
    } else {
      const ahead = (sequenceNumber - (this.#highest % ROUND) + ROUND) % ROUND;
      if (ahead < HALF) this.#highest += ahead;
    }
    // Differences of 32 bit counters that go round: `| 0` keeps them small and signed.
    const transit = (Math.round((arrivalMs * this.#clockRateHz) / 1000) - timestamp) | 0;
    if (this.#transit !== null) {
      this.#jitter += (Math.abs((transit - this.#transit) | 0) - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  /** What is to be told; the fraction is of what came since the last time. */
  report(): ReceptionReport {
    const expected = this.#expected;
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = expectedNow - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    return {
      fractionLost: expectedNow <= 0 || lostNow <= 0 ? 0 : Math.min(255, Math.floor((lostNow * 256) / expectedNow)),
      packetsLost: Math.max(0, expected - this.#received),
      highestSequence: Math.max(0, this.#highest) >>> 0,
      jitter: Math.round(this.#jitter),
    };
  }

  get #expected(): number {
    return this.#highest < 0 ? 0 : this.#highest - this.#first + 1;
  }
}
