import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../../src/core/units.js';
import type { LegCloseReason, MediaLeg } from '../../src/media/leg.js';
import { FRAME_SILENCE } from '../../src/media/leg.js';
import type { FakeClock } from './fake-clock.js';
import { toneShare } from './phone/recording.js';
import { eventually } from './raw-peer.js';
import { rms, tone } from './signals.js';

/** A leg on a stream transport, with a hand on its other end; what is between them is real sockets. Samples are mono s16 at the rate of the wire. */
export type StreamLegRig = {
  readonly leg: MediaLeg;
  readonly clock: FakeClock;
  readonly closed: readonly { readonly reason: LegCloseReason; readonly detail: string }[];
  /** Audio in one message of the party. */
  readonly messageMs: number;
  readonly say: (samples: Int16Array) => void;
  /** Bytes that are no audio of this leg, as one message or in the middle of the stream. */
  readonly sayBytes: (bytes: Uint8Array) => void;
  /** What reached the party, message by message. */
  readonly heard: () => readonly Int16Array[];
  /** Sockets and timers that belong to the leg: zero when it is closed. */
  readonly leftovers: () => number;
  readonly stop: () => Promise<void>;
};

/** Messages of 10, 20, 30 and 60 ms all fit into it. */
const ROUND_MS = 60;
const PARTY_HZ = 700;
const AGENT_HZ = 1100;
const AMPLITUDE = 8000;
/** Of a sine. */
const LEVEL = AMPLITUDE / Math.SQRT2;
const FUZZ_RUNS = 15;

