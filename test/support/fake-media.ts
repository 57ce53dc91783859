import type { AgentProvider, AgentSession } from '../../src/agent/port.js';
import type { LegId } from '../../src/core/ids.js';
import type { LiveConversation, OpenConversationOptions } from '../../src/engine/live-conversation.js';
import type { LegDoor, LegDoorListener } from '../../src/engine/leg-door.js';
import type { LegSignal, MediaAddress, OpenSession } from '../../src/engine/port.js';
import type { FrameKind, LegCloseReason, LegCounters, LegListener, MediaLeg } from '../../src/media/leg.js';
import { FRAME_SILENCE, newLegCounters } from '../../src/media/leg.js';

/** A leg in memory that counts what it is given. */
export class FakeLeg implements MediaLeg {
  readonly id: LegId;
  listener: LegListener | null = null;
  wireRateHz: number;
  readonly counters: LegCounters = newLegCounters();
  readonly playout = { depthMs: 20, skewPpm: 0 };
  /** Each sample of what its party says, and the first one of the last frame that the party heard. */
  says = 0;
  heard = 0;
  closedWith: LegCloseReason | null = null;
  presence: 'here' | 'away' = 'here';

  constructor(id: LegId, wireRateHz = 8000) {
    this.id = id;
    this.wireRateHz = wireRateHz;
  }

  get codec(): string {
    return this.wireRateHz === 8000 ? 'slin' : 'slin16';
  }

  pull(dst: Int16Array): FrameKind {
    this.counters.framesIn += 1;
    dst.fill(this.says);
    return FRAME_SILENCE;
  }

  push(src: Int16Array): void {
    this.counters.framesOut += 1;
    this.heard = src[0] ?? 0;
  }

  describe(): string[] {
    return ['fake leg'];
  }

  close(reason: LegCloseReason): void {
    this.end(reason, 'closed by Linecard');
  }

  /** The other side, or we, ended it. */
  end(reason: LegCloseReason, detail: string): void {
    if (this.closedWith !== null) return;
    this.closedWith = reason;
    this.listener?.closed(reason, detail);
  }
}

/** A conversation that writes down what it is told; the test speaks for its agent through `options.listener`. */
export class FakeConversation implements LiveConversation {
  readonly options: OpenConversationOptions;
  readonly told: string[] = [];
  keys: 'shown' | 'secret' = 'shown';
  speaks = false;
  /** Throws at the next tick. */
  broken = false;

  constructor(options: OpenConversationOptions) {
    this.options = options;
  }

  start(): void {
    this.told.push('start');
  }

  digit(digit: string): void {
    this.told.push(`digit ${digit}`);
  }

  say(text: string): void {
    this.told.push(`say ${text}`);
  }

  takeMessage(text: string): void {
    this.told.push(`take message ${text}`);
  }

  relay(words: string): void {
    this.told.push(`relay ${words}`);
  }

  instruct(text: string): void {
    this.told.push(`instruct ${text}`);
  }

  hold(held: 'held' | 'resumed'): void {
    this.told.push(held);
  }

  tick(nowMs: number): void {
    if (this.broken) throw new Error('conversation out of its mind');
    this.options.leg.pull(new Int16Array(320), nowMs);
    this.options.leg.push(new Int16Array(320));
  }

  close(): void {
    this.told.push('close');
  }
}

export class FakeProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities = { turnTaking: 'none', utterances: 'unwanted' } as const;
  readonly #prepares: 'well' | 'never';
  closed = 0;

  constructor(name: string, prepares: 'well' | 'never' = 'well') {
    this.name = name;
    this.#prepares = prepares;
  }

  prepare(): Promise<void> {
    return this.#prepares === 'well' ? Promise.resolve() : Promise.reject(new Error('no model there'));
  }

  limitations(): readonly string[] {
    return this.name === 'limited' ? ['keys only'] : [];
  }

  open(): AgentSession {
    throw new Error('conversations of this test open no session');
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }
}

/** A door at which the test knocks. */
export class FakeDoor implements LegDoor {
  readonly address = { host: '127.0.0.1', port: 9092 };
  readonly expected = new Map<LegId, { rateHz: number; onTimeout: () => void }>();
  readonly signals: LegSignal[] = [];
  readonly endedLegs: LegId[] = [];
  readonly listener: LegDoorListener;
  failure: Error | null = null;
  stopped = 0;

  constructor(listener: LegDoorListener) {
    this.listener = listener;
  }

  start(): Promise<void> {
    return this.failure === null ? Promise.resolve() : Promise.reject(this.failure);
  }

  expect({ legId, wireRateHz }: OpenSession, options: { onTimeout: () => void }): MediaAddress {
    if (this.failure !== null) throw this.failure;
    this.expected.set(legId, { rateHz: wireRateHz ?? 8000, ...options });
    return this.address;
  }

  unexpect(legId: LegId): void {
    this.expected.delete(legId);
  }

  endedOnPurpose(legId: LegId): void {
    this.endedLegs.push(legId);
  }

  signal(_legId: LegId, signal: LegSignal): Promise<string | null> {
    this.signals.push(signal);
    if (this.failure !== null) return Promise.reject(this.failure);
    return Promise.resolve(signal.kind === 'offer' ? 'v=0' : null);
  }

  stop(): Promise<void> {
    this.stopped += 1;
    return Promise.resolve();
  }

  /** A leg connects; null when it is refused. */
  knock(legId: LegId): FakeLeg | null {
    const announced = this.expected.delete(legId) ? 'yes' : 'no';
    if (announced === 'no' && this.listener.onUnknown(legId, '127.0.0.1') !== null) return null;
    const leg = new FakeLeg(legId);
    this.listener.onLeg(leg, { peer: '127.0.0.1', announced });
    return leg;
  }
}
