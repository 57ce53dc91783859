import { beforeEach, describe, expect, it } from 'vitest';
import type { Line } from '../../src/call/call-services.js';
import { UplinkCare } from '../../src/call/uplink-care.js';
import type { CallState } from '../../src/core/calls.js';
import { LinecardError } from '../../src/core/errors.js';
import type { BridgeId, ChannelId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import type { ReceivedSound } from '../../src/pbx/port.js';
import { FakeClock } from '../support/fake-clock.js';
import { FakePbx } from '../support/fake-pbx.js';

/** A packet of G.711, of RFC 4733, and of a codec that has nothing to say. */
const VOICE_BYTES = 160;
const KEY_BYTES = 4;

let clock: FakeClock;
let care: UplinkCare;
/** What the party sends the PBX. */
let sends: { readonly packetsPerS: number; readonly bytes: number };
let knows: 'packets and bytes' | 'packets' | 'nothing';
let failure: LinecardError | null;
/** When the caller was brought in anew. */
let refreshes: number[];
let onRefresh: () => void;
let answer: () => Promise<void>;
let state: CallState;
let told: string[];

function lineTo(pbx: FakePbx): Line {
  const channelId = 'caller-1' as ChannelId;
  const caller = { number: '6001', name: '' };
  const offer = { channelId, caller, extension: '7000', context: 'phones', answered: 'yes' as const };
  return { pbx, offer, fallback: null };
}

function build(line: Line | null): void {
  care = new UplinkCare({
    line,
    ledger: {
      get state() {
        return state;
      },
      callerUnheard: ({ missingMs, cause, mended }) => told.push(`${missingMs} ms, ${cause}, mended: ${mended}`),
    },
    link: {
      connected: true,
      pbxMedia: {
        pbx: line?.pbx ?? new FakePbx(),
        mediaChannelId: 'media-1' as ChannelId,
        bridgeId: 'bridge-1' as BridgeId,
      },
    },
    clock,
    log: silentLogger,
  });
}

beforeEach(() => {
  clock = new FakeClock();
  sends = { packetsPerS: 50, bytes: VOICE_BYTES };
  knows = 'packets and bytes';
  failure = null;
  refreshes = [];
  onRefresh = () => undefined;
  answer = () => Promise.resolve();
  state = 'talking';
  told = [];
  let packets = 0;
  let bytes = 0;
  let countedAtMs = 0;
  const pbx = new FakePbx();
  pbx.uplink = {
    received: (): Promise<ReceivedSound | null> => {
      if (failure !== null) return Promise.reject(failure);
      const more = Math.floor(((clock.nowMs() - countedAtMs) * sends.packetsPerS) / 1000);
      countedAtMs = clock.nowMs();
      packets += more;
      bytes += more * sends.bytes;
      if (knows === 'nothing') return Promise.resolve(null);
      return Promise.resolve({ packets, bytes: knows === 'packets' ? null : bytes });
    },
    refresh: (request) => {
      expect(request).toEqual({ callerChannelId: 'caller-1', mediaChannelId: 'media-1', bridgeId: 'bridge-1' });
      refreshes.push(clock.nowMs());
      onRefresh();
      return failure === null ? answer() : Promise.reject(failure);
    },
  };
  build(lineTo(pbx));
});

/*
 * The incident: a carrier moved the media of twenty calls at once, their new RTP source began with a lower sequence number, and Debian's Asterisk dropped
 * every packet of ten of them as late. The agents heard nothing for up to eleven minutes; the callers heard the agents all the time.
 */
describe('nothing comes of a caller', () => {
  it('whose sound the PBX gets: it is brought to hand it on after a tenth of a second', async () => {
    onRefresh = () => care.resumed(420);
    care.stopped();
    await clock.advanceAsync(60_000);
    expect(refreshes).toEqual([120]);
    expect(told).toEqual(['420 ms, pbx, mended: yes']);
    expect(clock.pendingAlarms).toBe(0);
  });

  it('who changes the source ten times: each time is mended as fast as the first', async () => {
    onRefresh = () => care.resumed(420);
    for (let i = 0; i < 10; i++) {
      care.stopped();
      await clock.advanceAsync(1000);
    }
    expect(refreshes).toHaveLength(10);
    expect(told).toHaveLength(10);
  });

  it('and the PBX takes two seconds to do it: that is seen to have helped', async () => {
    let done = (): void => undefined;
    onRefresh = () => clock.setAlarm(2000, () => done());
    answer = () => new Promise((resolve) => (done = resolve));
    for (let i = 0; i < 10; i++) {
      care.stopped();
      await clock.advanceAsync(2200);
      care.resumed(2400);
      await clock.advanceAsync(1000);
    }
    expect(told).toHaveLength(10);
    expect(refreshes).toHaveLength(10);
  });

  it.each([
    ['whose phone is muted and sends nothing', { packetsPerS: 0, bytes: 0 }],
    ['who holds a key', { packetsPerS: 50, bytes: KEY_BYTES }],
    ['who is silent, with comfort noise', { packetsPerS: 10, bytes: VOICE_BYTES }],
  ])('%s: they are left alone, and heard again without a word', async (_what, sending) => {
    sends = sending;
    care.stopped();
    await clock.advanceAsync(600_000);
    expect(refreshes).toEqual([]);
    care.resumed(600_000);
    expect(told).toEqual([]);
    expect(clock.pendingAlarms).toBe(0);
  });

  it('who was muted, and comes back from another source: they are not heard for two seconds at most', async () => {
    sends = { packetsPerS: 0, bytes: 0 };
    care.stopped();
    await clock.advanceAsync(60_000);
    sends = { packetsPerS: 50, bytes: VOICE_BYTES };
    onRefresh = () => care.resumed(1);
    await clock.advanceAsync(4000);
    expect(refreshes).toHaveLength(1);
    expect((refreshes[0] ?? Infinity) - 60_000).toBeLessThanOrEqual(2000);
    expect(told).toHaveLength(1);
  });

  it('and no refresh helps: five are tried, ever more seldom, it is told, and that is all for this call', async () => {
    care.stopped();
    await clock.advanceAsync(600_000);
    expect(refreshes).toEqual([120, 1120, 3120, 7120, 15_120]);
    expect(told).toEqual(['31120 ms, pbx, mended: no']);
    care.resumed(600_000);
    care.stopped();
    await clock.advanceAsync(600_000);
    expect(refreshes).toHaveLength(5);
    expect(told).toHaveLength(1);
    expect(clock.pendingAlarms).toBe(0);
  });

  it('of a PBX that counts no bytes: packets will do', async () => {
    knows = 'packets';
    onRefresh = () => care.resumed(420);
    care.stopped();
    await clock.advanceAsync(1000);
    expect(told).toEqual(['420 ms, pbx, mended: yes']);
  });

  it('of a channel of which the PBX knows no figures: it is tried all the same', async () => {
    knows = 'nothing';
    care.stopped();
    await clock.advanceAsync(600_000);
    expect(refreshes).toHaveLength(5);
    expect(told).toEqual(['31120 ms, unknown, mended: no']);
  });

  it('while the PBX does not answer: nothing is tried before it does', async () => {
    failure = new LinecardError('PBX_UNREACHABLE', 'away');
    care.stopped();
    await clock.advanceAsync(10_000);
    expect(refreshes).toEqual([]);
    failure = null;
    onRefresh = () => care.resumed(12_000);
    await clock.advanceAsync(5000);
    expect(told).toEqual(['12000 ms, pbx, mended: yes']);
  });

  it.each(['held', 'transferring'] as const)('while the call is %s: somebody else has them', async (elsewhere) => {
    state = elsewhere;
    care.stopped();
    await clock.advanceAsync(60_000);
    expect(refreshes).toEqual([]);
    state = 'talking';
    await clock.advanceAsync(700);
    expect(refreshes).toHaveLength(1);
  });

  it('and the call ends, or gets another leg: it is over', async () => {
    care.stopped();
    await clock.advanceAsync(100);
    care.forget();
    await clock.advanceAsync(60_000);
    expect(refreshes).toEqual([]);
    expect(clock.pendingAlarms).toBe(0);
    care.stopped();
    await clock.advanceAsync(120);
    expect(refreshes).toHaveLength(1);
  });

  it('whom the dialplan keeps: it is told once, after five seconds', async () => {
    build(null);
    care.stopped();
    await clock.advanceAsync(4999);
    care.resumed(5000);
    expect(told).toEqual([]);
    care.stopped();
    await clock.advanceAsync(60_000);
    care.resumed(60_000);
    care.stopped();
    await clock.advanceAsync(60_000);
    expect(told).toEqual(['5000 ms, unknown, mended: no']);
  });

  it('of a PBX that always hands on what it gets: nothing is done', async () => {
    build(lineTo(new FakePbx()));
    care.stopped();
    await clock.advanceAsync(60_000);
    care.resumed(60_000);
    expect(told).toEqual([]);
  });
});
