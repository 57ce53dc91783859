import type { ThreadService } from '../agent/port.js';
import { assertNever } from '../core/assert-never.js';
import type { Transport } from '../core/calls.js';
import type { Clock, Alarm } from '../core/clock.js';
import { LinecardError, toLinecardError } from '../core/errors.js';
import type { CallId, LegId } from '../core/ids.js';
import { newCallId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import type { MediaLeg } from '../media/leg.js';
import { newLegCounters } from '../media/leg.js';
import { NO_SOUND } from '../media/metered-leg.js';
import type { TickerReport } from '../media/ticker.js';
import { Ticker } from '../media/ticker.js';
import type { LegDoor, LegDoorListener, LegDoors } from './leg-door.js';
import { HostedAgents } from './hosted-agents.js';
import type { HostedAgent, OpenConversation } from './live-conversation.js';
import { eventLoopLoad } from './load.js';
import { MediaSession } from './media-session.js';
import type { Admission } from './overload-watch.js';
import { OverloadWatch } from './overload-watch.js';
import type { FromMedia, OpenSession, ToMedia } from './port.js';

const REPORT_INTERVAL_MS = 1000;
/**
 * From `open` to the leg's connection. A PBX connects at once: control gives up after 2 s and says so, this is for a control that is gone. A
 * browser goes through ICE, over a relay perhaps, and begins anew after ten seconds.
 */
const LEG_TIME_LIMIT_MS: Readonly<Record<Transport, number>> = {
  audiosocket: 5000,
  unicast: 5000,
  webrtc: 15_000,
  websocket: 5000,
};

export type MediaHostOptions = {
  readonly openDoors: (listener: LegDoorListener) => LegDoors;
  /** By name, as in the configuration. */
  readonly agents: ReadonlyMap<string, HostedAgent>;
  /** The agent that serves calls of the dialplan; null: they are refused. */
  readonly directAgent: string | null;
  readonly maxSessions: number;
  readonly admission: Admission;
  readonly openConversation: OpenConversation;
  /** Whether what is said is sent to control. */
  readonly recording: 'on' | 'off';
  /** Loads what the conversations share, before the first one. */
  readonly prepare: () => Promise<void>;
  /** What the agents' tools share; started and ended with the agents. */
  readonly services?: readonly ThreadService[];
  readonly send: (message: FromMedia) => void;
  /** Part of the time since it was asked last in which this thread was busy, 0 to 1; without it the event loop tells. */
  readonly readLoad?: () => number;
  readonly clock: Clock;
  readonly log: Logger;
};

/**
 * The inside of a media thread: takes control's messages, lets legs in, gives each an agent, and ticks them all. It knows no concrete
 * transport, provider or thread.
 */
export class MediaHost {
  readonly #options: MediaHostOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #agents: HostedAgents;
  readonly #doors: LegDoors;
  readonly #ticker: Ticker;
  readonly #sessions = new Map<CallId, MediaSession>();
  /** Announced, and not connected yet. */
  readonly #expected = new Map<LegId, OpenSession>();
  /** Announced calls are refused by control, before they come here; those of the dialplan come by themselves. */
  readonly #overload: OverloadWatch;
  readonly #tickerReport: TickerReport = {
    latenessP50Ms: 0,
    latenessP99Ms: 0,
    latenessMaxMs: 0,
    ticks: 0,
    skippedTicks: 0,
    load: 0,
  };
  readonly #readLoad: () => number;
  #reportAlarm: Alarm | null = null;
  #draining = false;
  #stopping: Promise<void> | null = null;

  constructor(options: MediaHostOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#overload = new OverloadWatch(options.admission);
    this.#readLoad = options.readLoad ?? eventLoopLoad();
    this.#agents = new HostedAgents({ agents: options.agents, services: options.services ?? [], log: options.log });
    this.#ticker = new Ticker({
      clock: options.clock,
      onError: (member, error) =>
        this.#log.error({ err: error, ticked: member.constructor.name }, 'turn of a call failed'),
    });
    this.#doors = options.openDoors({
      onUnknown: () => this.#directRefusal(),
      onLeg: (leg, arrival) => this.#onLeg(leg, arrival),
    });
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Prepares the agents and opens the door; sends `ready`, or `startFailed` when no call can ever come. Never rejects. */
  async start(): Promise<void> {
    try {
      await Promise.all([this.#options.prepare(), this.#agents.prepare()]);
      await Promise.all(this.#allDoors().map((door) => door.start()));
    } catch (thrown) {
      const { code, message } = toLinecardError(thrown);
      this.#options.send({ kind: 'startFailed', code, message });
      return;
    }
    this.#armReport();
    this.#options.send({
      kind: 'ready',
      address: this.#doors.audiosocket.address,
      limitations: this.#agents.limitations(),
    });
  }

  handle(message: ToMedia): void {
    switch (message.kind) {
      case 'open':
        this.#open(message.session);
        break;
      case 'close':
        this.#close(message.callId, message.ending);
        break;
      case 'start':
      case 'digit':
      case 'say':
      case 'takeMessage':
      case 'relay':
      case 'instruct':
      case 'hold':
      case 'answer':
      case 'notify':
        // A call that has just ended may still be spoken to.
        this.#sessions.get(message.callId)?.handle(message);
        break;
      case 'couple':
        this.#couple(message.callId, message.withCallId);
        break;
      case 'partyAudio':
        this.#hear(message.callId, message.pcm);
        break;
      case 'signal':
        void this.#signal(message);
        break;
      case 'heartbeat':
        this.#options.send({ kind: 'heartbeat', sequence: message.sequence });
        break;
      case 'drain':
        this.#draining = true;
        break;
      case 'shutDown':
        void this.stop();
        break;
      default:
        assertNever(message);
    }
  }

  /** Closes every session, the door and the agents. Idempotent, never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#draining = true;
    this.#reportAlarm?.cancel();
    for (const session of [...this.#sessions.values()]) session.close('local');
    for (const session of [...this.#expected.values()]) this.#forget(session);
    this.#ticker.stop();
    const closings = [...this.#allDoors().map((door) => door.stop()), ...this.#agents.close()];
    for (const result of await Promise.allSettled(closings)) {
      if (result.status === 'rejected')
        this.#log.warn({ err: result.reason as unknown }, 'media side failed to close a part');
    }
  }

  #open(session: OpenSession): void {
    const { callId, legId } = session;
    const refusal = this.#refusal(session);
    if (refusal !== null) {
      this.#options.send({ kind: 'openFailed', callId, code: refusal.code, message: refusal.message });
      return;
    }
    try {
      const address = this.#doorOf(session).expect(session, {
        timeLimitMs: LEG_TIME_LIMIT_MS[session.transport],
        onTimeout: () => this.#legMissing(session),
      });
      this.#expected.set(legId, session);
      this.#options.send({ kind: 'opened', callId, address });
    } catch (thrown) {
      const { code, message } = toLinecardError(thrown);
      this.#options.send({ kind: 'openFailed', callId, code, message });
    }
  }

  #refusal({ callId, agent }: OpenSession): LinecardError | null {
    if (this.#draining)
      return new LinecardError('MEDIA_FULL', 'the media thread takes no more calls, it is shutting down');
    if (this.#full())
      return new LinecardError('MEDIA_FULL', `the media thread serves ${this.#options.maxSessions} calls already`);
    if (this.#sessions.has(callId)) return new LinecardError('CALL_STATE', `call ${callId} has a live leg already`);
    return this.#agents.refusal(agent);
  }

  #full(): boolean {
    return this.#sessions.size + this.#expected.size >= this.#options.maxSessions;
  }

  /** Why no call of the dialplan is taken; null when one is. */
  #directRefusal(): string | null {
    const { directAgent, maxSessions } = this.#options;
    if (directAgent === null) return 'audiosocket.direct names no agent';
    if (this.#draining) return 'the media thread is shutting down';
    if (this.#full()) return `the media thread serves ${maxSessions} calls already`;
    if (this.#overload.reason !== null) return `the media thread is overloaded: ${this.#overload.reason}`;
    return this.#agents.refusal(directAgent) === null ? null : `agent "${directAgent}" cannot serve calls`;
  }

  #onLeg(leg: MediaLeg, arrival: { readonly peer: string; readonly announced: 'yes' | 'no' }): void {
    const announced = this.#expected.get(leg.id);
    this.#expected.delete(leg.id);
    const session = announced ?? this.#directSession(leg.id);
    const media = new MediaSession({
      session,
      leg,
      attemptsOf: (agent) => this.#agents.attempts(agent),
      openConversation: this.#options.openConversation,
      recording: this.#options.recording,
      send: this.#options.send,
      clock: this.#clock,
      log: this.#log.child({ callId: session.callId, legId: leg.id }),
      onClosed: (closed) => this.#sessionClosed(closed),
    });
    this.#sessions.set(session.callId, media);
    this.#ticker.add(media, leg.turnAfterMs);
    const { codec, wireRateHz: sampleRateHz } = leg;
    if (announced === undefined) {
      this.#options.send({ kind: 'directCall', session, peer: arrival.peer, codec, sampleRateHz });
      media.start();
    } else {
      this.#options.send({ kind: 'legConnected', callId: session.callId, codec, sampleRateHz });
    }
  }

  #directSession(legId: LegId): OpenSession {
    return {
      callId: newCallId(),
      legId,
      transport: 'audiosocket',
      agent: this.#options.directAgent ?? '',
      caller: { number: '', name: '' },
      extension: null,
      digits: 'leg',
      format: null,
      history: [],
    };
  }

  #close(callId: CallId, ending: 'completed' | 'handover'): void {
    for (const session of this.#expected.values()) if (session.callId === callId) this.#forget(session);
    const media = this.#sessions.get(callId);
    if (media === undefined) return;
    // Digits come from the leg where there is no other way: in calls of the dialplan, which asks how they ended.
    if (ending === 'completed' && media.session.digits === 'leg')
      this.#doorOf(media.session).endedOnPurpose?.(media.leg.id);
    media.close('local');
  }

  #forget(session: OpenSession): void {
    this.#expected.delete(session.legId);
    this.#doorOf(session).unexpect(session.legId);
  }

  #allDoors(): LegDoor[] {
    const { audiosocket, unicast, webrtc, websocket } = this.#doors;
    return [audiosocket, unicast, webrtc, websocket].filter((door) => door !== undefined);
  }

  #doorOf({ transport }: OpenSession): LegDoor {
    const door = this.#doors[transport];
    if (door === undefined)
      throw new LinecardError('CONFIG_INVALID', `the configuration opens no door for ${transport}`);
    return door;
  }

  /** To the leg's door, and its answer back to control. Never rejects. */
  async #signal({ callId, signalId, signal }: Extract<ToMedia, { readonly kind: 'signal' }>): Promise<void> {
    const { send } = this.#options;
    try {
      const session = this.#sessions.get(callId)?.session ?? this.#expectedCall(callId);
      if (session === null) throw new LinecardError('CALL_UNKNOWN', `call ${callId} is over`);
      const sdp = (await this.#doorOf(session).signal?.(session.legId, signal)) ?? null;
      send({ kind: 'signalled', callId, signalId, result: { ok: true, sdp } });
    } catch (thrown) {
      const { code, message } = toLinecardError(thrown);
      send({ kind: 'signalled', callId, signalId, result: { ok: false, code, message } });
    }
  }

  #couple(callId: CallId, withCallId: CallId | null): void {
    const session = this.#sessions.get(callId);
    session?.couple(withCallId === null ? null : (this.#sessions.get(withCallId) ?? null));
  }

  #hear(callId: CallId, pcm: Int16Array): void {
    const session = this.#sessions.get(callId)?.session;
    if (session !== undefined) this.#doorOf(session).hear?.(session.legId, pcm);
  }

  #expectedCall(callId: CallId): OpenSession | null {
    for (const session of this.#expected.values()) if (session.callId === callId) return session;
    return null;
  }

  #legMissing({ callId, legId, transport }: OpenSession): void {
    this.#expected.delete(legId);
    const detail = `leg ${legId} did not connect within ${LEG_TIME_LIMIT_MS[transport]} ms`;
    this.#options.send({ kind: 'legClosed', callId, reason: 'timeout', detail, report: emptyReport(legId) });
  }

  #sessionClosed(media: MediaSession): void {
    this.#ticker.remove(media);
    this.#sessions.delete(media.session.callId);
  }

  #armReport(): void {
    this.#reportAlarm = this.#clock.setAlarm(REPORT_INTERVAL_MS, () => {
      this.#report();
      this.#armReport();
    });
  }

  #report(): void {
    const load = this.#readLoad();
    this.#ticker.report(this.#tickerReport);
    const { latenessP50Ms, latenessP99Ms, latenessMaxMs, ticks, skippedTicks } = this.#tickerReport;
    const sessions = this.#sessions.size;
    const report = { sessions, latenessP50Ms, latenessP99Ms, latenessMaxMs, ticks, skippedTicks, load };
    this.#overload.observe(report);
    this.#options.send({ kind: 'threadReport', report });
  }
}

/** The figures of a leg that never came, or whose thread is gone before it reported. */
export function emptyReport(legId: LegId): Extract<FromMedia, { readonly kind: 'legClosed' }>['report'] {
  const counters = newLegCounters();
  return {
    legId,
    codec: '',
    sampleRateHz: 0,
    depthMs: 0,
    skewPpm: 0,
    counters,
    sound: NO_SOUND,
    talkedMs: 0,
    chain: [],
  };
}
