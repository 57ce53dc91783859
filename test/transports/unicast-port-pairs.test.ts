import { describe, expect, it } from 'vitest';
import { PortPairs } from '../../src/transports/unicast/port-pairs.js';
import { FakeClock } from '../support/fake-clock.js';

/** The first one begins. */
const random = (): number => 0;

describe('port pairs', () => {
  it('leases the even port of each pair, and none whose odd port lies beyond the range', () => {
    const pairs = new PortPairs({ clock: new FakeClock(), range: [20_001, 20_006], share: 0, shares: 1, random });
    expect([pairs.lease(), pairs.lease(), pairs.lease()]).toEqual([20_002, 20_004, null]);
  });

  it('lets a port rest after its call, and gives the one that has rested longest first', () => {
    const clock = new FakeClock();
    const pairs = new PortPairs({ clock, range: [20_000, 20_005], share: 0, shares: 1, random });
    expect([pairs.lease(), pairs.lease()]).toEqual([20_000, 20_002]);
    pairs.release(20_002);
    clock.advance(1000);
    pairs.release(20_000);
    expect([pairs.lease(), pairs.lease()]).toEqual([20_004, null]);
    clock.advance(4000);
    expect([pairs.lease(), pairs.lease()]).toEqual([20_002, null]);
    clock.advance(1000);
    expect([pairs.lease(), pairs.lease()]).toEqual([20_000, null]);
  });

  it('never leases a port twice because it was released twice', () => {
    const clock = new FakeClock();
    const pairs = new PortPairs({ clock, range: [20_000, 20_001], share: 0, shares: 1, random });
    pairs.lease();
    pairs.release(20_000);
    pairs.release(20_000);
    clock.advance(60_000);
    expect([pairs.lease(), pairs.lease()]).toEqual([20_000, null]);
  });

  it('passes by a port that somebody else has, until a minute later', () => {
    const clock = new FakeClock();
    const pairs = new PortPairs({ clock, range: [20_000, 20_003], share: 0, shares: 1, random });
    expect([pairs.lease(), pairs.lease()]).toEqual([20_000, 20_002]);
    pairs.release(20_000, 'taken');
    pairs.release(20_002);
    clock.advance(5000);
    expect([pairs.lease(), pairs.lease()]).toEqual([20_002, null]);
    clock.advance(55_000);
    expect(pairs.lease()).toBe(20_000);
  });

  it('begins anywhere: a process that is gone may have left callers on ports', () => {
    const lease = (chance: number): (number | null)[] => {
      const clock = new FakeClock();
      const pairs = new PortPairs({ clock, range: [20_000, 20_005], share: 0, shares: 1, random: () => chance });
      return [pairs.lease(), pairs.lease(), pairs.lease(), pairs.lease()];
    };
    expect(lease(0.5)).toEqual([20_002, 20_004, 20_000, null]);
    expect(lease(0.999)).toEqual([20_004, 20_000, 20_002, null]);
  });

  it('shares the range out so that threads never meet', () => {
    const ports = [0, 1, 2].map((share) => {
      const pairs = new PortPairs({ clock: new FakeClock(), range: [20_000, 20_009], share, shares: 3, random });
      return [pairs.lease(), pairs.lease(), pairs.lease()];
    });
    expect(ports).toEqual([
      [20_000, 20_006, null],
      [20_002, 20_008, null],
      [20_004, null, null],
    ]);
  });
});
