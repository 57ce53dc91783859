import type { Socket } from 'node:dgram';
import type { Alarm, Clock } from '../../core/clock.js';
import type { LegId } from '../../core/ids.js';
import type { FrameKind, LegCloseReason, LegCounters, LegListener, MediaLeg, Playout } from '../../media/leg.js';
import { newLegCounters } from '../../media/leg.js';
import { PauseDetector } from '../../media/pause-detector.js';
import { StreamUplink } from '../../media/stream-uplink.js';
import { Downlink } from './downlink.js';
import type { DatagramFormat } from './wire.js';
import { isMadeUpSilence } from './wire.js';

/** FreeSWITCH sends a frame each ptime even when its party sends none: half a second without one and the unicast is over. */
const QUIET_LIMIT_MS = 500;
/** After a stall of ours the datagrams are there but not read yet; one turn of the event loop reads them. */
const GRACE_MS = 20;
/** Datagrams of another size in a row: half a second at 20 ms. A new codec in mid-call brings them, and with it another rate. */
const MISFIT_LIMIT = 25;
/** Datagrams that may wait in our socket: the kernel takes one at once, so more means that it has no room. */
const MAX_WAITING = 4;

/**
 * What we send beyond as much as came: FreeSWITCH sends one each ptime, whatever its party does, so more would wait there, as delay for the rest
 * of the call. Worse, while one waits, its sending thread hardly ever lets go of a lock that a hang-up, music and a transfer need: the channel stands still
 * until we stop sending (1.11; 9 of 175 calls after hold on a busy machine). So when nothing comes, nothing goes.
 * A busy FreeSWITCH is late by less, and plays on meanwhile.
 */
const MAX_AHEAD_MS = 100;
/** Of long datagrams: one on its way and one that crosses another. */
const MIN_MAX_AHEAD = 2;
/**
 * After a stall of ours what we send late waits at FreeSWITCH for its time, and so does all that follows. As a reserve against the next stall that is worth its delay; after so long
 * without one it is given back, by leaving a datagram out of a pause, and another after a second.
 */
const RESERVE_KEPT_MS = 10_000;
const GIVE_BACK_EVERY_MS = 1000;

/**
 * FreeSWITCH reads and writes by two timers that it starts at the same moment: what comes after one datagram of its and before the next is written at once, unless two came. So a
 * turn soon after its datagram is best both ways. The reserve of the elastic buffer (3 ms) is in it, and 5 for a FreeSWITCH with more to do: what is later makes the buffer a frame deeper for some seconds.
 */
const TURN_AFTER_MS = 8;

export type UnicastLegOptions = {
  readonly id: LegId;
  /** Connected to the PBX's end; owned by the leg from now on. */
  readonly socket: Socket;
  /** For people: `192.0.2.1:20001`. */
  readonly peer: string;
  readonly format: DatagramFormat;
  /** The party's codec. */
  readonly codec: string;
  readonly clock: Clock;
  readonly onClosed: () => void;
};

/** A leg over FreeSWITCH's `unicast`: bare datagrams of one ptime each way. Digits come by the event socket, never from here. */
export class UnicastLeg implements MediaLeg {
  readonly id: LegId;
  readonly codec: string;
  readonly turnAfterMs = TURN_AFTER_MS;
  listener: LegListener | null = null;
  readonly #socket: Socket;
  readonly #peer: string;
  readonly #format: DatagramFormat;
  readonly #clock: Clock;
  readonly #onClosed: () => void;
  readonly #counters: LegCounters = newLegCounters();
  readonly #uplink: StreamUplink;
  readonly #downlink: Downlink;
  /** What is heard in place of a made-up frame: 0xFF 0xFF would be a small direct current. */
  readonly #silence: Uint8Array;
  readonly #send = (datagram: Uint8Array): void => this.#sendDatagram(datagram);
  readonly #sent = (error: Error | null): void => this.#datagramSent(error);
  #waiting = 0;
  /** Datagrams that were sent and not made up for by one that came, 0 to `#maxAhead`. */
  #ahead = 0;
  readonly #maxAhead: number;
  /** How many in a row have come while something of ours was waiting there even after it. */
  #waitedThere = 0;
  readonly #pauses = new PauseDetector();
  /** The frame at hand is of a pause. */
  #pausing = false;
  #misfits = 0;
  #heardAtMs: number;
  #watch: Alarm;
  #grace: 'given' | 'no' = 'no';
  #closed = false;

