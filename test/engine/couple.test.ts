import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newCallId, newLegId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FRAME_MS } from '../../src/core/units.js';
import { MediaHost } from '../../src/engine/media-host.js';
import type { OpenSession } from '../../src/engine/port.js';
import { FakeClock } from '../support/fake-clock.js';
import type { FakeLeg } from '../support/fake-media.js';
import { FakeConversation, FakeDoor, FakeProvider } from '../support/fake-media.js';

let clock: FakeClock;
let host: MediaHost;
let visitor: { readonly leg: FakeLeg; readonly session: OpenSession };
let person: { readonly leg: FakeLeg; readonly session: OpenSession };

beforeEach(async () => {
  clock = new FakeClock();
  const doors: FakeDoor[] = [];
  const open = (listener: ConstructorParameters<typeof FakeDoor>[0]): FakeDoor => {
    const door = new FakeDoor(listener);
    doors.push(door);
    return door;
  };
  host = new MediaHost({
    openDoors: (listener) => ({ audiosocket: open(listener), webrtc: open(listener) }),
    agents: new Map([
      ['clara', { provider: new FakeProvider('clara'), backup: null, echoGuard: 'off', tools: () => [] }],
    ]),
    directAgent: null,
    maxSessions: 10,
    admission: 'load',
    openConversation: (options) => new FakeConversation(options),
    prepare: () => Promise.resolve(),
    recording: 'off',
    send: () => undefined,
    clock,
    log: silentLogger,
  });
  await host.start();
  const arrive = (transport: 'webrtc' | 'audiosocket', door: FakeDoor): typeof visitor => {
    const session: OpenSession = {
      callId: newCallId(),
      legId: newLegId(),
      transport,
      agent: 'clara',
      caller: { number: '', name: '' },
      extension: null,
      digits: 'control',
      format: null,
      history: [],
    };
    host.handle({ kind: 'open', session });
    return { session, leg: door.knock(session.legId)! };
  };
  visitor = arrive('webrtc', doors[1]!);
  person = arrive('audiosocket', doors[0]!);
  visitor.leg.says = 1000;
  person.leg.says = 2000;
});

afterEach(() => host.stop());

function couple(withCallId: OpenSession['callId'] | null): void {
  host.handle({ kind: 'couple', callId: visitor.session.callId, withCallId });
}

/** Ticks are in slots of their own: after two frames each has had a turn since. */
function go(): void {
  clock.advance(2 * FRAME_MS);
}

describe('two who are coupled', () => {
  it('hear each other, one frame a tick, and not their agents', () => {
    couple(person.session.callId);
    go();
    expect([visitor.leg.heard, person.leg.heard]).toEqual([2000, 1000]);
    const before = [visitor.leg.counters.framesOut, person.leg.counters.framesOut];
    clock.advance(50 * FRAME_MS);
    expect([visitor.leg.counters.framesOut, person.leg.counters.framesOut].map((now, i) => now - before[i]!)).toEqual([
      50, 50,
    ]);
  });

  it('are with their agents again when they are parted', () => {
    couple(person.session.callId);
    go();
    couple(null);
    go();
    expect([visitor.leg.heard, person.leg.heard]).toEqual([0, 0]);
  });

  it('are parted when one hangs up', () => {
    couple(person.session.callId);
    go();
    person.leg.end('remote', 'FIN');
    go();
    expect(visitor.leg.heard).toBe(0);
    expect(host.sessionCount).toBe(1);
  });

  it('are nobody when the other is not there', () => {
    couple(newCallId());
    go();
    expect(visitor.leg.heard).toBe(0);
  });
});

describe('one who waits', () => {
  it('hears music where no PBX plays any, and only there', () => {
    const heard = new Set<number>();
    for (const { session } of [visitor, person]) host.handle({ kind: 'hold', callId: session.callId, held: 'held' });
    for (let i = 0; i < 100; i++) {
      clock.advance(FRAME_MS);
      heard.add(visitor.leg.heard);
      expect(person.leg.heard).toBe(0);
    }
    expect(heard.size).toBeGreaterThan(50);
    host.handle({ kind: 'hold', callId: visitor.session.callId, held: 'resumed' });
    go();
    expect(visitor.leg.heard).toBe(0);
  });
});
