import type { Caller } from '../core/calls.js';
import { LinecardError, toLinecardError } from '../core/errors.js';
import type { BridgeId, ChannelId } from '../core/ids.js';
import { newCallId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import type { FromMedia } from '../engine/port.js';
import type { PastTurn, UnfinishedCall } from '../journal/port.js';
import type { CallOffer, Pbx } from '../pbx/port.js';
import type { CallHours, CallServices } from './call-services.js';
import { CallSession, RESUMING_MS } from './call-session.js';
import type { EarlierCaller } from './earlier-calls.js';
import type { ExtensionPlans } from './extension-plans.js';
import type { LiveCalls } from './live-calls.js';
import { channelKey } from './live-calls.js';
import { orLog } from './or-log.js';
import { OverrideLine } from './schedule/override-line.js';

/** How long a new caller hears ringing while the media threads start; then the human is rung. */
const MEDIA_START_MS = 1500;

/** How somebody without a PBX's channel comes, and what was said in a call that this one goes on with. */
export type BrowserOrigin = {
  readonly transport: 'webrtc' | 'websocket';
  readonly past: readonly PastTurn[];
};

export type CallIntakeOptions = {
  readonly services: CallServices;
  /** Where they are from then on. */
  readonly calls: LiveCalls;
  readonly plans: ExtensionPlans;
  /** For who was called by no extension. */
  readonly hoursOfNobody: CallHours;
  /** Told once of each call, when it is over for us. */
  readonly onEnded: (session: CallSession) => void;
  /** A call of an earlier process is over. */
  readonly onOver: (call: UnfinishedCall, caller: EarlierCaller) => void;
  /** Something of a call may be left on the PBX, and is to be looked for soon. */
  readonly onLeftBehind: (pbx: Pbx) => void;
};

/** The ways into Linecard: who is offered by a PBX, comes through the dialplan's AudioSocket or from a browser gets an agent here, or a human. */
export class CallIntake {
  readonly #options: CallIntakeOptions;
  readonly #services: CallServices;
  readonly #calls: LiveCalls;
  readonly #log: Logger;
  readonly #overrideLines = new Set<OverrideLine>();
  /** Callers for whom there is no media yet. */
  readonly #waiting = new Set<string>();
  #state: 'open' | 'closed' = 'open';

  constructor(options: CallIntakeOptions) {
    this.#options = options;
    this.#services = options.services;
    this.#calls = options.calls;
    this.#log = options.services.log;
  }

  get state(): 'open' | 'closed' {
    return this.#state;
  }

  /** What of the PBXs belongs to callers who get no agent: for the leak check. */
  get belongings(): readonly { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] }[] {
    return [...this.#overrideLines].map((line) => line.belongings);
  }

  /** No new calls: who has a fallback goes there. */
  close(): void {
    this.#state = 'closed';
  }

  /** @param how found: they were here before we were, so whoever is answered was with an agent */
  async offered(pbx: Pbx, offer: CallOffer, how: 'new' | 'found' = 'new'): Promise<void> {
    const { plans } = this.#options;
    const { routes, schedules, journal, mediaStart } = this.#services;
    // An offer is repeated after a reconnect.
    if (this.#calls.at(pbx, offer.channelId) !== null || routes.hasChannel(pbx, offer.channelId)) return;
    const overridden = schedules.dialledBy(offer.extension);
    if (overridden !== null) {
      await this.#override(pbx, offer, overridden);
      return;
    }
    const plan = plans.at(offer.extension);
    if (plan === null) {
      const { known } = plans;
      this.#log.error(
        { pbx: pbx.name, extension: offer.extension, known },
        'call to an extension that is not configured was hung up',
      );
      await orLog(this.#log, pbx.hangUp(offer.channelId, 'unreachable'), 'channel could not be hung up');
      return;
    }
    const before = journal.unfinishedAt(pbx.name, offer.channelId);
    const resumes = before !== null && offer.answered === 'yes';
    // Who was with an agent already hears music meanwhile.
    if (!resumes && !(await this.#mediaFor(pbx, offer, how))) return;
    const refusal = this.#refusal();
    if (refusal !== undefined && plan.fallback !== null && !(resumes && !mediaStart.isOpen)) {
      this.#log.warn(
        {
          pbx: pbx.name,
          channelId: offer.channelId,
          callId: before?.record.id,
          extension: offer.extension,
          fallback: plan.fallback,
          refusal,
        },
        'call sent to the fallback',
      );
      const done = await this.#turnAway(pbx, offer, plan.fallback);
      if (before !== null && done) this.#options.onOver(before, 'at the fallback');
      return;
    }
    // The dialplan tells its variables once, and a call that goes on has them from its beginning.
    const variables = { ...before?.variables, ...offer.variables };
    const line = { pbx, offer: { ...offer, variables }, fallback: plan.fallback };
    const session = new CallSession({
      id: before?.record.id ?? newCallId(),
      before,
      services: this.#services,
      agent: plans.agentFor(offer, plan, before),
      extension: offer.extension,
      hours: plan.hours,
      caller: offer.caller,
      transport: pbx.can.transport,
      line,
      onEnded: (ended) => this.#options.onEnded(ended),
      onLeftBehind: () => this.#options.onLeftBehind(pbx),
    });
    this.#calls.add(session);
    await session.serve(line);
  }

  /** A call without a PBX's channel: a browser or another client calls this agent. Throws MEDIA_FULL when no call can be taken. */
  admitBrowser(
    agent: string,
    caller: Caller,
    { transport, past }: BrowserOrigin = { transport: 'webrtc', past: [] },
  ): CallSession {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw new LinecardError('MEDIA_FULL', `no call can be taken: ${refusal}`);
    const session = new CallSession({
      id: newCallId(),
      services: this.#services,
      agent,
      extension: null,
      hours: this.#options.hoursOfNobody,
      caller,
      transport,
      past,
      line: null,
      onEnded: (ended) => this.#options.onEnded(ended),
    });
    this.#calls.add(session);
    return session;
  }

  /** A call that the dialplan connected to a media thread by itself; the agent is speaking already. */
  directCall(message: Extract<FromMedia, { readonly kind: 'directCall' }>): void {
    const { callId, agent, extension, caller, transport } = message.session;
    const session = new CallSession({
      id: callId,
      services: this.#services,
      agent,
      extension,
      hours: this.#options.hoursOfNobody,
      caller,
      transport,
      line: null,
      onEnded: (ended) => this.#options.onEnded(ended),
    });
    this.#calls.add(session);
    session.adoptDirect(message.codec, message.sampleRateHz);
  }

  /** To a human, before we had them; resolves with whether they are there. */
  async #turnAway(pbx: Pbx, { channelId, context }: CallOffer, fallback: string): Promise<boolean> {
    try {
      await pbx.handBack(channelId, { context, extension: fallback });
      return true;
    } catch (thrown) {
      const error = toLinecardError(thrown);
      if (error.code === 'CHANNEL_GONE') return false;
      this.#log.error({ err: error, channelId, fallback }, 'caller could not be brought to the fallback');
      // Else they would hear ringing for ever.
      if (error.retryable) this.#options.onLeftBehind(pbx);
      else await orLog(this.#log, pbx.hangUp(channelId, 'unreachable'), 'channel could not be hung up');
      return false;
    }
  }

  async #override(pbx: Pbx, offer: CallOffer, schedule: string): Promise<void> {
    const { engine, schedules, routes, clock } = this.#services;
    const line = new OverrideLine({
      pbx,
      offer,
      schedule,
      schedules,
      engine,
      routes,
      clock,
      log: this.#log.child({ channelId: offer.channelId }),
      onEnded: (ended) => this.#overrideLines.delete(ended),
    });
    this.#overrideLines.add(line);
    await line.serve();
  }

  /** Whether the caller still waits for us when media can be had, or it takes too long. */
  async #mediaFor(pbx: Pbx, { channelId, answered }: CallOffer, how: 'new' | 'found'): Promise<boolean> {
    const { mediaStart } = this.#services;
    if (mediaStart.isOpen) return true;
    const key = channelKey(pbx, channelId);
    if (this.#waiting.has(key)) return false;
    this.#waiting.add(key);
    const wasTalking = how === 'found' && answered === 'yes';
    // Of whom the journal does not know: it could not be written.
    if (wasTalking) await orLog(this.#log, pbx.hold(channelId, 'held'), 'music could not be begun');
    const gate = await mediaStart.passed(wasTalking ? RESUMING_MS : MEDIA_START_MS);
    // The fallback's ringing is not to be drowned by it.
    if (wasTalking && gate === 'too late') {
      await orLog(this.#log, pbx.hold(channelId, 'resumed'), 'music could not be ended');
    }
    this.#waiting.delete(key);
    return this.#calls.at(pbx, channelId) === null;
  }

  #refusal(): string | undefined {
    return this.#state === 'closed' ? 'shutting down' : this.#services.engine.unready()[0];
  }
}