  constructor(options: UnicastLegOptions) {
    this.id = options.id;
    this.codec = options.codec;
    this.#socket = options.socket;
    this.#peer = options.peer;
    this.#format = options.format;
    this.#clock = options.clock;
    this.#onClosed = options.onClosed;
    this.#uplink = new StreamUplink(options.format.rateHz, this.#counters);
    this.#downlink = new Downlink(options.format);
    this.#silence = new Uint8Array(options.format.bytes);
    this.#maxAhead = Math.max(MIN_MAX_AHEAD, Math.floor(MAX_AHEAD_MS / options.format.ptimeMs));
    this.#heardAtMs = this.#clock.nowMs();
    this.#watch = this.#clock.setAlarm(QUIET_LIMIT_MS, () => this.#checkQuiet());
  }

  get wireRateHz(): number {
    return this.#format.rateHz;
  }

  get counters(): Readonly<LegCounters> {
    return this.#counters;
  }

  get playout(): Playout {
    return this.#uplink;
  }

  /** A datagram of the peer. */
  received(datagram: Uint8Array): void {
    if (this.#closed) return;
    this.#heardAtMs = this.#clock.nowMs();
    this.#grace = 'no';
    if (this.#ahead > 0) this.#ahead -= 1;
    this.#waitedThere = this.#ahead > 0 ? this.#waitedThere + 1 : 0;
    if (datagram.length !== this.#format.bytes) {
      this.#misfit(datagram.length);
      return;
    }
    this.#misfits = 0;
    this.#counters.framesIn += 1;
    this.#uplink.push(isMadeUpSilence(datagram) ? this.#silence : datagram, 0, datagram.length, this.#heardAtMs);
  }

  pull(dst: Int16Array, nowMs: number): FrameKind {
    return this.#uplink.pull(dst, nowMs);
  }

  push(src: Int16Array): void {
    // Before it has begun to keep time a first frame would be waiting there from the beginning.
    if (this.#closed || this.#counters.framesIn === 0) return;
    this.#pausing = this.#pauses.isPause(src);
    this.#downlink.push(src, this.#send);
  }

  describe(): string[] {
    const { codec } = this;
    const { rateHz, ptimeMs, bytes } = this.#format;
    return [
      `unicast from ${this.#peer}, party on ${codec}, L16 at ${rateHz} Hz, ${ptimeMs} ms`,
      ...this.#uplink.describe(),
      ...this.#downlink.describe(),
      `unicast to ${this.#peer}, ${bytes} bytes a datagram`,
    ];
  }

  close(reason: LegCloseReason): void {
    this.end(reason, 'closed by Linecard');
  }

  /** The one way out. Idempotent. */
  end(reason: LegCloseReason, detail: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.cancel();
    this.#socket.close();
    this.#onClosed();
    const { listener } = this;
    this.listener = null;
    listener?.closed(reason, detail);
  }

  #sendDatagram(datagram: Uint8Array): void {
    if (this.#waiting >= MAX_WAITING || this.#ahead >= this.#maxAhead || this.#givesBack()) {
      this.#counters.dropped += 1;
      return;
    }
    this.#ahead += 1;
    this.#waiting += 1;
    this.#counters.framesOut += 1;
    this.#socket.send(datagram, this.#sent);
  }

  /** Whether the datagram at hand is one to leave out. */
  #givesBack(): boolean {
    const { ptimeMs } = this.#format;
    if (!this.#pausing || this.#waitedThere * ptimeMs < RESERVE_KEPT_MS) return false;
    this.#waitedThere -= Math.ceil(GIVE_BACK_EVERY_MS / ptimeMs);
    return true;
  }

  #datagramSent(error: Error | null): void {
    this.#waiting -= 1;
    // Refused while the PBX changes the channel's state: its silence decides whether the leg is over.
    if (error !== null) this.#counters.dropped += 1;
  }

  #misfit(bytes: number): void {
    this.#counters.lost += 1;
    this.#misfits += 1;
    if (this.#misfits < MISFIT_LIMIT) return;
    this.end(
      'protocol',
      `datagrams of ${bytes} bytes came where ${this.#format.bytes} were agreed: the codec has changed`,
    );
  }

  #checkQuiet(): void {
    const quietMs = this.#clock.nowMs() - this.#heardAtMs;
    if (quietMs < QUIET_LIMIT_MS) {
      this.#watch = this.#clock.setAlarm(QUIET_LIMIT_MS - quietMs, () => this.#checkQuiet());
    } else if (this.#grace === 'no') {
      this.#grace = 'given';
      this.#watch = this.#clock.setAlarm(GRACE_MS, () => this.#checkQuiet());
    } else {
      this.end('timeout', `no audio came from ${this.#peer} for ${QUIET_LIMIT_MS} ms`);
    }
  }
}
