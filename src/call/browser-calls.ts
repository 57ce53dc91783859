import type { Alarm, Clock } from '../core/clock.js';
import type { Caller } from '../core/calls.js';
import { LinecardError, toLinecardError } from '../core/errors.js';
import type { CallEvent } from '../core/events.js';
import type { CallId } from '../core/ids.js';
import type { FromMedia, LegSignal, MediaEngine } from '../engine/port.js';
import type { CallJournal, PastTurn } from '../journal/port.js';
import type { CallSession } from './call-session.js';
import type { BrowserAnswer, BrowserCall, BrowserDesk } from './port.js';

/** A media thread that asks a relay takes up to 4 s for its answer. */
const SIGNAL_TIME_LIMIT_MS = 5000;

export type BrowserCallsOptions = {
  readonly engine: Pick<MediaEngine, 'send'>;
  /** Throws MEDIA_FULL when no call can be taken. */
  readonly admit: (agent: string, caller: Caller, past: readonly PastTurn[]) => CallSession;
  readonly journal: Pick<CallJournal, 'turnsOf' | 'inherit'>;
  readonly agents: readonly string[];
  readonly maxCallsPerAddress: number;
  /** What a page is told of an event. */
  readonly present: (event: CallEvent) => unknown;
  readonly clock: Clock;
};

type LiveCall = { readonly session: CallSession; readonly address: string; tag: string };

type Pending = {
  readonly callId: CallId;
  readonly resolve: (sdp: string | null) => void;
  readonly reject: (error: LinecardError) => void;
  readonly alarm: Alarm;
};

/**
 * Calls of browsers: opens their sessions, carries their signalling to the media thread that has them and the answers back, and passes on to
 * the page what happens in its call.
 */
export class BrowserCalls implements BrowserDesk {
  readonly #options: BrowserCallsOptions;
  readonly #calls = new Map<CallId, LiveCall>();
  readonly #pending = new Map<number, Pending>();
  #lastSignalId = 0;

  constructor(options: BrowserCallsOptions) {
    this.#options = options;
  }

  get agents(): readonly string[] {
    return this.#options.agents;
  }

  async call(request: BrowserCall): Promise<BrowserAnswer> {
    const { agent, offer, reachedAt, address, caller, resumes } = request;
    const { agents, admit, journal } = this.#options;
    if (!agents.includes(agent)) throw new LinecardError('AGENT_UNKNOWN', `there is no agent "${agent}"`);
    const past = resumes === null ? [] : await this.#takeOver(resumes);
    this.#limit(address);
    const session = admit(agent, caller, past);
    const live: LiveCall = { session, address, tag: '' };
    this.#calls.set(session.id, live);
    await session.expectBrowser();
    journal.inherit(session.id, past);
    try {
      const sdp = await this.#signal(session.id, { kind: 'offer', sdp: offer, reachedAt });
      if (sdp === null) throw new LinecardError('INVARIANT', 'the media thread answered an offer with nothing');
      live.tag = tagIn(sdp);
      return { callId: session.id, sdp, tag: live.tag };
    } catch (thrown) {
      const error = toLinecardError(thrown);
      await session.browserFailed(error);
      throw error;
    }
  }

  tagOf(id: string): string {
    return this.#call(id).tag;
  }

  async fragment(id: string, sdp: string): Promise<string | null> {
    const live = this.#call(id);
    const answer = await this.#signal(live.session.id, { kind: 'fragment', sdp });
    if (answer !== null) live.tag = tagIn(answer);
    return answer;
  }

  async hangUp(id: string): Promise<void> {
    await this.#call(id).session.callerHungUp();
  }

  /** Everything the media threads say. */
  onMedia(message: FromMedia): void {
    if (message.kind !== 'signalled') return;
    const pending = this.#settle(message.signalId);
    const { result } = message;
    if (result.ok) pending?.resolve(result.sdp);
    else pending?.reject(new LinecardError(result.code, result.message));
  }

  /** Everything that happens in calls. */
  readonly onEvent = (event: CallEvent): void => {
    const { callId } = event;
    if (!this.#calls.has(callId)) return;
    const { engine, present } = this.#options;
    engine.send({ kind: 'notify', callId, text: JSON.stringify(present(event)) });
    if (event.kind === 'callEnded') this.#ended(callId, event.outcome.reason);
  };

  #signal(callId: CallId, signal: LegSignal): Promise<string | null> {
    const { engine, clock } = this.#options;
    this.#lastSignalId += 1;
    const signalId = this.#lastSignalId;
    return new Promise((resolve, reject) => {
      const alarm = clock.setAlarm(SIGNAL_TIME_LIMIT_MS, () => {
        this.#settle(signalId)?.reject(new LinecardError('MEDIA_TIMEOUT', 'the media thread did not answer in time'));
      });
      this.#pending.set(signalId, { callId, resolve, reject, alarm });
      engine.send({ kind: 'signal', callId, signalId, signal });
    });
  }

  /** The page is here again: its call before, which may not know yet that it is alone, ends now. */
  async #takeOver(callId: CallId): Promise<readonly PastTurn[]> {
    const past = this.#options.journal.turnsOf(callId);
    const before = this.#calls.get(callId);
    if (before !== undefined) await before.session.callerHungUp();
    return past;
  }

  #ended(callId: CallId, reason: string): void {
    this.#calls.delete(callId);
    for (const [signalId, pending] of this.#pending) {
      if (pending.callId === callId) this.#settle(signalId)?.reject(new LinecardError('CALL_UNKNOWN', reason));
    }
  }

  #settle(signalId: number): Pending | undefined {
    const pending = this.#pending.get(signalId);
    this.#pending.delete(signalId);
    pending?.alarm.cancel();
    return pending;
  }

  #limit(address: string): void {
    const { maxCallsPerAddress } = this.#options;
    let count = 0;
    for (const live of this.#calls.values()) if (live.address === address) count += 1;
    if (count < maxCallsPerAddress) return;
    throw new LinecardError('CALLER_LIMIT', `${maxCallsPerAddress} calls come from this address already`);
  }

  #call(id: string): LiveCall {
    const live = this.#calls.get(id as CallId);
    if (live === undefined) throw new LinecardError('CALL_UNKNOWN', 'this call is over, or has never been');
    return live;
  }
}

/** Its ICE user name tells one ICE session from the next. */
function tagIn(sdp: string): string {
  return /^a=ice-ufrag:([A-Za-z0-9+/]{1,256})/m.exec(sdp)?.[1] ?? 'ice';
}
