import { assertNever } from '../core/assert-never.js';
import type { CallRecord, Caller, HowToTransfer, SuperviseMode } from '../core/calls.js';
import type { Alarm } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { FromMedia, LegReport } from '../engine/port.js';
import type { CallJournal, UnfinishedCall } from '../journal/port.js';
import { NO_JOURNAL } from '../journal/port.js';
import type { Pbx, PbxEvent } from '../pbx/port.js';
import type { BrowserOrigin } from './call-intake.js';
import { CallIntake } from './call-intake.js';
import type { AnchorPbx, CallServices } from './call-services.js';
import type { CallSession } from './call-session.js';
import type { EarlierCaller } from './earlier-calls.js';
import { endOfEarlier } from './earlier-calls.js';
import type { ExtensionPlan } from './extension-plans.js';
import { ExtensionPlans } from './extension-plans.js';
import type { ChannelEvent, SessionMessage } from './leg-routes.js';
import { LegRoutes } from './leg-routes.js';
import { LiveCalls } from './live-calls.js';
import { orLog } from './or-log.js';
import type { CallActions, CallDirectory } from './port.js';
import { ReconcileRuns } from './reconcile-runs.js';
import { StartGate } from './start-gate.js';
import { TalkingPairs } from './transfer/talking-pairs.js';

/** Answers and a party's audio, which go to who asked, and recordings, which go to who keeps them. */
const NOT_OF_SESSION: ReadonlySet<FromMedia['kind']> = new Set([
  'opened',
  'openFailed',
  'partyAudio',
  'recorded',
  'signalled',
]);

export type CallManagerOptions = {
  readonly services: Omit<CallServices, 'routes' | 'pairs' | 'anchorPbx' | 'journal' | 'mediaStart'> & {
    /** Absent: nothing is remembered over a restart. */
    readonly journal?: CallJournal;
  };
  readonly pbxes: readonly Pbx[];
  readonly extensions: ReadonlyMap<string, ExtensionPlan>;
  /** Which the dialplan may ask for in the place of an extension's. */
  readonly agents?: ReadonlySet<string>;
  /** Whose hours an agent tells who was called by no extension; absent: nobody's. */
  readonly schedule?: string | null;
  /** Where people are rung for callers who come by no PBX; no name: the first PBX that can. Absent: nowhere. */
  readonly anchor?: { readonly pbx: string | null; readonly context: string };
};

/** Every live call: routes what PBXs and media threads say to the call it belongs to, and answers people's requests. */
export class CallManager implements CallDirectory, CallActions {
  readonly #services: CallServices;
  readonly #pbxes: readonly Pbx[];
  readonly #log: Logger;
  readonly #routes = new LegRoutes();
  readonly #pairs: TalkingPairs;
  readonly #calls = new LiveCalls();
  readonly #intake: CallIntake;
  #idle: (() => void) | null = null;
  readonly #reconciling: ReconcileRuns;

