import { FRAME_SAMPLES, SAMPLE_RATE_HZ, SAMPLES_PER_MS } from '../core/units.js';
import { Concealer } from './concealer.js';
import { ArrivalDelay } from './jitter/arrival-delay.js';
import { excessDelayMs } from './jitter/excess-delay.js';
import { MissedPackets } from './jitter/missed-packets.js';
import { newPacketCounters } from './jitter/packet-counters.js';
import { PacketShelf } from './jitter/packet-shelf.js';
import type { ShelvedPacket } from './jitter/packet-shelf.js';
import type { RtpHeader } from './jitter/stream-position.js';
import { StreamPosition } from './jitter/stream-position.js';
import type { FrameKind, LegCounters } from './leg.js';
import { FRAME_AUDIO, FRAME_CONCEALED, FRAME_SILENCE } from './leg.js';
import type { PacketDecoder } from './packet-decoder.js';
import { PauseDetector } from './pause-detector.js';
import { PcmQueue } from './pcm-queue.js';
import type { StretchMode } from './time-stretch.js';
import { TimeStretcher } from './time-stretch.js';

/** Packets that wait at most: 1.28 s of 20 ms each. */
const SHELF_PACKETS = 64;
/** The longest packet that RTP speech knows: 120 ms of Opus. */
const MAX_PACKET_SAMPLES = 120 * SAMPLES_PER_MS;
/** A packet, and what one may have left over. */
const LINE_SAMPLES = 2 * MAX_PACKET_SAMPLES;
/**
 * Nothing for so long is no loss but the end of the stream, or a pause of it: the next packet begins anew. Opus sends every 400 ms in
 * silence.
 */
const IDLE_SAMPLES = 1000 * SAMPLES_PER_MS;
/** What is made up for longer has faded to silence. */
const AUDIBLE_MADE_UP_SAMPLES = 60 * SAMPLES_PER_MS;
/** Opus makes up sound in pieces of this size. */
const MADE_UP_STEP_SAMPLES = 2.5 * SAMPLES_PER_MS;
/** A packet of two bytes or less says: nothing to hear, and no packets until there is (RFC 6716 §2.1.9). */
const SILENCE_PACKET_BYTES = 2;
/** Less than the shortest period of a voice is not worth a change. */
const LEAST_CHANGE_MS = 2.5;
/** In speech, delay is given back by one piece in this many frames. */
const FRAMES_BETWEEN_SHRINKS = 5;
/** After a late packet, what was made up for it may be cut out in so many frames: the sound is broken there anyway, and 60 ms are all that is made up. */
const JOINT_FRAMES = 3;
/** So much too early or too late: change in each frame, and be less particular. */
const URGENT_MS = 60;
/** Timestamps that jump by more than this, although the numbers go on, are counted anew by the sender. */
const JUMP_SAMPLES = 2000 * SAMPLES_PER_MS;
/** So much too late (a thread that stood still, a network that held everything back): skip packets. */
const SKIP_MS = 400;

export type JitterBufferOptions = {
  /** Owned by the buffer from now on. */
  readonly decoder: PacketDecoder;
  /** Of the timestamps: 48000 for Opus (RFC 7587 §4.1), 8000 for G.711. */
  readonly clockRateHz: number;
  /** The leg's: what the buffer loses, conceals and stretches is counted here. `lost` is given back when a packet comes late. */
  readonly counters: LegCounters;
};

/**
 * RTP packets to a steady sound, in the manner of NetEq: waits as long as 95 of 100 packets need, and no longer. `insert` when a packet comes, `pull`
 * once a tick; both are synchronous, read no clock and allocate nothing. Delay is added by stretching and taken away by shrinking what is played.
 */
export class JitterBuffer {
  readonly packets = newPacketCounters();
  readonly #counters: LegCounters;
  readonly #decoder: PacketDecoder;
  readonly #samplesPerTick: number;
  readonly #position = new StreamPosition();
  readonly #shelf = new PacketShelf(SHELF_PACKETS);
  readonly #missed = new MissedPackets();
  readonly #delay = new ArrivalDelay();
  /** Decoded, and not played yet. */
  readonly #line = new PcmQueue(LINE_SAMPLES);
  readonly #concealer = new Concealer();
  readonly #stretcher = new TimeStretcher();
  readonly #pauses = new PauseDetector();
  readonly #decoded = new Int16Array(MAX_PACKET_SAMPLES);
  /** Whether a stream is being played; else `#decodeAt` means nothing. */
  #playing = false;
  /** Media time of the next sample to be decoded, at 16 kHz. */
  #decodeAt = 0;
  /** Of the packet that is to follow the last one decoded; what is below has come too late. */
  #nextSequence = -Infinity;
  #packetSamples = FRAME_SAMPLES;
  /** Samples made up since the last one decoded. At `IDLE_SAMPLES` there is nothing to go on from. */
  #madeUp = IDLE_SAMPLES;
  /** The sender said that there is nothing to hear. */
  #quiet = false;
  #framesSinceShrink = 0;
  /** Frames left in which what was made up may be made good. */
  #jointFrames = 0;
  #state: 'open' | 'closed' = 'open';

