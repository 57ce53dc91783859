import { describe, expect, it } from 'vitest';
import type { Alarm, Clock } from '../../src/core/clock.js';
import type { Ticked, TickerReport } from '../../src/media/ticker.js';
import { Ticker } from '../../src/media/ticker.js';

/** A clock whose thread can be busy or asleep: alarms ring when the test lets the event loop turn. */
class LoopClock implements Clock {
  #nowMs = 1000.3;
  #alarm: { readonly atMs: number; readonly ring: () => void } | null = null;

  get armed(): boolean {
    return this.#alarm !== null;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setAlarm(delayMs: number, ring: () => void): Alarm {
    const alarm = { atMs: this.#nowMs + delayMs, ring };
    this.#alarm = alarm;
    return { cancel: () => (this.#alarm = this.#alarm === alarm ? null : this.#alarm) };
  }

  /** The thread does something else: time passes, nothing rings. */
  freeze(ms: number): void {
    this.#nowMs += ms;
  }

  /** Lets the loop turn for so long. */
  run(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let alarm = this.#alarm; alarm !== null && alarm.atMs <= untilMs; alarm = this.#alarm) {
      this.#alarm = null;
      this.#nowMs = Math.max(this.#nowMs, alarm.atMs);
      alarm.ring();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }
}

class Member implements Ticked {
  readonly atMs: number[] = [];
  onTick: () => void = () => undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  tick(): void {
    this.atMs.push(this.#clock.nowMs());
    this.onTick();
  }

  get gapsMs(): number[] {
    return this.atMs.slice(1).map((at, i) => at - (this.atMs[i] as number));
  }
}

function setUp(members: number): {
  clock: LoopClock;
  ticker: Ticker;
  members: Member[];
  failed: { member: Ticked; error: unknown }[];
} {
  const clock = new LoopClock();
  const failed: { member: Ticked; error: unknown }[] = [];
  const ticker = new Ticker({ clock, onError: (member, error) => failed.push({ member, error }) });
  const list = Array.from({ length: members }, () => new Member(clock));
  for (const member of list) ticker.add(member);
  return { clock, ticker, members: list, failed };
}

function report(ticker: Ticker): TickerReport {
  const figures = { latenessP50Ms: 0, latenessP99Ms: 0, latenessMaxMs: 0, ticks: 0, skippedTicks: 0, load: 0 };
  ticker.report(figures);
  return figures;
}

describe('ticker', () => {
  it('gives every member 50 turns a second, for an hour, whatever the alarms are rounded to', () => {
    const { clock, members } = setUp(5);
    clock.run(3_600_000);
    for (const member of members) expect(Math.abs(member.atMs.length - 180_000)).toBeLessThanOrEqual(1);
  });

  it('spreads members over four slots, 5 ms apart', () => {
    const { clock, members } = setUp(8);
    clock.run(40);
    const first = members.map((member) => member.atMs[0] as number);
    const distinct = [...new Set(first)].sort((a, b) => a - b);
    expect(distinct).toHaveLength(4);
    for (let i = 1; i < 4; i++) {
      expect((distinct[i] as number) - (distinct[i - 1] as number)).toBeGreaterThan(4);
      expect((distinct[i] as number) - (distinct[i - 1] as number)).toBeLessThan(6);
    }
    for (const at of distinct) expect(first.filter((other) => other === at)).toHaveLength(2);
  });

  it('puts a new member where one has left', () => {
    const { clock, ticker, members } = setUp(8);
    clock.run(100);
    const leaving = members[2] as Member;
    ticker.remove(leaving);
    const late = new Member(clock);
    ticker.add(late);
    clock.run(40);
    const partner = members[6] as Member;
    expect(partner.atMs).toContain(late.atMs[0]);
  });

  it('gives a member that knows when it should have its turns the next slot after that', () => {
    const { clock, ticker } = setUp(5);
    for (let i = 0; i < 40; i++) {
      clock.run(37.7);
      const from = clock.nowMs();
      const member = new Member(clock);
      ticker.add(member, 5);
      clock.run(20);
      const afterMs = ((member.atMs[0] as number) - from) % 20;
      expect(afterMs).toBeGreaterThanOrEqual(5);
      expect(afterMs).toBeLessThanOrEqual(11);
      ticker.remove(member);
    }
  });

  it('spreads those that all want the same slot when they are a crowd', () => {
    const { clock, ticker } = setUp(1);
    clock.run(100);
    const members = Array.from({ length: 40 }, () => new Member(clock));
    for (const member of members) ticker.add(member, 5);
    clock.run(20);
    const at = members.map((member) => member.atMs[0] as number);
    const sizes = [...new Set(at)].map((time) => at.filter((other) => other === time).length);
    expect(sizes).toHaveLength(4);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(9);
  });

  it('makes up for a delay of two ticks, without a burst', () => {
    const { clock, ticker, members } = setUp(4);
    clock.run(1000);
    clock.freeze(45);
    clock.run(955);
    for (const member of members) {
      expect(member.atMs.length).toBeGreaterThanOrEqual(99);
      expect(Math.min(...member.gapsMs)).toBeGreaterThanOrEqual(9.5);
    }
    const figures = report(ticker);
    expect(figures.skippedTicks).toBe(0);
    expect(figures.latenessMaxMs).toBeGreaterThanOrEqual(40);
    expect(figures.latenessP50Ms).toBeLessThan(2);
  });

  it('leaves out what is more than three ticks late, counts it, and keeps its pace', () => {
    const { clock, ticker, members } = setUp(4);
    clock.run(1000);
    clock.freeze(500);
    clock.run(1000);
    const figures = report(ticker);
    for (const member of members) {
      expect(member.atMs.length).toBeGreaterThanOrEqual(99);
      expect(member.atMs.length).toBeLessThanOrEqual(102);
      expect(Math.min(...member.gapsMs)).toBeGreaterThanOrEqual(9.5);
    }
    expect(figures.skippedTicks).toBeGreaterThanOrEqual(24 * 4);
    expect(figures.latenessMaxMs).toBeGreaterThan(490);
  });

  it('begins its figures anew with each report', () => {
    const { clock, ticker } = setUp(1);
    clock.run(1000);
    clock.freeze(50);
    clock.run(100);
    report(ticker);
    clock.run(1000);
    const figures = report(ticker);
    expect(figures.latenessMaxMs).toBeLessThan(2);
    expect(figures.ticks).toBeGreaterThanOrEqual(199);
    expect(figures.ticks).toBeLessThanOrEqual(201);
  });

  it('does not run without members, and runs again with the next', () => {
    const { clock, ticker, members } = setUp(1);
    ticker.remove(members[0] as Member);
    expect(clock.armed).toBe(false);
    ticker.add(members[0] as Member);
    clock.run(1000);
    expect((members[0] as Member).atMs.length).toBeGreaterThanOrEqual(49);
  });

  it('goes on when a call is closed during its own turn, and stops after the last', () => {
    const { clock, ticker, members } = setUp(3);
    for (const member of members) {
      member.onTick = () => {
        if (member.atMs.length === 10) ticker.remove(member);
      };
    }
    clock.run(1000);
    expect(members.map((member) => member.atMs.length)).toEqual([10, 10, 10]);
    expect(ticker.members).toBe(0);
    expect(clock.armed).toBe(false);
  });

  it('gives the others one turn each when a member removes its neighbour', () => {
    const { clock, ticker, members } = setUp(12);
    const [first, , , , fifth] = members as [Member, Member, Member, Member, Member];
    first.onTick = () => ticker.remove(fifth);
    clock.run(22);
    expect(fifth.atMs).toHaveLength(0);
    for (const member of members) if (member !== fifth) expect(member.atMs).toHaveLength(1);
  });

  it('takes a member that throws out and reports it; the others keep their pace', () => {
    const { clock, members, failed } = setUp(5);
    const [bad, ...others] = members as [Member, ...Member[]];
    bad.onTick = () => {
      throw new Error('agent went mad');
    };
    clock.run(1000);
    expect(bad.atMs).toHaveLength(1);
    expect(failed).toEqual([{ member: bad, error: new Error('agent went mad') }]);
    for (const member of others) expect(member.atMs.length).toBeGreaterThanOrEqual(49);
  });
});
