import { assertNever } from '../../core/assert-never.js';
import type { Caller } from '../../core/calls.js';
import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { BridgeId, CallId, ChannelId } from '../../core/ids.js';
import { newBridgeId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { MediaEngine } from '../../engine/port.js';
import type { ConsultPbx, Parties, Pbx } from '../../pbx/port.js';
import type { LegRoutes } from '../leg-routes.js';
import { PersonLeg } from './person-leg.js';
import { releaseParties } from './release-parties.js';
import type { TalkingPairs } from './talking-pairs.js';
import type {
  Attempted,
  TransferEffect,
  TransferEnd,
  TransferEvent,
  TransferPlan,
  TransferState,
} from './transfer-machine.js';
import { stepTransfer, TRANSFER_IDLE } from './transfer-machine.js';
import { speechText } from './transfer-words.js';

/** A place that a caller may be brought to; the first that takes the call gets it. */
export type Place = { readonly extension: string; readonly ringTimeMs: number };

/** The caller's side of a transfer: the call itself, where its agent and its music are. */
export interface TransferringCall {
  /** The agent falls silent, the music begins. */
  hold(): Promise<void>;
  /** Music off, the caller back with the agent, who tells them what happened. */
  resume(tried: readonly Attempted[], from: 'music' | 'person'): Promise<void>;
  /** To a human by the dialplan, or hung up where there is none. Never rejects. */
  toFallback(): Promise<void>;
  /** Told once. abandoned and callerGone were ended by the call itself. */
  transferEnded(how: TransferEnd): void;
}

/** A caller whose audio is on a media thread of ours and goes from there to the person, as long as they talk. */
export interface Anchor {
  readonly callId: CallId;
  /** They hear each other, and nobody else. */
  connect(personCallId: CallId): void;
  /** The person hung up, after the transfer had ended well. */
  personGone(): void;
}

export type WarmTransferOptions = {
  readonly pbx: Pbx;
  readonly consult: ConsultPbx;
  /** Null where the caller is with us and not on this PBX: `anchor` connects then. */
  readonly callerChannelId: ChannelId | null;
  readonly anchor: Anchor | null;
  /** no: who picks up has the caller at once. */
  readonly announced: 'yes' | 'no';
  /** Brings the caller back to the agent and the person to both, as whoever has joined a call; absent: the agent leaves. */
  readonly conference?: (personChannelId: ChannelId) => Promise<void>;
  /** Who speaks to the person, and understands them. */
  readonly briefingAgent: string;
  readonly caller: Caller;
  readonly extension: string | null;
  /** Where the places are dialled. */
  readonly context: string;
  readonly places: readonly Place[];
  /** As people call where the caller goes. */
  readonly label: string;
  readonly summary: string;
  readonly graceMs: number;
  readonly call: TransferringCall;
  readonly engine: MediaEngine;
  readonly routes: LegRoutes;
  readonly pairs: TalkingPairs;
  /** Told before a command is given that outlives us. */
  readonly onStep: (what: string, detail: Readonly<Record<string, unknown>>) => void;
  readonly clock: Clock;
  readonly log: Logger;
};

/**
 * Runs one warm transfer: does what the machine asks for and tells it what happened. What is done to the caller's channel is done in
 * order, one after the other; the person's leg has an order of its own.
 */
export class WarmTransfer {
  readonly #options: WarmTransferOptions;
  readonly #log: Logger;
  readonly #legs = new Map<number, PersonLeg>();
  #state: TransferState = TRANSFER_IDLE;
  #alarm: Alarm | null = null;
  /** What is done to the caller, in order. */
  #callerWork: Promise<void> = Promise.resolve();
  /** The bridge of caller and person, from its making until it is left to somebody. */
  #parties: Parties | null = null;
  #acceptedAtMs = 0;
  #callerIsGone = false;
  /** The person whom an anchored caller talks with, once the transfer has ended. */
  #anchored: PersonLeg | null = null;

  constructor(options: WarmTransferOptions) {
    this.#options = options;
    this.#log = options.log.child({ transferTo: options.label });
  }

  /** Caller and person talk with each other, as far as we know. */
  get talking(): boolean {
    return this.#state.kind === 'talking';
  }

  /** What of the PBX belongs to it besides the caller: for the leak check. */
  get belongings(): { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] } {
    const legs = [...this.#legs.values()].map((leg) => leg.belongings);
    return {
      channels: legs.flatMap(({ channels }) => channels),
      bridges: [...legs.flatMap(({ bridges }) => bridges), ...(this.#parties === null ? [] : [this.#parties.bridgeId])],
    };
  }

  begin(): void {
    this.#happened({ kind: 'begin' });
  }

  /** The person's phone falls silent at once. */
  callerGone(): void {
    this.#callerIsGone = true;
    this.#happened({ kind: 'callerGone' });
  }

  /** Somebody else stands where the caller was; later commands read it from the options. */
  callerReplaced(callerChannelId: ChannelId): void {
    if (this.#parties !== null) this.#parties = { ...this.#parties, callerChannelId };
  }

  /** Somebody else ends the call. Two who talk are left to the PBX; `settled` says when. */
  abandon(): void {
    this.#happened({ kind: 'abandoned' });
  }

  /** An anchored caller is gone: the person is hung up. Never rejects. */
  async endAnchored(): Promise<void> {
    const leg = this.#anchored;
    this.#anchored = null;
    await leg?.hangUp();
    this.#legs.clear();
  }

  /** Resolves when nothing that was asked for is under way any more. */
  async settled(): Promise<void> {
    await this.#callerWork;
  }

  #happened(event: TransferEvent): void {
    if (this.#anchored !== null && (event.kind === 'legGone' || event.kind === 'briefingFailed')) {
      this.#options.anchor?.personGone();
      return;
    }
    const before = this.#state.kind;
    const { state, effects } = stepTransfer(this.#plan(), this.#state, event);
    this.#state = state;
    if (state.kind !== before) this.#log.debug({ event: event.kind, from: before, to: state.kind }, 'transfer went on');
    for (const effect of effects) this.#perform(effect);
  }

  #plan(): TransferPlan {
    const { places, graceMs, conference } = this.#options;
    return { targets: places, graceMs, agent: conference === undefined ? 'leaves' : 'stays' };
  }

  #perform(effect: TransferEffect): void {
    const { call, clock } = this.#options;
    switch (effect.kind) {
      case 'arm':
        this.#alarm?.cancel();
        this.#alarm = clock.setAlarm(effect.delayMs, () => this.#happened({ kind: 'timeUp' }));
        break;
      case 'disarm':
        this.#alarm?.cancel();
        this.#alarm = null;
        break;
      case 'hold':
        this.#withCaller('music for the caller', () => call.hold(), { kind: 'held' }, { kind: 'holdFailed' });
        break;
      case 'dial':
        this.#dial(effect.attempt, effect.target);
        break;
      case 'hangUp':
        void this.#hangUp(effect.attempt);
        break;
      case 'openBriefing':
        this.#legs.get(effect.attempt)?.openBriefing();
        break;
      case 'speak':
        this.#speak(effect.attempt, speechText(effect.speech, this.#options));
        break;
      case 'merge':
        this.#acceptedAtMs = clock.nowMs();
        this.#withCaller(
          'connecting caller and person',
          () => this.#merge(effect.attempt),
          { kind: 'merged', attempt: effect.attempt },
          { kind: 'mergeFailed', attempt: effect.attempt },
        );
        break;
      case 'release':
        this.#withCaller('releasing caller and person', () => this.#release(effect.attempt));
        break;
      case 'resume':
        this.#withCaller(
          'bringing the caller back',
          () => this.#resume(effect.tried),
          { kind: 'resumed' },
          { kind: 'resumeFailed' },
        );
        break;
      case 'fallback':
        this.#withCaller('bringing the caller to the fallback', () => call.toFallback());
        break;
      case 'finish':
        this.#withCaller('ending the transfer', () => this.#finish(effect.how));
        break;
      default:
        assertNever(effect);
    }
  }

  /** After everything that was asked for the caller before. */
  #withCaller(what: string, work: () => Promise<void>, done?: TransferEvent, failed?: TransferEvent): void {
    this.#callerWork = this.#callerWork.then(async () => {
      try {
        await work();
      } catch (error) {
        this.#log.warn({ err: error, what }, 'step of a transfer failed');
        if (failed !== undefined) this.#happened(failed);
        return;
      }
      if (done !== undefined) this.#happened(done);
    });
  }

  #dial(attempt: number, target: number): void {
    const { pbx, consult, briefingAgent, caller, extension, context, callerChannelId, places } = this.#options;
    const { anchor, engine, routes, clock } = this.#options;
    const place = places[target];
    if (place === undefined) return;
    const leg = new PersonLeg({
      pbx,
      consult,
      attempt,
      dial: { callerChannelId, caller, context, extension: place.extension, ringTimeMs: place.ringTimeMs },
      agent: briefingAgent,
      caller,
      extension,
      beside: anchor?.callId ?? null,
      engine,
      routes,
      clock,
      log: this.#log,
      onEvent: (event) => this.#happened(event),
    });
    this.#legs.set(attempt, leg);
    this.#options.onStep('dial', { attempt, channelId: leg.channelId, extension: place.extension });
    this.#log.info({ to: place.extension, ringTimeMs: place.ringTimeMs, attempt }, 'ringing a person');
    leg.dial();
  }

  /** Who is not to be asked has said yes by picking up. */
  #speak(attempt: number, text: string): void {
    if (this.#options.announced === 'yes') this.#legs.get(attempt)?.say(text);
    else queueMicrotask(() => this.#happened({ kind: 'digit', attempt, digit: '1' }));
  }

  async #hangUp(attempt: number): Promise<void> {
    this.#options.onStep('hangUp', { attempt });
    await this.#legs.get(attempt)?.hangUp();
    this.#legs.delete(attempt);
  }

  async #merge(attempt: number): Promise<void> {
    const { consult, callerChannelId, anchor, conference, clock } = this.#options;
    const leg = this.#legs.get(attempt);
    if (leg === undefined || this.#state.kind !== 'merging') return; // given up while it waited for its turn
    if (conference !== undefined) {
      await conference(leg.channelId);
      await leg.release();
      this.#legs.delete(attempt);
      return;
    }
    if (callerChannelId === null) {
      if (anchor === null || leg.mediaCallId === null) throw new LinecardError('INVARIANT', 'nothing to connect with');
      anchor.connect(leg.mediaCallId);
      return;
    }
    this.#parties = { bridgeId: newBridgeId(), callerChannelId, personChannelId: leg.channelId };
    this.#options.onStep('connect', this.#parties);
    await consult.connect(this.#parties);
    this.#log.info({ mergeMs: Math.round(clock.nowMs() - this.#acceptedAtMs) }, 'caller and person talk');
    void leg.closeBriefing();
  }

  async #release(attempt: number): Promise<void> {
    const { pbx, consult, pairs } = this.#options;
    const leg = this.#legs.get(attempt);
    const parties = this.#parties;
    if (this.#options.anchor !== null) this.#anchored = leg ?? null;
    if (leg === undefined || parties === null) return;
    this.#options.onStep('release', parties);
    const gone = (): ChannelId | null => {
      if (this.#callerIsGone) return parties.callerChannelId;
      return leg.gone ? parties.personChannelId : null;
    };
    const released = await releaseParties({ pbx, consult, pairs, parties, gone, log: this.#log });
    if (released === 'kept') this.#parties = null;
    await leg.release();
    this.#legs.delete(attempt);
  }

  async #resume(tried: readonly Attempted[]): Promise<void> {
    await this.#options.call.resume(tried, this.#parties === null ? 'music' : 'person');
    await this.#closeParties();
  }

  async #finish(how: TransferEnd): Promise<void> {
    this.#options.call.transferEnded(how);
    if (this.#anchored?.gone === true) this.#options.anchor?.personGone();
    await this.#closeParties();
  }

  async #closeParties(): Promise<void> {
    const parties = this.#parties;
    this.#parties = null;
    if (parties === null) return;
    await this.#options.pbx.closeMedia({ mediaChannelId: null, bridgeId: parties.bridgeId });
  }
}