  constructor(options: CallManagerOptions) {
    this.#pbxes = options.pbxes;
    this.#log = options.services.log;
    const plans = new ExtensionPlans({
      extensions: options.extensions,
      agents: options.agents ?? new Set(),
      schedules: options.services.schedules,
      log: this.#log,
    });
    this.#pairs = new TalkingPairs({ routes: this.#routes, log: this.#log });
    const { anchor } = options;
    const anchorPbx = anchor === undefined ? null : findAnchorPbx(this.#pbxes, anchor);
    this.#services = {
      journal: NO_JOURNAL,
      ...options.services,
      anchorPbx,
      mediaStart: new StartGate(options.services.clock, 'yes'),
      routes: this.#routes,
      pairs: this.#pairs,
    };
    this.#intake = new CallIntake({
      services: this.#services,
      calls: this.#calls,
      plans,
      hoursOfNobody: { schedule: options.schedule ?? null, whenClosed: null },
      onEnded: (session) => this.#forget(session),
      onOver: (call, caller) => this.#endEarlier(call, caller),
      onLeftBehind: (pbx) => this.#reconciling.soon(pbx),
    });
    this.#reconciling = new ReconcileRuns({
      pbxes: this.#pbxes,
      calls: () => this.#calls.all(),
      others: () => this.#intake.belongings,
      pairs: this.#pairs,
      offer: (pbx, offer) => void this.#intake.offered(pbx, offer, 'found'),
      journal: this.#services.journal,
      onOver: (call, caller) => this.#endEarlier(call, caller),
      clock: this.#services.clock,
      log: this.#log,
    });
  }

  /** starting: the media threads are not there yet, `mediaStarted` follows. Callers whom an earlier process left hear music until then. */
  start(media: 'started' | 'starting' = 'started'): void {
    if (media === 'starting') this.#services.mediaStart.close();
    // Nobody but that process carried their sound.
    for (const call of this.#services.journal.unfinished(null)) this.#endEarlier(call, 'gone');
    this.#reconciling.start();
    for (const pbx of this.#pbxes) {
      pbx.onEvent = (event) => this.#onPbx(pbx, event);
      pbx.start();
    }
  }

  mediaStarted(): void {
    this.#services.mediaStart.open();
  }

  /** Reasons why no call can be taken; empty when one can. */
  unready(): readonly string[] {
    const reasons = this.#services.engine.unready().concat(
      this.#pbxes.flatMap((pbx) => {
        const reason = pbx.unready();
        return reason === null ? [] : [`PBX "${pbx.name}": ${reason}`];
      }),
    );
    return this.#intake.state === 'closed' ? ['shutting down, no new calls are taken', ...reasons] : reasons;
  }

  /** Who waits for news of channels and sessions besides the calls: for tests of leaks. */
  get routeCount(): number {
    return this.#routes.size;
  }

  list(): readonly CallRecord[] {
    return this.#calls.all().map((call) => call.record);
  }

  get(id: string): CallRecord | null {
    return this.#calls.get(id)?.record ?? null;
  }

  legReport(id: string): LegReport | null {
    return this.#calls.get(id)?.legReport ?? null;
  }

  async transfer(id: string, to: string, how?: HowToTransfer): Promise<void> {
    await this.#calls.need(id).transfer(to, how);
  }

  async supervise(id: string, endpoint: string | null, mode: SuperviseMode, text: string): Promise<void> {
    await this.#calls.need(id).supervise(endpoint, mode, text);
  }

  async hold(id: string): Promise<void> {
    await this.#calls.need(id).hold('held');
  }

  async resume(id: string): Promise<void> {
    await this.#calls.need(id).hold('resumed');
  }

  async hangUp(id: string): Promise<void> {
    await this.#calls.need(id).hangUp('hung up by the operator');
  }

  async sendDigits(id: string, digits: string): Promise<void> {
    await this.#calls.need(id).sendDigits(digits);
  }

  say(id: string, text: string): Promise<void> {
    this.#calls.need(id).say(text);
    return Promise.resolve();
  }

  /** No new calls; live ones may finish within `limitMs`, then they go to the fallback. Resolves when none is left. */
  async drain(limitMs: number): Promise<void> {
    this.#intake.close();
    this.#reconciling.stop();
    this.#services.engine.drain();
    if (this.#calls.size === 0) return;
    this.#log.info({ calls: this.#calls.size, limitMs }, 'waiting for live calls to end');
    let alarm: Alarm | null = null;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      alarm = this.#services.clock.setAlarm(limitMs, resolve);
    });
    (alarm as Alarm | null)?.cancel();
    await Promise.all(this.#calls.all().map((call) => call.handOver('Linecard shut down')));
  }

  #onPbx(pbx: Pbx, event: PbxEvent): void {
    switch (event.kind) {
      case 'callOffered':
        void this.#intake.offered(pbx, event.offer);
        break;
      case 'channelGone':
      case 'digitPressed':
      case 'legAnswered':
      case 'holdChanged':
        this.#onChannel(pbx, event);
        break;
      case 'callerReplaced':
        this.#callerReplaced(pbx, event);
        break;
      case 'connected':
        if (event.pbx === 'restarted') this.#lost(pbx);
        void this.#reconciling.connected(pbx, event.pbx ?? 'unknown');
        break;
      case 'disconnected':
        break; // its adapter has said so, with all that it knows
      default:
        assertNever(event);
    }
  }

  /** It has been started again: nobody has to look for its calls. */
  #lost(pbx: Pbx): void {
    const calls = this.#calls.all().filter((call) => call.line?.pbx === pbx);
    if (calls.length > 0)
      this.#log.warn({ pbx: pbx.name, calls: calls.length }, 'calls ended because the PBX was restarted');
    for (const call of calls) call.lost();
  }

  #onChannel(pbx: Pbx, event: ChannelEvent): void {
    if (this.#routes.onPbx(pbx, event) === 'told') return;
    const session = this.#calls.at(pbx, event.channelId);
    if (session !== null) session.onPbx(event);
    else if (event.kind === 'legAnswered') {
      this.#log.info({ channelId: event.channelId }, 'person whom nobody wants any more hung up');
      void orLog(this.#log, pbx.hangUp(event.channelId), 'channel could not be hung up');
    }
  }

  #callerReplaced(pbx: Pbx, { replacedChannelId, by }: Extract<PbxEvent, { readonly kind: 'callerReplaced' }>): void {
    const session = this.#calls.move(pbx, replacedChannelId, by.channelId);
    if (session === null) {
      this.#log.info({ channelId: by.channelId }, 'channel of a transfer whose call has ended hung up');
      void orLog(this.#log, pbx.hangUp(by.channelId), 'channel could not be hung up');
      return;
    }
    session.callerReplaced(by);
  }

  /** Everything the media threads say; set as the engine's listener by who puts the parts together. */
  onMedia(message: FromMedia): void {
    if (message.kind === 'directCall') this.#intake.directCall(message);
    else if (isOfSession(message)) {
      const session = this.#calls.getLate(message.callId);
      if (session !== null) session.onMedia(message);
      else this.#routes.onMedia(message);
    }
  }

  /** Resolves when everything that ended calls still had to write is written; after the engine has stopped. */
  async settled(): Promise<void> {
    await this.#calls.settled();
  }

  /** A call without a PBX's channel: a browser or another client calls this agent. Throws MEDIA_FULL when no call can be taken. */
  admitBrowser(agent: string, caller: Caller, from?: BrowserOrigin): CallSession {
    return this.#intake.admitBrowser(agent, caller, from);
  }

  #endEarlier(call: UnfinishedCall, caller: EarlierCaller): void {
    const { clock, publish } = this.#services;
    const end = endOfEarlier(call, caller, clock);
    this.#log.info({ callId: end.callId, caller }, 'call of an earlier process is over');
    publish(end);
  }

  #forget(session: CallSession): void {
    this.#calls.forget(session);
    if (this.#calls.size === 0) this.#idle?.();
  }
}

function findAnchorPbx(
  pbxes: readonly Pbx[],
  { pbx: name, context }: { readonly pbx: string | null; readonly context: string },
): AnchorPbx | null {
  for (const pbx of pbxes) {
    const { consult } = pbx;
    if (consult !== undefined && (name === null || pbx.name === name)) return { pbx, consult, context };
  }
  return null;
}

/** What has no call is between the engine and its threads, and an answer goes to who asked. */
function isOfSession(message: FromMedia): message is SessionMessage {
  return 'callId' in message && !NOT_OF_SESSION.has(message.kind);
}
