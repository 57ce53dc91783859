import type { Clock } from '../../core/clock.js';
import type { LegId } from '../../core/ids.js';
import type { SampleRateHz } from '../../core/units.js';
import type { FrameKind, LegCloseReason, LegCounters, LegListener, MediaLeg, Playout } from '../../media/leg.js';
import { newLegCounters } from '../../media/leg.js';
import { StreamUplink } from '../../media/stream-uplink.js';
import type { Connection } from './connection.js';
import { Downlink } from './downlink.js';

/** A peer may send this many times faster than real time for as long as it likes (after stalls); more is a flood in the end. */
const CREDIT_PER_TICK = 4;
/** Digits that may come at once; then one each tick is more than a finger can do. */
const DIGIT_BURST = 32;
/** A PBX does not change the rate of a leg at all; a few changes are harmless, each of them allocates. */
const MAX_RATE_CHANGES = 8;
/** A peer that has read nothing for so long will not come back: Asterisk is frozen or its machine is gone. */
const STUCK_TICKS = 10_000 / 20;

/** What a leg needs of its connection. */
export type LegConnection = Pick<Connection, 'peer' | 'handler' | 'write' | 'earn' | 'close' | 'abort'>;

export type AudioSocketLegOptions = {
  readonly id: LegId;
  /** Owned by the leg from now on. */
  readonly connection: LegConnection;
  /** Rate of the downlink until the first audio frame of the peer tells. */
  readonly rateHz: SampleRateHz;
  readonly clock: Clock;
  readonly onClosed: () => void;
};

/** A leg over AudioSocket. The rate on the wire is the one that the peer uses, found from the kind of its frames. */
export class AudioSocketLeg implements MediaLeg {
  readonly id: LegId;
  listener: LegListener | null = null;
  readonly #connection: LegConnection;
  readonly #clock: Clock;
  readonly #onClosed: () => void;
  readonly #counters: LegCounters = newLegCounters();
  #rateHz: SampleRateHz;
  #uplink: StreamUplink;
  #downlink: Downlink;
  #rateChanges = 0;
  #digitCredit = DIGIT_BURST;
  /** Downlink frames dropped in a row. */
  #stuckTicks = 0;
  #closed = false;

  constructor(options: AudioSocketLegOptions) {
    this.id = options.id;
    this.#connection = options.connection;
    this.#clock = options.clock;
    this.#onClosed = options.onClosed;
    this.#rateHz = options.rateHz;
    this.#uplink = new StreamUplink(options.rateHz, this.#counters);
    this.#downlink = new Downlink(options.rateHz, this.#counters);
    this.#connection.handler = {
      uuid: () => this.#end('error', 'protocol', 'a second UUID came'),
      digit: (code) => this.#digit(code),
      audio: (rateHz, bytes, offset, length) => this.#audio(rateHz, bytes, offset, length),
      hangUp: () => this.#end('hangUp', 'remote', 'the peer sent a hang-up'),
      error: (code) => this.#end('hangUp', 'remote', `the peer sent an error${code === null ? '' : `, code ${code}`}`),
      closed: (reason, detail) => this.#ended(reason, detail),
    };
  }

  get codec(): string {
    return this.#rateHz === 8000 ? 'slin' : `slin${Math.floor(this.#rateHz / 1000)}`;
  }

  get wireRateHz(): SampleRateHz {
    return this.#rateHz;
  }

  get peer(): string {
    return this.#connection.peer;
  }

  get counters(): Readonly<LegCounters> {
    return this.#counters;
  }

  get playout(): Playout {
    return this.#uplink;
  }

  pull(dst: Int16Array, nowMs: number): FrameKind {
    this.#connection.earn(CREDIT_PER_TICK * this.#downlink.frameBytes);
    if (this.#digitCredit < DIGIT_BURST) this.#digitCredit += 1;
    return this.#uplink.pull(dst, nowMs);
  }

  push(src: Int16Array): void {
    if (this.#closed) return;
    const taken = this.#connection.write(this.#downlink.encode(src));
    if (taken === 'waits') this.#downlink.keep();
    if (taken !== 'no') {
      this.#counters.framesOut += 1;
      this.#stuckTicks = 0;
      return;
    }
    this.#counters.dropped += 1;
    this.#stuckTicks += 1;
    if (this.#stuckTicks >= STUCK_TICKS) this.#connection.abort('timeout', 'the peer has not read anything for 10 s');
  }

  describe(): string[] {
    const { codec, peer } = this;
    return [
      `audiosocket from ${peer}, ${codec}, ${this.#rateHz} Hz`,
      ...this.#uplink.describe(),
      ...this.#downlink.describe(),
      `audiosocket to ${peer}, ${codec}, one write a frame`,
    ];
  }

  close(reason: LegCloseReason): void {
    this.#end(reason === 'local' ? 'hangUp' : 'error', reason, 'closed by Linecard');
  }

  #end(goodbye: 'hangUp' | 'error', reason: LegCloseReason, detail: string): void {
    this.#connection.close(goodbye, reason, detail);
  }

  /** The one way out, whoever began it. */
  #ended(reason: LegCloseReason, detail: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed();
    const { listener } = this;
    this.listener = null;
    listener?.closed(reason, detail);
  }

  #audio(rateHz: SampleRateHz, bytes: Uint8Array, offset: number, length: number): void {
    if (rateHz !== this.#rateHz && !this.#changeRate(rateHz)) return;
    this.#counters.framesIn += 1;
    this.#uplink.push(bytes, offset, length, this.#clock.nowMs());
  }

  #changeRate(rateHz: SampleRateHz): boolean {
    this.#rateChanges += 1;
    if (this.#rateChanges > MAX_RATE_CHANGES) {
      this.#end('error', 'protocol', `the peer changed its rate ${this.#rateChanges} times`);
      return false;
    }
    this.#rateHz = rateHz;
    this.#uplink = new StreamUplink(rateHz, this.#counters);
    this.#downlink = new Downlink(rateHz, this.#counters);
    return true;
  }

  #digit(code: number): void {
    const digit = String.fromCharCode(code).toUpperCase();
    // Asterisk passes on whatever its channel reports, a flash hook too.
    if (!/^[0-9*#A-D]$/.test(digit) || this.#digitCredit < 1) return;
    this.#digitCredit -= 1;
    this.listener?.digit(digit, this.#clock.nowMs());
  }
}
