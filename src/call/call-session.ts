import { assertNever } from '../core/assert-never.js';
import type { CallRecord, Caller, HowToTransfer, SuperviseMode } from '../core/calls.js';
import { LinecardError, toLinecardError } from '../core/errors.js';
import type { BridgeId, CallId, ChannelId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import type { LegReport } from '../engine/port.js';
import type { UnfinishedCall } from '../journal/port.js';
import type { AgentsCall } from './agent-requests.js';
import type { AgentRequests } from './agent-requests.js';
import type { CallEnding } from './call-ending.js';
import type { CallHold } from './call-hold.js';
import type { CallMedia } from './call-media.js';
import { isBrowser } from './call-media.js';
import type { CallFacts } from './call-parts.js';
import { buildCallParts } from './call-parts.js';
import type { Line } from './call-services.js';
import type { CallTransfers } from './call-transfers.js';
import type { CallLedger } from './ledger.js';
import type { ChannelEvent, SessionMessage } from './leg-routes.js';
import type { MediaLink } from './media-link.js';
import type { KeyPad } from './schedule/key-pad.js';
import { overrideText } from './schedule/schedule-words.js';
import type { CallSupervisors } from './supervision/call-supervisors.js';
import type { UplinkCare } from './uplink-care.js';

/** How long a caller hears music while the media threads start; then a human is better. */
export const RESUMING_MS = 10_000;
/** Whoever put us on hold longer ago may have come back while nobody listened. */
const PHONE_HOLD_KNOWN_MS = 10_000;

export type CallSessionOptions = CallFacts & {
  /** Told once, when the call is over for us. */
  readonly onEnded: (session: CallSession) => void;
  /** Told after the end when the PBX did not do what it was told: the caller may still be there, with nobody. */
  readonly onLeftBehind?: () => void;
};

/**
 * One call as control sees it: brings the PBX's channel and a media session together, and
 * makes sure that the caller ends with the agent, with a person or hung up, and that nothing is left behind. Whoever asks first
 * ends it; everything after that is ignored.
 */
export class CallSession implements AgentsCall {
  readonly id: CallId;
  readonly #options: CallSessionOptions;
  readonly #line: Line | null;
  readonly #ledger: CallLedger;
  readonly #link: MediaLink;
  readonly #log: Logger;
  readonly #hold: CallHold;
  #lateMessage: Promise<void> = Promise.resolve();
  readonly #ending: CallEnding;
  readonly #media: CallMedia;
  readonly #transfers: CallTransfers;
  readonly #supervisors: CallSupervisors;
  readonly #requests: AgentRequests;
  readonly #uplink: UplinkCare;
  readonly #keyPad: KeyPad;

  constructor(options: CallSessionOptions) {
    const { id, line, services } = options;
    this.id = id;
    this.#options = options;
    this.#line = line;
    this.#log = services.log.child({ callId: id, channelId: line?.offer.channelId });
    const parts = buildCallParts({
      facts: options,
      call: this,
      onCallerGone: () => this.#callerGone(),
      onScheduleCode: (schedule) => void this.#turnOver(schedule),
      onEnded: () => options.onEnded(this),
      onLeftBehind: () => options.onLeftBehind?.(),
      log: this.#log,
    });
    this.#ledger = parts.ledger;
    this.#link = parts.link;
    this.#hold = parts.hold;
    this.#ending = parts.ending;
    this.#media = parts.media;
    this.#transfers = parts.transfers;
    this.#supervisors = parts.supervisors;
    this.#requests = parts.requests;
    this.#uplink = parts.uplink;
    this.#keyPad = parts.keyPad;
  }

  /** An agent that believes its work is done must not end a call that it no longer leads. */
  get onTheWayToAPerson(): boolean {
    return this.#transfers.underWay;
  }

  get line(): Line | null {
    return this.#line;
  }

  /** What of the PBX belongs to it besides the caller's channel. */
  get belongings(): { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] } {
    const media = this.#link.pbxMedia;
    const all = [this.#transfers.belongings, this.#supervisors.belongings];
    return {
      channels: [...(media === null ? [] : [media.mediaChannelId]), ...all.flatMap(({ channels }) => channels)],
      bridges: [...(media === null ? [] : [media.bridgeId]), ...all.flatMap(({ bridges }) => bridges)],
    };
  }

  get legReport(): LegReport | null {
    return this.#ledger.report;
  }

  get record(): CallRecord {
    return this.#ledger.record;
  }

  /** Serves an offered call up to the greeting, or brings the caller to the fallback. Never rejects. */
  async serve(line: Line): Promise<void> {
    const { pbx, offer } = line;
    const { before = null, services } = this.#options;
    if (before === null) this.#ledger.started();
    else this.#ledger.resumed(before.resumptions + 1);
    services.journal.locate(this.id, offer.channelId);
    if (before === null) services.journal.told(this.id, offer.variables ?? {});
    if (before !== null && offer.answered === 'yes') {
      await this.#resume(line, before);
      return;
    }
    try {
      // A caller whom an earlier process of ours left may still hear its music.
      if (offer.answered === 'yes') await this.#ending.endMusic(line);
      if (pbx.can.mediaBeforeAnswer === 'yes') {
        await Promise.all([offer.answered === 'yes' ? null : pbx.ring(offer.channelId), this.#media.open(line)]);
        if (offer.answered === 'no') await pbx.answer(offer.channelId);
      } else {
        if (offer.answered === 'no') await pbx.answer(offer.channelId);
        await this.#media.open(line);
      }
      if (this.#ending.hasEnded) return;
      this.#ledger.callAnswered();
      this.#link.send({ kind: 'start', callId: this.id });
    } catch (error) {
      await this.#ending.cannotServe(toLinecardError(error));
    }
  }

  /** Goes on where an earlier process stopped: music until the agent is back, who knows what was said. Never rejects. */
  async #resume(line: Line, { heldBy, transfer, transfers, touchedAtMs }: UnfinishedCall): Promise<void> {
    const { mediaStart, clock } = this.#options.services;
    const phoneHoldIsKnown = clock.wallMs() - touchedAtMs < PHONE_HOLD_KNOWN_MS;
    const lasting = heldBy.filter((holder) => holder === 'operator' || phoneHoldIsKnown);
    this.#hold.restore(transfer === null ? lasting : [...lasting, 'transfer']);
    try {
      await this.#ending.beginMusic(line);
      await mediaStart.passed(RESUMING_MS);
      await this.#media.open(line);
      if (this.#ending.hasEnded) return;
      this.#hold.restored();
      if (!this.#hold.hearsMusic) await this.#ending.endMusic(line);
      if (!this.#ledger.answered) this.#ledger.callAnswered();
      this.#link.send({ kind: 'start', callId: this.id });
      if (this.#hold.held) this.#link.send({ kind: 'hold', callId: this.id, held: 'held' });
      this.#hold.show();
      if (transfer !== null) await this.#transfers.again(transfer, transfers);
    } catch (error) {
      await this.#ending.cannotServe(toLinecardError(error));
    }
  }

  /** Takes over a call that a media thread let in from the dialplan; the agent is speaking already. */
  adoptDirect(codec: string, sampleRateHz: number): void {
    this.#link.adopt();
    this.#ledger.started();
    this.#ledger.legConnected(codec, sampleRateHz);
    this.#ledger.callAnswered();
  }

  /** Gets a place on a media thread for a browser; its leg comes by signalling. Rejects with why there is none, the call is over then. */
  async expectBrowser(): Promise<void> {
    this.#ledger.started();
    try {
      await this.#media.expectBrowser();
    } catch (thrown) {
      const error = toLinecardError(thrown);
      await this.#ending.end({ result: 'failed', fault: error.fault, reason: error.message });
      throw error;
    }
  }

  /** The party itself ended the call, by another way than its leg. */
  async callerHungUp(): Promise<void> {
    if (!this.#ending.hasEnded) await this.#callerGone();
  }

  /** The browser's offer could not be answered. */
  async browserFailed(error: LinecardError): Promise<void> {
    await this.#ending.end({ result: 'failed', fault: error.fault, reason: error.message });
  }

  onMedia(message: SessionMessage): void {
    if (this.#ending.hasEnded) {
      // Hanging up is how most people end a message: it arrives when the call is over.
      if (message.kind === 'request' && message.request.op === 'saveMessage') {
        this.#lateMessage = this.#requests.handle(message.requestId, message.request);
      }
      return;
    }
    switch (message.kind) {
      case 'legConnected':
        this.#ledger.legConnected(message.codec, message.sampleRateHz);
        this.#link.legConnected();
        if (isBrowser(this.#options.transport) && !this.#ledger.answered) {
          this.#ledger.callAnswered();
          this.#link.send({ kind: 'start', callId: this.id });
        }
        break;
      case 'firstAudio':
      case 'turn':
      case 'caption':
      case 'digit':
      case 'interrupted':
      case 'responseStarted':
      case 'toolCalled':
      case 'agentChanged':
      case 'legReport':
        this.#ledger.observed(message);
        break;
      case 'usage':
        this.#options.services.journal.spent(this.id, message.usage);
        this.#ledger.observed(message);
        break;
      case 'request':
        void this.#requests.handle(message.requestId, message.request);
        break;
      case 'agentDone':
        void this.#ending.hangUp({ result: 'completed', fault: 'none', reason: message.reason });
        break;
      case 'limitReached':
        this.#ledger.limitReached(message.limit);
        void this.#limitReached(`the agent's limit of ${message.limit} for a call was reached`);
        break;
      case 'agentFailed':
        this.#agentFailed(new LinecardError(message.code, message.message));
        break;
      case 'uplinkStopped':
        this.#uplink.stopped();
        break;
      case 'uplinkResumed':
        this.#uplink.resumed(message.missingMs);
        break;
      case 'legClosed':
        this.#uplink.forget();
        this.#ledger.observed({ kind: 'legReport', callId: this.id, report: message.report });
        void this.#media.lost(message.reason, message.detail);
        break;
      default:
        assertNever(message);
    }
  }

  onPbx(event: ChannelEvent): void {
    if (this.#ending.hasEnded) return;
    switch (event.kind) {
      case 'channelGone':
        if (event.cause === 'lost') this.lost();
        else void this.#callerGone();
        break;
      case 'digitPressed':
        this.#keyPad.press(event.digit);
        break;
      case 'holdChanged':
        this.#hold.change('phone', event.held);
        break;
      case 'legAnswered':
        // Whom the caller gave the call to.
        this.#hold.change('ringing', 'resumed');
        break;
      default:
        assertNever(event);
    }
  }

  /** The caller gave the call to somebody else, who may still have to pick up; the agent goes on with them. */
  callerReplaced(by: {
    readonly channelId: ChannelId;
    readonly caller: Caller;
    readonly answered: 'yes' | 'no';
  }): void {
    if (this.#line === null || this.#ending.hasEnded) return;
    const { channelId, caller, answered } = by;
    this.#options.services.journal.locate(this.id, channelId);
    this.#line.offer = { ...this.#line.offer, channelId, caller, answered };
    this.#transfers.callerReplaced(channelId);
    this.#ledger.callerReplaced(caller);
    if (answered === 'no') this.#hold.change('ringing', 'held');
    this.#hold.change('phone', 'resumed');
    // Music is a channel's own: the new one has none.
    const heardMusic = this.#hold.hearsMusic && !this.#transfers.talking;
    if (heardMusic) void this.#continueMusic(this.#line);
    this.#link.send({ kind: 'instruct', callId: this.id, text: replacedText(caller) });
  }

  /** The PBX came back without this call. */
  lost(): void {
    void this.#ending.end({ result: 'failed', fault: 'pbx', reason: 'the PBX lost the call' });
  }

  /** To a destination by its key, or `fallback`. When this resolves the call is out of our hands (blind), or a person is being rung (warm). */
  async transfer(to: string, how?: HowToTransfer): Promise<void> {
    this.#needTalking('transfer');
    await this.#transfers.transfer(to, how);
  }

  /** Rings a supervisor's phone at a live call. With `text`, words for the agent alone. */
  async supervise(endpoint: string | null, mode: SuperviseMode, text: string): Promise<void> {
    if (this.#ledger.state !== 'held') this.#needTalking('supervise');
    if (text !== '') this.#link.send({ kind: 'instruct', callId: this.id, text });
    if (endpoint !== null) await this.#supervisors.supervise(endpoint, mode, text === '' ? 'none' : 'written');
  }

  /** For an operator, or at the agent's own wish. */
  async hold(held: 'held' | 'resumed', by: 'operator' | 'agent' = 'operator'): Promise<void> {
    await this.#hold.hold(by, held);
  }

  async hangUp(reason: string): Promise<void> {
    await this.#ending.hangUp({ result: 'completed', fault: 'none', reason });
  }

  async sendDigits(digits: string): Promise<void> {
    this.#needTalking('send digits');
    if (!/^[0-9*#A-Da-d]{1,64}$/.test(digits)) {
      throw new LinecardError('REQUEST_INVALID', 'digits are 1 to 64 of 0-9, *, # and A-D');
    }
    const { pbx, offer } = this.#needLine('send digits');
    await pbx.sendDigits(offer.channelId, digits);
  }

  say(text: string): void {
    this.#needTalking('say');
    this.#link.send({ kind: 'say', callId: this.id, text });
  }

  /** Resolves when a message that came at the very end is on disk, or could not be written. Never rejects. */
  get lateMessage(): Promise<void> {
    return this.#lateMessage;
  }

  /** The process ends: the caller goes to the fallback, unless they talk with a person already. Never rejects. */
  async handOver(reason: string): Promise<void> {
    if (this.#transfers.talking) await this.#transfers.release();
    else await this.#supervisors.leaveCaller(reason);
    if (!this.#ending.hasEnded) await this.#ending.toFallback({ result: 'transferred', fault: 'none', reason });
  }

  async #continueMusic({ pbx, offer }: Line): Promise<void> {
    try {
      await pbx.hold(offer.channelId, 'held');
    } catch (error) {
      this.#log.warn({ err: error }, 'whom the caller gave the call to could not be given music');
    }
  }

  #agentFailed(error: LinecardError): void {
    if (this.#transfers.underWay) this.#transfers.agentFailed(error);
    else void this.#cannotGoOn(error);
  }

  /** Who talks with a person in a conference is not taken from them. */
  async #cannotGoOn(error: LinecardError): Promise<void> {
    if (!(await this.#supervisors.leaveCaller(error.message))) await this.#ending.cannotServe(error);
  }

  async #limitReached(reason: string): Promise<void> {
    if (await this.#supervisors.leaveCaller(reason)) return;
    await this.#ending.toFallback({ result: 'transferred', fault: 'none', reason });
  }

  /** The caller pressed a schedule's code at the agent. */
  async #turnOver(schedule: string): Promise<void> {
    let text = 'I am sorry, that did not work. The opening hours are as before.';
    try {
      text = overrideText(await this.#options.services.schedules.toggle(schedule));
    } catch (error) {
      this.#log.error({ err: error, schedule }, 'schedule could not be changed by its code');
    }
    this.#link.send({ kind: 'say', callId: this.id, text, instead: 'yes' });
  }

  async #callerGone(): Promise<void> {
    const talked = this.#transfers.talking;
    this.#transfers.callerGone();
    if (!talked) await this.#ending.callerGone();
    else {
      const reason = 'the caller hung up after talking with a person';
      await this.#ending.end({ result: 'transferred', fault: 'none', reason });
    }
  }

  #needTalking(what: string): void {
    const { state } = this.#ledger;
    if (state !== 'talking') throw new LinecardError('CALL_STATE', `cannot ${what}: the call is ${state}, not talking`);
  }

  #needLine(what: string): Line {
    if (this.#line !== null) return this.#line;
    throw new LinecardError(
      'PBX_UNSUPPORTED',
      isBrowser(this.#options.transport)
        ? `cannot ${what}: a browser call has no channel on a PBX`
        : `cannot ${what}: the call came by the dialplan's AudioSocket, which carries audio only; connect the PBX by ARI`,
    );
  }
}

/** For the agent alone, so without their name: whoever chooses a name must not instruct an agent by it. */
function replacedText({ number }: Caller): string {
  const who = number.replaceAll(/[^0-9*#+]/g, '');
  return `The caller has passed this call on. You now talk with somebody else${who === '' ? '' : `: ${who}`}.`;
}
