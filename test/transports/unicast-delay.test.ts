import { describe, expect, it } from 'vitest';
import { FRAME_MS } from '../../src/core/units.js';
import { Ticker } from '../../src/media/ticker.js';
import { FakeClock } from '../support/fake-clock.js';
import { seeded } from '../support/signals.js';
import { SimulatedUnicast } from '../support/simulated-unicast.js';

const CALLS = 20;
/** Two turns late, and most of a third. */
const STALL_MS = 55;

type Run = { readonly clock: FakeClock; readonly calls: readonly SimulatedUnicast[] };

/** Calls that begin at moments of their own, echoed by one ticker, for some seconds. */
function start({ lateMs }: { readonly lateMs?: () => number } = {}): Run {
  const clock = new FakeClock();
  const ticker = new Ticker({
    clock,
    onError: (_, error) => {
      throw error;
    },
  });
  const calls: SimulatedUnicast[] = [];
  const random = seeded(5);
  for (let i = 0; i < CALLS; i++) {
    const phaseMs = random() * 400;
    SimulatedUnicast.start({ clock, phaseMs, ...(lateMs === undefined ? {} : { lateMs }) }, (call) => {
      calls.push(call);
      ticker.add(call, call.leg.turnAfterMs);
    });
  }
  clock.advance(2000);
  for (const call of calls) call.forget();
  return { clock, calls };
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(part * (values.length - 1))] ?? NaN;
}

function delaysMs({ calls }: Run): number[] {
  return calls.flatMap((call) => call.delaysMs);
}

describe('an echo over unicast', () => {
  it('is at the phone within 13 ms of the datagram', () => {
    const run = start();
    run.clock.advance(30_000);
    expect(quantile(delaysMs(run), 0.5)).toBeLessThan(11);
    expect(quantile(delaysMs(run), 1)).toBeLessThanOrEqual(14);
    for (const { leg, delaysMs } of run.calls) {
      expect(delaysMs).toHaveLength(30_000 / FRAME_MS);
      expect(leg.counters).toMatchObject({ concealed: 0, stretched: 0, shrunk: 0, dropped: 0 });
    }
  });

  it('of a FreeSWITCH that is up to 4 ms late takes no longer', () => {
    const random = seeded(7);
    const run = start({ lateMs: () => 4 * random() });
    run.clock.advance(30_000);
    expect(quantile(delaysMs(run), 1)).toBeLessThanOrEqual(14);
    for (const { leg } of run.calls) expect(leg.counters).toMatchObject({ concealed: 0, stretched: 0, dropped: 0 });
  });

  it('of a FreeSWITCH that is now and then late by up to 20 ms takes one frame longer at most, and hardly anything is made up', () => {
    const random = seeded(11);
    const run = start({ lateMs: () => (random() < 0.01 ? 20 * random() : random()) });
    run.clock.advance(30_000);
    expect(quantile(delaysMs(run), 0.95)).toBeLessThanOrEqual(34);
    for (const { leg } of run.calls) {
      expect(leg.counters.dropped).toBe(0);
      expect(leg.counters.concealed).toBeLessThan(10);
    }
  });
});

describe('after a stall of ours', () => {
  /** Delays of the five seconds from now on. */
  function nextDelaysMs(run: Run): number[] {
    for (const call of run.calls) call.forget();
    run.clock.advance(5000);
    return delaysMs(run);
  }

  it('what waits at FreeSWITCH is a reserve for ten seconds, and is given back in pauses', () => {
    const run = start();
    run.clock.stall(STALL_MS);
    run.clock.advance(1000);
    expect(quantile(nextDelaysMs(run), 0.5)).toBeGreaterThan(40);
    run.clock.advance(10_000);
    expect(quantile(nextDelaysMs(run), 0.95)).toBeLessThanOrEqual(25);
    for (const { leg } of run.calls) expect(leg.counters.dropped).toBeLessThanOrEqual(3);
  });

  it('a next one is not heard as long as there is that reserve', () => {
    const run = start();
    run.clock.stall(STALL_MS);
    run.clock.advance(1000);
    for (const call of run.calls) call.forget();
    run.clock.stall(STALL_MS);
    run.clock.advance(1000);
    for (const { gapsMs } of run.calls) expect(Math.max(...gapsMs)).toBeLessThanOrEqual(40);
  });

  it('nothing is left out while somebody speaks', () => {
    const run = start();
    for (const call of run.calls) call.level = 'loud';
    run.clock.advance(1000);
    run.clock.stall(STALL_MS);
    run.clock.advance(30_000);
    for (const { leg } of run.calls) expect(leg.counters.dropped).toBe(0);
    for (const call of run.calls) call.level = 'pause';
    run.clock.advance(5000);
    expect(quantile(nextDelaysMs(run), 0.95)).toBeLessThanOrEqual(25);
  });
});
