import type { Socket } from 'node:dgram';
import { newLegId } from '../../src/core/ids.js';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import type { Ticked } from '../../src/media/ticker.js';
import { UnicastLeg } from '../../src/transports/unicast/leg.js';
import { datagramFormat } from '../../src/transports/unicast/wire.js';
import type { FakeClock } from './fake-clock.js';

const RATE_HZ = 16_000;
/** Samples that are quieter than any background, so that they are a pause; added to this they are none. */
const NUMBERS = 30;
const LOUD = 2000;

export type SimulatedUnicastOptions = {
  readonly clock: FakeClock;
  /** When its timers begin. */
  readonly phaseMs: number;
  /** How late it hands over a datagram of its. */
  readonly lateMs?: () => number;
};

/**
 * A call at FreeSWITCH by simulated time, and our leg of it: every 20 ms a datagram comes that has a number for its samples, and what we send is written to the phone by a timer that began at the
 * same moment (`switch_rtp.c`, `get_next_write_ts`): at once when it has fired since the last one, when it fires next otherwise. As a member of a ticker it is an echo.
 */
export class SimulatedUnicast implements Ticked {
  readonly leg: UnicastLeg;
  /** What the phone got: from a datagram's way to us to its way to the phone, and when the latter was. */
  readonly delaysMs: number[] = [];
  readonly writtenAtMs: number[] = [];
  level: 'pause' | 'loud' = 'pause';
  readonly #clock: FakeClock;
  readonly #lateMs: () => number;
  readonly #sentAtMs = new Float64Array(NUMBERS);
  readonly #waiting: number[] = [];
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  /** The write timer has fired and nobody has used it. */
  #fired = true;
  #number = 0;

  private constructor({ clock, lateMs = () => 0 }: SimulatedUnicastOptions) {
    this.#clock = clock;
    this.#lateMs = lateMs;
    const format = datagramFormat(RATE_HZ, FRAME_MS);
    if (format === null) throw new Error('no such format');
    this.leg = new UnicastLeg({
      id: newLegId(),
      socket: this.#socket() as unknown as Socket,
      peer: '192.0.2.1:20001',
      format,
      codec: 'L16',
      clock,
      onClosed: () => undefined,
    });
  }

  /** @param onLeg called when the first datagram has come */
  static start(options: SimulatedUnicastOptions, onLeg: (unicast: SimulatedUnicast) => void): void {
    const unicast = new SimulatedUnicast(options);
    options.clock.setAlarm(options.phaseMs, () => {
      onLeg(unicast);
      unicast.#timersFire();
    });
  }

  /** Between one datagram at the phone and the next. */
  get gapsMs(): number[] {
    return this.writtenAtMs.slice(1).map((atMs, i) => atMs - (this.writtenAtMs[i] as number));
  }

  /** What the phone got so far is not of interest. */
  forget(): void {
    this.delaysMs.length = 0;
    this.writtenAtMs.length = 0;
  }

  tick(nowMs: number): void {
    this.leg.pull(this.#frame, nowMs);
    this.leg.push(this.#frame);
  }

  #socket(): Pick<Socket, 'close'> & { send: (datagram: Uint8Array, sent: (error: Error | null) => void) => void } {
    const send = (datagram: Uint8Array, sent: (error: Error | null) => void): void => {
      this.#heard(datagram);
      sent(null);
    };
    return { send, close: () => undefined as never };
  }

  #timersFire(): void {
    this.#number = (this.#number + 1) % NUMBERS;
    this.#sentAtMs[this.#number] = this.#clock.nowMs();
    const number = this.#number;
    this.#clock.setAlarm(FRAME_MS, () => this.#timersFire());
    this.#clock.setAlarm(this.#lateMs(), () => this.#hand(number));
    const next = this.#waiting.shift();
    this.#fired = next === undefined;
    if (next !== undefined) this.#write(next);
  }

  #hand(number: number): void {
    const datagram = new Int16Array(FRAME_SAMPLES).fill(this.level === 'loud' ? LOUD + number : number);
    this.leg.received(new Uint8Array(datagram.buffer));
  }

  #heard(datagram: Uint8Array): void {
    const sample = new Int16Array(datagram.buffer)[0] as number;
    const number = sample >= LOUD ? sample - LOUD : sample;
    if (!this.#fired) this.#waiting.push(number);
    else this.#write(number);
    this.#fired = false;
  }

  #write(number: number): void {
    const nowMs = this.#clock.nowMs();
    this.writtenAtMs.push(nowMs);
    this.delaysMs.push(nowMs - (this.#sentAtMs[number] as number));
  }
}
