import type { Caller, HowToTransfer, Outcome, TransferMode } from '../core/calls.js';
import { LinecardError } from '../core/errors.js';
import type { BridgeId, CallId, ChannelId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import { BRIEFING_AGENT, BRIEFING_BY } from '../engine/port.js';
import type { AskedTransfer } from '../journal/port.js';
import type { CallHours, CallServices, Destination, Line } from './call-services.js';
import type { CallLedger } from './ledger.js';
import type { MediaLink } from './media-link.js';
import type { Attempted } from './transfer/transfer-machine.js';
import { relayText, returnText } from './transfer/transfer-words.js';
import type { TransferringCall } from './transfer/warm-transfer.js';
import { WarmTransfer } from './transfer/warm-transfer.js';

/** How long the operator of an extension is rung in a warm transfer to `fallback`. */
const FALLBACK_RING_MS = 30_000;

type AskedWarm = { readonly mode: 'warm' | 'conference'; readonly summary: string };

const AS_CONFIGURED: HowToTransfer = { mode: 'default', summary: '' };

/** What a transfer needs of its call. */
export interface TransferHost {
  hasEnded(): boolean;
  /** The agent neither hears nor speaks while a person is asked. */
  changeHold(held: 'held' | 'resumed'): void;
  /** Whoever took the call becomes a third with the caller and the agent. */
  join(personChannelId: ChannelId): Promise<void>;
  /** The agent's leg was lost: another one, with the conversation remembered. */
  reopenMedia(line: Line): Promise<void>;
  /** Never rejects. */
  toFallback(outcome: Outcome): Promise<void>;
  end(outcome: Outcome): Promise<void>;
}

export type CallTransfersOptions = {
  readonly callId: CallId;
  readonly caller: Caller;
  readonly extension: string | null;
  readonly hours: CallHours;
  /** A browser's call has no channel on a PBX, and no dialplan that keeps it either. */
  readonly keptBy: 'pbx' | 'dialplan' | 'nobody';
  readonly line: Line | null;
  readonly services: CallServices;
  readonly ledger: CallLedger;
  readonly media: MediaLink;
  readonly host: TransferHost;
  readonly log: Logger;
};

/** The transfers of one call, blind and warm, one at a time. */
export class CallTransfers {
  readonly #options: CallTransfersOptions;
  #count = 0;
  #warm: WarmTransfer | null = null;
  /** The transfer of a browser's caller who talks with a person now: we carry the sound. */
  #anchored: WarmTransfer | null = null;
  /** The agent failed while the caller was on the way to a person; it matters only if they come back. */
  #agentLost: LinecardError | null = null;

  constructor(options: CallTransfersOptions) {
    this.#options = options;
  }

  /** A person is being asked, or talks with the caller and could still give them back. */
  get underWay(): boolean {
    return this.#warm !== null || this.#anchored !== null;
  }

  /** Caller and person talk with each other. */
  get talking(): boolean {
    return this.#anchored !== null || this.#warm?.talking === true;
  }

  get belongings(): { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] } {
    return (this.#warm ?? this.#anchored)?.belongings ?? { channels: [], bridges: [] };
  }

  /** To a destination by its key, or `fallback`. When this resolves the call is out of our hands (blind), or a person is being rung (warm). */
  async transfer(to: string, wanted: HowToTransfer = AS_CONFIGURED): Promise<void> {
    const { line, keptBy, services, ledger } = this.#options;
    // What comes first is heard when it is too long: the summary is of now, notes are of before.
    const summary = [wanted.summary, ...ledger.notes.map(({ text }) => text)].filter((text) => text !== '').join(' ');
    const how: HowToTransfer = { mode: wanted.mode, summary };
    const destination = this.#destinationOf(to);
    const { maxPerCall } = services.transfers;
    if (this.#count >= maxPerCall) {
      throw new LinecardError('CALL_STATE', `the call was transferred ${maxPerCall} times already`);
    }
    if (how.mode === 'conference') this.#needConference();
    this.#count += 1;
    if (keptBy === 'nobody') {
      const mode = how.mode === 'default' ? destination.mode : how.mode;
      services.journal.transferBegins(this.#options.callId, { to, mode, summary: how.summary });
      this.#beginAnchored(to, destination, { mode, summary: how.summary });
      return;
    }
    const asConfigured = destination.mode === 'warm' && line?.pbx.consult !== undefined ? 'warm' : 'blind';
    const mode = how.mode === 'default' ? asConfigured : how.mode;
    services.journal.transferBegins(this.#options.callId, { to, mode, summary: how.summary });
    try {
      if (mode === 'blind') await this.#blind(to, destination);
      else this.#begin(to, destination, { mode, summary: how.summary });
    } catch (error) {
      services.journal.transferEnded(this.#options.callId, 'refused');
      throw error;
    }
  }

  /** Goes on with what an earlier process was asked for, the `count`th of the call; the caller hears music. Never rejects. */
  async again({ to, mode, summary }: AskedTransfer, count: number): Promise<void> {
    const { line, host, log } = this.#options;
    const hold = async (held: 'held' | 'resumed'): Promise<void> => line?.pbx.hold(line.offer.channelId, held);
    this.#count = count;
    try {
      if (mode === 'blind') await hold('resumed');
      await this.transfer(to, { mode, summary });
    } catch (error) {
      if (host.hasEnded()) return;
      log.warn({ err: error, to }, 'transfer could not be begun again after a restart');
      await hold('resumed').catch((late: unknown) => log.debug({ err: late }, 'music could not be ended'));
      host.changeHold('resumed');
      this.#tell([], this.#options.services.destinations.get(to) ?? { label: 'them', otherwise: 'agent' });
    }
  }

  callerGone(): void {
    this.#warm?.callerGone();
    this.#endAnchored();
  }

  /** Somebody else stands where the caller was. */
  callerReplaced(channelId: ChannelId): void {
    this.#warm?.callerReplaced(channelId);
  }

  /** Somebody else ends the call. Two who talk are left to the PBX. */
  abandon(): void {
    // Nobody but us connects the two of an anchored call.
    if (this.#options.keptBy === 'nobody') this.callerGone();
    else this.#warm?.abandon();
  }

  /** The process ends: resolves when two who talk are the PBX's business. */
  async release(): Promise<void> {
    const warm = this.#warm;
    warm?.abandon();
    await warm?.settled();
  }

  agentFailed(error: LinecardError): void {
    this.#agentLost = error;
  }

  async #blind(to: string, { dial }: Destination): Promise<void> {
    const { line, ledger, host } = this.#options;
    ledger.transferStarted(to, 'blind');
    if (line === null) {
      // The dialplan keeps the caller: a close that is not "on purpose" sends them to the human it names.
      await host.end({ result: 'transferred', fault: 'none', reason: `to ${to}, by the dialplan` });
      return;
    }
    ledger.changeState('transferring');
    try {
      await line.pbx.handBack(line.offer.channelId, { context: line.offer.context, extension: dial });
    } catch (error) {
      if (!host.hasEnded()) ledger.changeState('talking');
      throw error;
    }
    await host.end({ result: 'transferred', fault: 'none', reason: `to ${to} (${dial})` });
  }

  #begin(to: string, destination: Destination, { mode, summary }: AskedWarm): void {
    const { label, places } = destination;
    const { callId, caller, extension, line, services, ledger, log } = this.#options;
    const { engine, routes, pairs, clock, transfers } = services;
    const consult = line?.pbx.consult;
    if (line === null || consult === undefined) {
      const why =
        line === null ? 'this call has no channel on a PBX' : `PBX "${line.pbx.name}" does blind transfers only`;
      throw new LinecardError('PBX_UNSUPPORTED', `cannot transfer with an announcement: ${why}`);
    }
    const { pbx, offer } = line;
    ledger.transferStarted(to, mode);
    this.#warm = new WarmTransfer({
      pbx,
      consult,
      // The caller may give the call to somebody else meanwhile.
      get callerChannelId() {
        return line.offer.channelId;
      },
      anchor: null,
      announced: 'yes',
      ...(mode === 'conference' ? { conference: (person) => this.#confer(line, person, label) } : {}),
      briefingAgent: this.#briefingAgent(),
      caller,
      extension,
      context: offer.context,
      label,
      places,
      summary,
      graceMs: transfers.graceMs,
      call: this.#whileTransferring(line, destination),
      engine,
      routes,
      pairs,
      onStep: (what, detail) => services.journal.step(callId, what, detail),
      clock,
      log,
    });
    this.#warm.begin();
  }

  /** The caller's audio stays on its media thread, and goes from there to the person. */
  #beginAnchored(to: string, destination: Destination, how: { mode: TransferMode; summary: string }): void {
    const { label, places } = destination;
    const { callId, caller, extension, services, ledger, media, host, log } = this.#options;
    const { anchorPbx, engine, routes, pairs, clock, transfers } = services;
    if (anchorPbx === null) {
      throw new LinecardError('PBX_UNSUPPORTED', 'cannot transfer: no PBX is connected that could ring a person');
    }
    ledger.transferStarted(to, how.mode);
    const couple = (withCallId: CallId | null): void => media.send({ kind: 'couple', callId, withCallId });
    const warm = new WarmTransfer({
      ...anchorPbx,
      callerChannelId: null,
      anchor: {
        callId,
        connect: (personCallId) => {
          couple(personCallId);
          ledger.changeState('connected');
        },
        personGone: () => void host.end({ result: 'transferred', fault: 'none', reason: `to ${label}, who hung up` }),
      },
      announced: how.mode === 'warm' ? 'yes' : 'no',
      briefingAgent: this.#briefingAgent(),
      caller,
      extension,
      label,
      places,
      summary: how.summary,
      graceMs: transfers.graceMs,
      call: {
        hold: () => {
          host.changeHold('held');
          return Promise.resolve();
        },
        resume: (tried) => {
          if (this.#agentLost !== null) return Promise.reject(this.#agentLost);
          couple(null);
          host.changeHold('resumed');
          this.#tell(tried, destination);
          return Promise.resolve();
        },
        toFallback: () =>
          host.toFallback({ result: 'failed', fault: 'pbx', reason: 'the caller could not come back from a transfer' }),
        transferEnded: (ended) => {
          this.#warm = null;
          services.journal.transferEnded(callId, ended);
          if (ended === 'connected' && !host.hasEnded()) this.#anchored = warm;
        },
      },
      engine,
      routes,
      pairs,
      onStep: (what, detail) => services.journal.step(callId, what, detail),
      clock,
      log,
    });
    this.#warm = warm;
    warm.begin();
  }

  #endAnchored(): void {
    const anchored = this.#anchored;
    this.#anchored = null;
    void anchored?.endAnchored();
  }

  #whileTransferring(line: Line, destination: Destination): TransferringCall {
    const { callId, media, host, services } = this.#options;
    const { pbx } = line;
    return {
      hold: async () => {
        host.changeHold('held');
        await pbx.hold(line.offer.channelId, 'held');
      },
      resume: async (tried, from) => {
        if (this.#agentLost !== null) throw this.#agentLost;
        const bridgeId = media.pbxMedia?.bridgeId;
        if (media.connected && bridgeId !== undefined && from === 'person') {
          await pbx.consult?.takeBack(line.offer.channelId, bridgeId);
        }
        // Lost long ago, or while they came back.
        if (!media.connected) await host.reopenMedia(line);
        await pbx.hold(line.offer.channelId, 'resumed');
        host.changeHold('resumed');
        this.#tell(tried, destination);
      },
      toFallback: () =>
        host.toFallback({ result: 'failed', fault: 'pbx', reason: 'the caller could not come back from a transfer' }),
      transferEnded: (how) => {
        this.#warm = null;
        services.journal.transferEnded(callId, how);
        if (how === 'connected')
          void host.end({ result: 'transferred', fault: 'none', reason: `to ${destination.label}, announced` });
      },
    };
  }

  /** The agent tells the caller who is back what happened, and goes on. */
  #tell(tried: readonly Attempted[], { label, otherwise }: Pick<Destination, 'label' | 'otherwise'>): void {
    const { callId, media } = this.#options;
    const happened = returnText(tried, label);
    const words = relayText(tried, label, otherwise);
    const text = `${happened} What else can I do for you?`;
    if (words !== null) media.send({ kind: 'relay', callId, words, text });
    // Who has just talked with somebody knows whether there is anything left to say.
    else if (otherwise === 'message' && tried.at(-1)?.refusal !== 'cutOff') {
      media.send({ kind: 'takeMessage', callId, text: happened });
    } else media.send({ kind: 'say', callId, text, instead: 'yes' });
  }

  /** The caller to the agent again, and the person to both. */
  async #confer(line: Line, personChannelId: ChannelId, label: string): Promise<void> {
    const { callId, services, media, host } = this.#options;
    if (this.#agentLost !== null) throw this.#agentLost;
    if (!media.connected) await host.reopenMedia(line);
    services.journal.step(callId, 'join', { channelId: personChannelId });
    await line.pbx.hold(line.offer.channelId, 'resumed');
    await host.join(personChannelId);
    host.changeHold('resumed');
    const text = `${label} has joined: the caller, they and you hear each other. Let the two talk, and speak when you are asked.`;
    media.send({ kind: 'instruct', callId, text });
  }

  /** Where the call's agent understands anybody's speech, so does who asks the person. */
  #briefingAgent(): string {
    const { ledger, services } = this.#options;
    return services.ears?.has(ledger.agent) === true ? `${BRIEFING_BY}${ledger.agent}` : BRIEFING_AGENT;
  }

  #needConference(): void {
    const { line } = this.#options;
    if (line?.pbx.consult !== undefined) return;
    throw new LinecardError('PBX_UNSUPPORTED', 'nobody can join this call: it has no channel on a PBX that can');
  }

  /** After hours only the places that the configuration names for it can be reached. */
  #needOpen(to: string, { label }: Destination): void {
    const { hours, services } = this.#options;
    const { schedule, whenClosed } = hours;
    if (schedule === null || whenClosed === null || whenClosed.has(to)) return;
    if (services.schedules.get(schedule).state === 'open') return;
    throw new LinecardError('DESTINATION_CLOSED', `${label} cannot be reached now: it is after hours`);
  }

  #destinationOf(to: string): Destination {
    const { line, keptBy, services } = this.#options;
    const { destinations } = services;
    const known = destinations.get(to);
    if (known !== undefined) {
      this.#needOpen(to, known);
      return known;
    }
    const fallback = line !== null ? line.fallback : keptBy === 'dialplan' ? 'the human of the dialplan' : null;
    if (to === 'fallback' && fallback !== null) {
      const places = [{ extension: fallback, ringTimeMs: FALLBACK_RING_MS }];
      return { dial: fallback, label: 'the operator', mode: 'blind', otherwise: 'agent', places };
    }
    const allowed = [...destinations.keys(), 'fallback'].join(', ');
    throw new LinecardError(
      'DESTINATION_UNKNOWN',
      `there is no destination "${to}" for this call; allowed: ${allowed}`,
    );
  }
}
