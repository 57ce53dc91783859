import { Until } from './until.js';

export const SAMPLE_RATE_HZ = 16_000;
/** What `hears` listens to. */
const LISTEN_MS = 200;
/** A tone makes up at least this much of the power, and is as loud as this (s16). */
const TONE_SHARE = 0.5;
const TONE_RMS = 300;
/** 20 ms. */
const FRAME_SAMPLES = 320;

export type RecordedPacket = {
  /** `performance.now()` at its arrival. */
  readonly atMs: number;
  readonly sequence: number;
  readonly timestamp: number;
  /** Mono s16, 16 kHz. */
  readonly samples: Int16Array;
};

/** All that a phone received on one call, in order of arrival. */
export class Recording {
  readonly packets: RecordedPacket[] = [];
  readonly #until = new Until();

  add(packet: RecordedPacket): void {
    this.packets.push(packet);
    this.#until.changed();
  }

  /** What arrived in `[fromMs, toMs)` (`performance.now()`), one packet after the other. */
  samples(fromMs = 0, toMs = Infinity): Int16Array {
    return joined(this.between(fromMs, toMs).map((packet) => packet.samples));
  }

  between(fromMs: number, toMs = Infinity): RecordedPacket[] {
    return this.packets.filter((packet) => packet.atMs >= fromMs && packet.atMs < toMs);
  }

  /** Resolves when at least `count` packets arrived, counted from now. */
  receives(count: number, limitMs?: number): Promise<void> {
    const wanted = this.packets.length + count;
    return this.#is(`${count} packets`, () => this.packets.length >= wanted, limitMs);
  }

  /** Resolves when the tone fills what arrived last; what came before the call of this does not count. */
  hears(hz: number, limitMs?: number): Promise<void> {
    const heard = (samples: Int16Array): boolean => isTone(samples, hz);
    return this.#listens(`tone of ${hz} Hz heard`, heard, limitMs);
  }

  /** Resolves when nothing but noise of the codec arrives; packets must arrive. */
  hearsSilence(limitMs?: number): Promise<void> {
    return this.#listens('silence heard', (samples) => rms(samples) < TONE_RMS / 10, limitMs);
  }

  #listens(what: string, heard: (samples: Int16Array) => boolean, limitMs: number | undefined): Promise<void> {
    const first = this.packets.length;
    const count = LISTEN_MS / 20;
    const isHeard = (): boolean =>
      this.packets.length >= first + count && heard(joined(this.packets.slice(-count).map((packet) => packet.samples)));
    return this.#is(what, isHeard, limitMs);
  }

  #is(what: string, isTrue: () => boolean, limitMs: number | undefined): Promise<void> {
    const state = (): string => {
      const last = joined(this.packets.slice(-10).map((packet) => packet.samples));
      return `${this.packets.length} packets, the last ones at ${Math.round(rms(last))} RMS`;
    };
    return this.#until.is(what, isTrue, limitMs === undefined ? { state } : { state, limitMs });
  }
}

/** Whether a tone made up most of what arrived in the time. */
export function heardTone(recording: Recording, hz: number, fromMs = 0, toMs = Infinity): boolean {
  return isTone(recording.samples(fromMs, toMs), hz);
}

/** Frame by frame: where one is missing the tone goes on at another phase, and as a whole it would be none. */
export function isTone(samples: Int16Array, hz: number): boolean {
  if (rms(samples) <= TONE_RMS) return false;
  let [tonal, all] = [0, 0];
  for (let at = 0; at < samples.length; at += FRAME_SAMPLES) {
    const frame = samples.subarray(at, at + FRAME_SAMPLES);
    const energy = frame.length * rms(frame) ** 2;
    tonal += energy * toneShare(frame, hz);
    all += energy;
  }
  return tonal / all > TONE_SHARE;
}

/** Part of the power that is at `hz`, 0 to 1 (Goertzel). */
export function toneShare(samples: Int16Array, hz: number, rateHz = SAMPLE_RATE_HZ): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / rateHz);
  let [before, last, energy] = [0, 0, 0];
  for (const sample of samples) {
    [before, last] = [last, sample + coefficient * last - before];
    energy += sample * sample;
  }
  const power = before * before + last * last - coefficient * before * last;
  return energy === 0 ? 0 : (2 * power) / (energy * samples.length);
}

export function rms(samples: Int16Array): number {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  return samples.length === 0 ? 0 : Math.sqrt(energy / samples.length);
}

/** Milliseconds between one arrival and the next, in order. */
export function gaps(recording: Recording, fromMs = 0, toMs = Infinity): number[] {
  const packets = recording.between(fromMs, toMs);
  return packets.slice(1).map((packet, i) => packet.atMs - (packets[i]?.atMs ?? packet.atMs));
}

function joined(chunks: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