  constructor(options: JitterBufferOptions) {
    this.#counters = options.counters;
    this.#decoder = options.decoder;
    this.#samplesPerTick = SAMPLE_RATE_HZ / options.clockRateHz;
  }

  /** Sound that has come and was not played yet, in milliseconds. */
  get depthMs(): number {
    const last = this.#shelf.last;
    const shelved = last === null || !this.#playing ? 0 : last.at + last.samples - this.#decodeAt;
    return (this.#line.length + Math.max(0, shelved)) / SAMPLES_PER_MS;
  }

  /** Media time of the next sample that `pull` will give, in milliseconds on the sender's clock; only differences mean anything. */
  get playedToMs(): number {
    return (this.#decodeAt + this.#madeUp - this.#line.length) / SAMPLES_PER_MS;
  }

  /** As `MediaLeg.skewPpm`. */
  get skewPpm(): number {
    return this.#delay.skewPpm;
  }

  /** What the buffer waits for a packet, from when the fastest would have come. */
  get targetMs(): number {
    return this.#delay.targetMs;
  }

  /**
   * Takes a packet that has just come.
   * @param payload kept as it is until it is played: it must not be written to any more
   * @param arrivalMs the injected clock's time, the same as for `pull`
   */
  insert(header: RtpHeader, payload: Uint8Array, arrivalMs: number): void {
    if (this.#state === 'closed') return;
    this.packets.packetsIn += 1;
    const samples = this.#decoder.durationOf(payload);
    const placement = samples === 0 ? 'strange' : this.#position.place(header);
    if (placement === 'strange') {
      this.packets.broken += 1;
      return;
    }
    const { sequence, timestamp } = this.#position;
    const at = Math.round(timestamp * this.#samplesPerTick);
    if (placement === 'restarted' || this.#isJump(at)) this.#restart();
    this.#delay.add(arrivalMs, at / SAMPLES_PER_MS);
    if (sequence < this.#nextSequence) {
      this.#tooLate(sequence);
      return;
    }
    const shelved = this.#shelf.put(sequence, at, samples, payload);
    if (shelved === 'duplicate') this.packets.duplicates += 1;
    if (shelved === 'full') this.#counters.overruns += 1;
  }

  /** Writes the next 20 ms: mono s16, 16 kHz, 320 samples. */
  pull(dst: Int16Array, nowMs: number): FrameKind {
    if (!this.#playing) this.#begin(nowMs);
    if (this.#playing) {
      this.#skip(nowMs);
      if (this.#steer(dst, nowMs)) return FRAME_AUDIO;
    }
    return this.#fill(dst, nowMs);
  }

  /** One line each, in the order of the signal. */
  describe(): string[] {
    return [
      `jitter buffer: waits as long as 95 of 100 packets need, now ${Math.round(this.targetMs)} ms`,
      `conceal: ${this.#decoder.conceals === 'yes' ? 'by the codec' : 'by pitch, silent after 60 ms'}`,
      'stretch and shrink: pauses, else by pitch',
    ];
  }

  /** Closes the decoder. Idempotent. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#playing = false;
    this.#madeUp = IDLE_SAMPLES;
    this.#shelf.clear();
    this.#line.clear();
    this.#decoder.close();
  }

  /** Starts to play when the first packet has waited as long as the target asks for. */
  #begin(nowMs: number): void {
    const next = this.#shelf.next;
    if (next === null || this.#slackMs(next.at, nowMs) < this.#delay.targetMs) return;
    this.#playing = true;
    this.#decodeAt = next.at;
    this.#nextSequence = next.sequence;
    this.#madeUp = 0;
    this.#quiet = false;
  }

  /** The frame, sample by sample in the order of time: what is decoded, else what can be decoded, else what is made up. */
  #fill(dst: Int16Array, nowMs: number): FrameKind {
    let at = 0;
    let madeUp = 0;
    while (at < FRAME_SAMPLES) {
      if (this.#line.length === 0 && !this.#decodeNext(nowMs)) {
        const count = this.#makeUp(dst, at);
        madeUp += count;
        at += count;
        continue;
      }
      const count = this.#line.read(dst, at, FRAME_SAMPLES - at);
      this.#concealer.heard(dst, at, count);
      at += count;
    }
    return this.#kindOf(madeUp);
  }

  /** Decodes what is next in time, or restores it. @returns whether there is something in the line now */
  #decodeNext(nowMs: number): boolean {
    const next = this.#shelf.next;
    if (next === null || !this.#playing) return false;
    const gap = next.at - this.#decodeAt - this.#madeUp;
    const paused = next.sequence === this.#nextSequence && next.at !== this.#decodeAt;
    if (paused) {
      // Between talkspurts the delay can be set anew without anybody hearing it.
      if (this.#slackMs(next.at, nowMs) < this.#delay.targetMs) return false;
    } else if (gap > 0) {
      return gap === next.samples && this.#recover(next);
    }
    return this.#decode(next, paused);
  }

  #decode(packet: ShelvedPacket, paused: boolean): boolean {
    const { sequence, at, payload } = packet;
    this.#shelf.drop();
    const samples = this.#decoder.decode(payload, this.#decoded);
    if (samples === 0) {
      // Its number stays awaited: the next packet finds a gap.
      this.packets.broken += 1;
      return false;
    }
    if (sequence > this.#nextSequence) {
      this.#counters.lost += sequence - this.#nextSequence;
      this.#missed.add(this.#nextSequence, sequence);
    }
    this.#line.write(this.#decoded, samples);
    this.#decodeAt = at + samples;
    this.#nextSequence = sequence + 1;
    this.#packetSamples = samples;
    this.#madeUp = 0;
    this.#quiet = paused || payload.length <= SILENCE_PACKET_BYTES;
    return true;
  }

  #recover(next: ShelvedPacket): boolean {
    const samples = this.#decoder.recover(next.payload, this.#decoded, next.samples);
    if (samples === 0) return false;
    this.#line.write(this.#decoded, samples);
    this.#madeUp += samples;
    this.packets.recovered += 1;
    return true;
  }

  /** Makes up samples from `at` to the end of the frame, or to where something real follows. @returns how many */
  #makeUp(dst: Int16Array, at: number): number {
    const wanted = this.#madeUpWanted(FRAME_SAMPLES - at);
    if (this.#madeUp >= IDLE_SAMPLES) {
      dst.fill(0, at, at + wanted);
      this.#concealer.heard(dst, at, wanted);
      return wanted;
    }
    if (this.#decoder.conceals === 'yes') this.#makeUpByDecoder(dst, at, wanted);
    else {
      this.#concealer.conceal(dst, at, wanted);
      this.#madeUp += wanted;
    }
    if (this.#madeUp >= IDLE_SAMPLES) this.#goIdle();
    return wanted;
  }

  #madeUpWanted(most: number): number {
    const next = this.#shelf.next;
    if (next === null) {
      if (this.#playing && !this.#quiet) this.#counters.underruns += 1;
      return most;
    }
    const gap = next.at - this.#decodeAt - this.#madeUp;
    if (!this.#playing || next.sequence === this.#nextSequence || gap <= 0) return most;
    // What the next packet may restore is left to it.
    return Math.min(most, gap > next.samples ? gap - next.samples : gap);
  }

  #makeUpByDecoder(dst: Int16Array, at: number, wanted: number): void {
    const samples = this.#decoder.conceal(
      this.#decoded,
      Math.ceil(wanted / MADE_UP_STEP_SAMPLES) * MADE_UP_STEP_SAMPLES,
    );
    for (let i = 0; i < wanted; i++) dst[at + i] = this.#decoded[i] as number;
    this.#decoded.copyWithin(0, wanted, samples);
    this.#line.write(this.#decoded, samples - wanted);
    this.#concealer.heard(dst, at, wanted);
    this.#madeUp += samples;
  }

  #kindOf(madeUp: number): FrameKind {
    if (madeUp === 0) return FRAME_AUDIO;
    if (this.#quiet || this.#madeUp >= IDLE_SAMPLES) return FRAME_SILENCE;
    this.#counters.concealed += 1;
    if (this.#madeUp > AUDIBLE_MADE_UP_SAMPLES) return FRAME_SILENCE;
    return madeUp * 2 >= FRAME_SAMPLES ? FRAME_CONCEALED : FRAME_AUDIO;
  }

  /** Brings the delay nearer to what is needed by making the frame of fewer or of more samples. @returns whether it wrote it */
  #steer(dst: Int16Array, nowMs: number): boolean {
    this.#framesSinceShrink += 1;
    this.#jointFrames = this.#madeUp > 0 ? JOINT_FRAMES : this.#jointFrames - 1;
    this.#decodeUpTo(FRAME_SAMPLES, nowMs);
    if (this.#madeUp > 0 || this.#line.peek(dst, 0, FRAME_SAMPLES) < FRAME_SAMPLES) return false;
    const pause = this.#pauses.isPause(dst);
    const excessMs = this.#excessMs(nowMs);
    if (Math.abs(excessMs) < LEAST_CHANGE_MS) return false;
    const mode: StretchMode = pause ? 'pause' : Math.abs(excessMs) > URGENT_MS ? 'urgent' : 'voice';
    const shrinkMode = this.#jointFrames > 0 ? 'joint' : mode;
    const changed = excessMs < 0 ? this.#stretch(dst, mode, -excessMs) : this.#shrink(dst, nowMs, shrinkMode, excessMs);
    if (changed) this.#concealer.heard(dst, 0, FRAME_SAMPLES);
    return changed;
  }

  #stretch(dst: Int16Array, mode: StretchMode, byMs: number): boolean {
    const most = mode === 'pause' ? Math.min(FRAME_SAMPLES, Math.ceil(byMs * SAMPLES_PER_MS)) : FRAME_SAMPLES;
    if (this.#stretcher.stretch(this.#line, this.#concealer.history, dst, most, mode) === 0) return false;
    this.#counters.stretched += 1;
    return true;
  }

  #shrink(dst: Int16Array, nowMs: number, mode: StretchMode, byMs: number): boolean {
    if (mode === 'voice' && this.#framesSinceShrink < FRAMES_BETWEEN_SHRINKS) return false;
    this.#decodeUpTo(2 * FRAME_SAMPLES, nowMs);
    const most = Math.min(FRAME_SAMPLES, Math.floor(byMs * SAMPLES_PER_MS));
    if (this.#stretcher.shrink(this.#line, this.#concealer.history, dst, most, mode) === 0) return false;
    this.#counters.shrunk += 1;
    this.#framesSinceShrink = 0;
    return true;
  }

  /** Decodes packets that follow without a gap until `samples` are there, if there are so many. */
  #decodeUpTo(samples: number, nowMs: number): void {
    while (this.#line.length < samples && this.#shelf.next?.at === this.#decodeAt && this.#decodeNext(nowMs));
  }

  /** Throws packets away when so much waits that shrinking would take seconds. */
  #skip(nowMs: number): void {
    if (this.#shelf.length < 2 || this.#excessMs(nowMs) < SKIP_MS) return;
    const { targetMs } = this.#delay;
    for (;;) {
      const after = this.#shelf.afterNext;
      if (after === null || this.#slackMs(after.at, nowMs) < targetMs) break;
      this.#shelf.drop();
      this.#counters.overruns += 1;
    }
    const next = this.#shelf.next as ShelvedPacket;
    this.#decodeAt = next.at;
    this.#nextSequence = next.sequence;
    this.#madeUp = 0;
  }

  #excessMs(nowMs: number): number {
    const slackMs = this.#slackMs(this.#decodeAt, nowMs);
    return excessDelayMs(slackMs, this.#delay.targetMs, this.#line.length, this.#packetSamples);
  }

  /** Since when a packet of this media time could have come. */
  #slackMs(at: number, nowMs: number): number {
    return nowMs - at / SAMPLES_PER_MS - this.#delay.baseMs;
  }

  /** Whether a media time has nothing to do with what is played, or waits to be. */
  #isJump(at: number): boolean {
    const known = this.#playing ? this.#decodeAt : (this.#shelf.last?.at ?? at);
    return Math.abs(at - known) > JUMP_SAMPLES;
  }

  #tooLate(sequence: number): void {
    if (!this.#missed.take(sequence)) {
      this.packets.duplicates += 1;
      return;
    }
    this.#counters.late += 1;
    this.#counters.lost -= 1;
  }

  #goIdle(): void {
    this.#playing = false;
    // A sender that paused may count its timestamps on from where it stopped.
    if (this.#shelf.length === 0) this.#delay.rebase();
  }

  #restart(): void {
    this.packets.restarts += 1;
    this.#playing = false;
    this.#nextSequence = -Infinity;
    this.#shelf.clear();
    this.#missed.clear();
    this.#delay.rebase();
  }
}