/** What every transport has to keep whose audio comes as a stream without sequence numbers. Call it inside a `describe`. */
export function testStreamLegContract(makeRig: () => Promise<StreamLegRig>): void {
  let rig: StreamLegRig;
  let saidSamples: number;
  let playedFrames: number;
  beforeEach(async () => {
    rig = await makeRig();
    saidSamples = 0;
    playedFrames = 0;
  });
  afterEach(async () => {
    await rig.stop();
    expect(rig.closed.length).toBe(1);
    expect(rig.leftovers()).toBe(0);
    expect(rig.clock.pendingAlarms).toBe(0);
  });

  /** Resolves when the leg has it. */
  async function say(messages: number): Promise<void> {
    const { leg, messageMs } = rig;
    const before = leg.counters.framesIn;
    for (let i = 0; i < messages; i++) {
      const count = (leg.wireRateHz * messageMs) / 1000;
      rig.say(sine(PARTY_HZ, leg.wireRateHz, saidSamples, count));
      saidSamples += count;
    }
    await eventually(() => leg.counters.framesIn >= before + messages);
  }

  /** Time goes on: the party speaks or not, the agent does; returns what the agent's side heard. */
  async function talk(rounds: number, party: 'speaks' | 'is silent' = 'speaks'): Promise<Int16Array> {
    const { leg, clock, messageMs } = rig;
    const heard = new Int16Array((rounds * ROUND_MS * SAMPLE_RATE_HZ) / 1000);
    for (let at = 0; at < heard.length;) {
      if (party === 'speaks') await say(ROUND_MS / messageMs);
      for (let ms = 0; ms < ROUND_MS; ms += FRAME_MS, at += FRAME_SAMPLES) {
        leg.push(tone(AGENT_HZ, FRAME_SAMPLES, AMPLITUDE, playedFrames * FRAME_SAMPLES));
        playedFrames += 1;
        leg.pull(heard.subarray(at, at + FRAME_SAMPLES), clock.nowMs());
        clock.advance(FRAME_MS);
        // As between two ticks: what was sent leaves.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return heard;
  }

  function heardByParty(): Int16Array {
    return Int16Array.from(rig.heard().flatMap((samples) => [...samples]));
  }

  test('a tone is the same tone at the other end, both ways', async () => {
    const { leg } = rig;
    const heard = (await talk(20)).subarray(-SAMPLE_RATE_HZ / 2);
    expect(rms(heard) / LEVEL).toBeCloseTo(1, 1);
    expect(toneShare(heard, PARTY_HZ, SAMPLE_RATE_HZ)).toBeGreaterThan(0.95);
    await eventually(() => heardByParty().length >= leg.wireRateHz);
    const byParty = heardByParty().subarray(leg.wireRateHz / 2);
    expect(rms(byParty) / LEVEL).toBeCloseTo(1, 1);
    expect(toneShare(byParty, AGENT_HZ, leg.wireRateHz)).toBeGreaterThan(0.95);
  });

  test('a second that is played is a second on the wire, neither less nor more', async () => {
    const { leg, messageMs } = rig;
    const before = heardByParty().length;
    await talk(20);
    const expected = (20 * ROUND_MS * leg.wireRateHz) / 1000;
    await eventually(() => heardByParty().length - before > expected - (2 * messageMs * leg.wireRateHz) / 1000);
    expect(heardByParty().length - before).toBeLessThanOrEqual(expected);
    expect(leg.counters.dropped).toBe(0);
  });

  test('nobody speaks: silence, for as long as it lasts short of a lost connection', async () => {
    const heard = await talk(6, 'is silent');
    expect(rms(heard)).toBe(0);
    const frame = new Int16Array(FRAME_SAMPLES).fill(1);
    expect(rig.leg.pull(frame, rig.clock.nowMs())).toBe(FRAME_SILENCE);
    expect(rms(frame)).toBe(0);
    expect(rig.closed).toEqual([]);
  });

  test('a stall of the network is silence, and the party is heard again after it', async () => {
    await talk(10);
    const stalled = await talk(5, 'is silent');
    expect(rms(stalled.subarray(-FRAME_SAMPLES * 6))).toBe(0);
    const heard = (await talk(10)).subarray(-SAMPLE_RATE_HZ / 4);
    expect(rms(heard) / LEVEL).toBeCloseTo(1, 1);
    expect(rig.closed).toEqual([]);
  });

  test('what comes at once after a stall does not stay as delay beyond a quarter of a second', async () => {
    await talk(5);
    await talk(5, 'is silent');
    await say(Math.ceil(600 / rig.messageMs));
    expect(rig.leg.playout.depthMs).toBeLessThanOrEqual(250);
    await talk(5);
    expect(rig.leg.playout.depthMs).toBeLessThanOrEqual(250);
    expect(rig.closed).toEqual([]);
  });

  test('it says what it is made of, from the wire and back to it', () => {
    const lines = rig.leg.describe();
    expect(lines.length).toBeGreaterThanOrEqual(3);
    for (const line of [lines[0], lines.at(-1)]) expect(line).toMatch(/^(audiosocket|unicast|websocket)/);
    expect(lines[0]).toContain(`${rig.leg.wireRateHz} Hz`);
  });

  test('closing is told once; whatever comes afterwards is harmless', async () => {
    const { leg, closed } = rig;
    await talk(2);
    leg.close('local');
    leg.close('error');
    expect(closed).toEqual([{ reason: 'local', detail: 'closed by Linecard' }]);
    rig.say(new Int16Array((leg.wireRateHz * rig.messageMs) / 1000));
    await talk(2, 'is silent');
    expect(closed).toHaveLength(1);
  });

  test('bytes that make no sense end the leg once or not at all, and nothing else', async () => {
    const bytes = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 6 });
    const check = async (messages: readonly Uint8Array[]): Promise<void> => {
      const other = await makeRig();
      for (const message of messages) other.sayBytes(message);
      const frame = new Int16Array(FRAME_SAMPLES);
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        other.leg.push(frame);
        other.leg.pull(frame, other.clock.nowMs());
        other.clock.advance(FRAME_MS);
      }
      await other.stop();
      expect(other.closed).toHaveLength(1);
      expect(other.leftovers()).toBe(0);
    };
    await fc.assert(fc.asyncProperty(bytes, check), { numRuns: FUZZ_RUNS });
    await talk(2);
    expect(rig.closed).toEqual([]);
  });
}

function sine(hz: number, rateHz: number, from: number, count: number): Int16Array {
  return Int16Array.from({ length: count }, (_, i) =>
    Math.round(AMPLITUDE * Math.sin((2 * Math.PI * hz * (from + i)) / rateHz)),
  );
}
