import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CallManager } from '../../src/call/call-manager.js';
import type { CallId, ChannelId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import type { CallJournal } from '../../src/journal/port.js';
import { SqliteJournal } from '../../src/journal/sqlite-journal.js';
import type { ChannelInfo, Pbx, PbxSnapshot } from '../../src/pbx/port.js';
import { FakeClock, settle } from './fake-clock.js';
import { FakeEngine } from './fake-engine.js';
import { FakePbx } from './fake-pbx.js';
import { noSchedules } from './schedules.js';

export const CALLER = 'caller-1' as ChannelId;
export const GRACE_MS = 10_000;
/** Hundreds of journals are made anew: where nothing waits for a disk. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
/** As often as the PBX's lists are made anew; the leak check comes at its beginning. */
const LOOK_MS = 10_000;
/** Longer than anything that a call waits for. */
const LONG_MS = 120_000;

/** Of the work of a process, counted: a command to the PBX, or an entry in the journal. */
export type Death = { readonly at: number; readonly when: 'before' | 'after' };

/** One life of the program: everything that it does goes through `step`, and after its death nothing does. */
export class Life {
  /** What was done, in order: `journal …` and the commands of the PBX. */
  readonly work: string[] = [];
  readonly engine = new FakeEngine();
  readonly clock: FakeClock;
  readonly manager: CallManager;
  readonly #death: Death | null;
  #dead = false;

  constructor(world: World, journal: SqliteJournal, death: Death | null) {
    this.#death = death;
    this.clock = world.clock;
    const own = this.#mortalJournal(journal);
    this.manager = new CallManager({
      services: {
        engine: this.engine,
        destinations: new Map([
          [
            'sales',
            {
              dial: '6002',
              label: 'Sales',
              mode: 'warm',
              places: [{ extension: '6002', ringTimeMs: 20_000 }],
              otherwise: 'agent',
            },
          ],
        ]),
        transfers: { maxPerCall: 5, graceMs: GRACE_MS, allow: [] },
        messages: {
          save: () => Promise.resolve('m1'),
          list: () => Promise.resolve([]),
          audioPath: () => Promise.resolve(null),
          calledBack: () => Promise.resolve(null),
        },
        schedules: noSchedules(),
        journal: own,
        clock: this.clock,
        log: silentLogger,
        publish: (event) => own.observe(event),
      },
      pbxes: [this.#mortalPbx(world.pbx)],
      extensions: new Map([['7000', { agent: 'receptionist', fallback: '6009' }]]),
    });
    this.engine.onMessage = (message) => {
      if (!this.#dead) this.manager.onMedia(message);
    };
    this.manager.start();
  }

  get dead(): boolean {
    return this.#dead;
  }

  kill(): void {
    this.#dead = true;
  }

  /** True: it may be done. */
  #step(what: string): 'do' | 'do and die' | 'never' {
    if (this.#dead) return 'never';
    const number = this.work.push(what);
    if (this.#death?.at !== number) return 'do';
    this.#dead = true;
    return this.#death.when === 'before' ? 'never' : 'do and die';
  }

  #mortalPbx(pbx: FakePbx): Pbx {
    return this.#mortal<FakePbx>(pbx, ['unready', 'start', 'mediaFormat'], {
      consult: this.#mortal(pbx.people, [], {}),
    });
  }

  /** Commands of a dead process are never given, and nobody hears the answer to its last one. */
  #mortal<Target extends object>(target: Target, free: readonly string[], parts: Partial<Target>): Target {
    return new Proxy(target, {
      get: (_, name) => {
        const part: unknown = Reflect.get(parts, name) ?? Reflect.get(target, name);
        if (typeof part !== 'function') return part;
        const method = (part as (...values: unknown[]) => unknown).bind(target);
        if (free.includes(String(name))) return method;
        return async (...values: unknown[]) => {
          const step = this.#step(`${String(name)} ${values.map(idOf).join(' ')}`.trim());
          const done: unknown = step === 'never' ? undefined : await method(...values);
          return this.#dead ? new Promise(() => undefined) : done;
        };
      },
      set: (_, name, value) => {
        const listener = value as (event: unknown) => void;
        const whileAlive = (event: unknown): void => {
          if (!this.#dead) listener(event);
        };
        return Reflect.set(target, name, whileAlive);
      },
    });
  }

  #mortalJournal(journal: SqliteJournal): CallJournal {
    return new Proxy(journal, {
      get: (target, name) => {
        const method = (Reflect.get(target, name) as (...values: unknown[]) => unknown).bind(target);
        const reads = ['trouble', 'unfinished', 'unfinishedAt', 'ended', 'turnsOf'];
        if (reads.includes(String(name))) return method;
        return (...values: unknown[]) => {
          const [first] = values as { readonly kind?: string }[];
          const step = this.#step(`journal ${first?.kind ?? String(name)}`);
          return step === 'never' ? undefined : method(...values);
        };
      },
    });
  }
}

function idOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A PBX with one caller, which outlives the processes that serve them. */
export class World {
  readonly pbx = new FakePbx({}, 'reachable');
  clock = new FakeClock();
  life: Life;
  /** What became of the caller at the PBX. */
  caller: 'ringing' | 'up' | 'in the dialplan' | 'hung up' = 'ringing';
  readonly #directory = mkdtempSync(join(MEMORY, 'linecard-mortal-'));
  readonly #journals: SqliteJournal[] = [];

  constructor(death: Death | null) {
    this.#watchCaller();
    this.life = new Life(this, this.#journal(), death);
    this.pbx.onEvent({ kind: 'connected' });
  }

  get callId(): CallId {
    const [call] = this.life.manager.list();
    if (call === undefined) throw new Error('nobody calls');
    return call.id;
  }

  get journal(): SqliteJournal {
    return this.#journals.at(-1)!;
  }

  offer(): void {
    this.pbx.offer({ channelId: CALLER });
  }

  /** Resolves when nothing is left to do now; false when the process has died over it. */
  async after(...work: readonly (() => unknown)[]): Promise<boolean> {
    for (const each of work) {
      if (this.life.dead) return false;
      // A command that the process died over is never answered.
      void Promise.resolve(each()).catch(() => undefined);
      await settle();
    }
    return !this.life.dead;
  }

  /** The next process, two seconds later: sockets of the former one have closed. */
  async restart(): Promise<void> {
    this.life.kill();
    this.clock = new FakeClock(this.clock.wallMs() + 2000);
    this.life = new Life(this, this.#journal(), null);
    this.pbx.present = this.#snapshot();
    this.pbx.onEvent({ kind: 'connected' });
    await settle();
  }

  /** Its event connection is back after a moment, and nothing else has happened. */
  async reconnect(): Promise<void> {
    this.pbx.onEvent({ kind: 'disconnected', reason: 'cut' });
    this.pbx.present = this.#snapshot();
    this.pbx.onEvent({ kind: 'connected' });
    await settle();
  }

  /** Nobody who was there is there any more. */
  async restartPbx(): Promise<void> {
    this.pbx.onEvent({ kind: 'disconnected', reason: 'restarted' });
    this.caller = 'hung up';
    for (const channelId of [CALLER, ...this.pbx.people.live]) this.pbx.people.gone(channelId);
    this.pbx.people.live.clear();
    this.pbx.present = { channels: [], bridges: [] };
    this.pbx.onEvent({ kind: 'connected' });
    await settle();
  }

  /** With the leak check of every 30 s, which sees what is there. */
  async later(ms = LONG_MS): Promise<void> {
    for (let passed = 0; passed < ms; passed += LOOK_MS) {
      this.pbx.present = this.#snapshot();
      await this.clock.advanceAsync(LOOK_MS);
    }
  }

  /** Who is with the caller; `nobody` must never be. */
  callerIsWith(): string {
    const { people } = this.pbx;
    if (this.caller === 'hung up' || this.caller === 'in the dialplan') return this.caller;
    if (people.released.some(({ callerChannelId }) => callerChannelId === CALLER)) return 'a person';
    const hears = people.hears(CALLER);
    const [call] = this.life.manager.list();
    if (this.caller === 'ringing') return call === undefined ? 'nobody, and rings' : 'ringing';
    // In what was a conference they are in the agent's bridge still.
    const together = [...people.live].some((person) => people.bridgeOf(person) === people.bridgeOf(CALLER));
    if (call === undefined) return together && hears !== 'music' ? 'a person' : `nobody, and hears ${hears}`;
    if (hears === 'music' && call.state === 'held') return 'on hold';
    if (hears === 'music') return call.state === 'transferring' ? hears : 'music, for no reason';
    return hears === 'media' ? 'the agent' : hears;
  }

  callerHangsUp(): void {
    if (this.caller === 'hung up' || this.caller === 'in the dialplan') return;
    this.caller = 'hung up';
    this.pbx.people.gone(CALLER);
    this.pbx.onEvent({ kind: 'channelGone', channelId: CALLER, cause: 'normal' });
  }

  /** What should be gone with the last call, by its name. */
  leftovers(): string[] {
    const { pbx, life } = this;
    return [
      ...life.manager.list().map(({ state }) => `call, ${state}`),
      ...[...pbx.openMediaChannels.keys()].map(() => 'bridge with media'),
      ...[...pbx.people.live].map(() => 'person'),
      ...pbx.people.partyBridges.map(() => 'bridge of two'),
      ...[...life.engine.sessions.keys()].map(() => 'media session'),
      ...this.journal.unfinished('fake').map(() => 'unfinished call in the journal'),
      ...(life.manager.routeCount === 0 ? [] : ['route']),
    ];
  }

  close(): void {
    for (const journal of this.#journals) journal.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #journal(): SqliteJournal {
    const path = join(this.#directory, 'journal.db');
    const journal = new SqliteJournal({ path, keepDays: 7, clock: this.clock, log: silentLogger });
    this.#journals.push(journal);
    return journal;
  }

  #watchCaller(): void {
    const { pbx } = this;
    const answer = pbx.answer.bind(pbx);
    const handBack = pbx.handBack.bind(pbx);
    const hangUp = pbx.hangUp.bind(pbx);
    pbx.answer = async (channelId) => {
      await answer(channelId);
      if (channelId === CALLER) this.caller = 'up';
    };
    pbx.handBack = async (channelId, to) => {
      await handBack(channelId, to);
      this.caller = 'in the dialplan';
      pbx.people.gone(CALLER);
    };
    pbx.hangUp = async (channelId) => {
      await hangUp(channelId);
      if (channelId !== CALLER) return;
      this.caller = 'hung up';
      pbx.people.gone(CALLER);
    };
  }

  #snapshot(): PbxSnapshot {
    const { people } = this.pbx;
    const there = (this.caller === 'up' || this.caller === 'ringing') && people.released.length === 0;
    const channels = [
      ...(there ? [this.#channel(CALLER, 'pbx')] : []),
      ...[...people.live].map((person) => this.#channel(person, 'linecard')),
    ];
    const members = (bridgeId: string): ChannelId[] =>
      channels.map(({ channelId }) => channelId).filter((channelId) => people.bridgeOf(channelId) === bridgeId);
    return {
      channels,
      bridges: [
        ...[...this.pbx.openMediaChannels.values()].map(({ bridgeId }) => ({ bridgeId, channels: members(bridgeId) })),
        ...people.partyBridges.map((bridgeId) => ({
          bridgeId,
          channels: members(bridgeId),
          holds: 'parties' as const,
        })),
      ],
    };
  }

  #channel(channelId: ChannelId, owner: ChannelInfo['owner']): ChannelInfo {
    return {
      channelId,
      state: owner === 'pbx' && this.caller === 'ringing' ? 'ringing' : 'up',
      caller: { number: '6001', name: 'Alice' },
      extension: owner === 'pbx' ? '7000' : null,
      context: 'phones',
      owner,
      createdAtMs: this.clock.wallMs(),
    };
  }
}
