import type { CallId } from '../core/ids.js';
import { newLegId } from '../core/ids.js';
import type { Caller, Transport } from '../core/calls.js';
import { LinecardError, toLinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { PromptValues } from '../core/prompt.js';
import type { OpenSession } from '../engine/port.js';
import type { PastTurn } from '../journal/port.js';
import type { CallEnding } from './call-ending.js';
import type { CallHold } from './call-hold.js';
import type { CallHours, CallServices, Line } from './call-services.js';
import type { CallLedger } from './ledger.js';
import type { MediaLink } from './media-link.js';

/** A leg that is lost in mid-call is opened again; a PBX that loses it thrice in a minute will not keep it. */
const MEDIA_REOPENINGS = 2;
const REOPENINGS_COUNT_FOR_MS = 60_000;
/** Of a browser's leg, which carries Opus. */
const BROWSER_RATE_HZ = 16_000;

export type CallMediaOptions = {
  readonly callId: CallId;
  readonly caller: Caller;
  readonly extension: string | null;
  readonly transport: Transport;
  readonly hours: CallHours;
  /** What was said in calls before this one. */
  readonly past: readonly PastTurn[];
  readonly line: Line | null;
  readonly services: CallServices;
  readonly ledger: CallLedger;
  readonly link: MediaLink;
  readonly hold: CallHold;
  readonly ending: CallEnding;
  /** The party closed its leg, which is how it hangs up. */
  readonly onCallerGone: () => Promise<void>;
  /** There is another leg, in another bridge. */
  readonly onReopened: () => void;
  readonly log: Logger;
};

/** The sound of one call: what a media thread is told when it begins, and another leg when one is lost. */
export class CallMedia {
  readonly #options: CallMediaOptions;
  /** When legs of the last minute were opened again. */
  #reopenedAtMs: number[] = [];

  constructor(options: CallMediaOptions) {
    this.#options = options;
  }

  /** A leg of the caller's channel. Rejects with why there is none. */
  async open(line: Line): Promise<void> {
    const wireRateHz = line.pbx.can.mediaRatesHz[0] ?? 8000;
    await this.#options.link.open(line.pbx, line.offer.channelId, this.#plan({ digits: 'control', wireRateHz }));
  }

  /** A place on a media thread for a leg that comes by signalling. Rejects with why there is none. */
  async expectBrowser(): Promise<void> {
    const { services, link } = this.#options;
    await services.engine.open({ ...this.#plan({ digits: 'leg', wireRateHz: BROWSER_RATE_HZ }), format: null });
    link.adopt();
  }

  /** Another leg in the place of the last, with the conversation remembered. Rejects with why there is none. */
  async reopen(line: Line): Promise<void> {
    const { callId, link, hold, onReopened } = this.#options;
    await link.closePbxMedia();
    await hold.forgetAgent();
    await this.open(line);
    onReopened();
    link.send({ kind: 'start', callId });
    if (hold.held) link.send({ kind: 'hold', callId, held: 'held' });
  }

  /** The leg closed although the call goes on. Never rejects. */
  async lost(reason: string, detail: string): Promise<void> {
    const { line, ledger, link, ending, log } = this.#options;
    if (isBrowser(this.#options.transport)) {
      await this.#browserGone(reason, detail);
      return;
    }
    if (line === null) {
      await ending.end(
        reason === 'remote'
          ? { result: 'completed', fault: 'none', reason: 'the caller hung up' }
          : { result: 'failed', fault: 'pbx', reason: `the audio connection was lost: ${detail}` },
      );
      return;
    }
    const lost = new LinecardError('MEDIA_PROTOCOL', `the audio connection was lost (${reason}): ${detail}`);
    const wasOpening = link.opening;
    link.legLost(lost);
    // Whoever opens it hears of it there; a call on its way to a person needs no audio from us.
    if (wasOpening || (ledger.state !== 'talking' && ledger.state !== 'held')) return;
    const nowMs = this.#options.services.clock.nowMs();
    this.#reopenedAtMs = this.#reopenedAtMs.filter((atMs) => nowMs - atMs < REOPENINGS_COUNT_FOR_MS);
    if (this.#reopenedAtMs.length === MEDIA_REOPENINGS) {
      await ending.cannotServe(lost);
      return;
    }
    this.#reopenedAtMs.push(nowMs);
    log.warn({ reason, detail, attempt: this.#reopenedAtMs.length }, 'audio connection lost, opening another');
    try {
      await this.reopen(line);
    } catch (error) {
      await ending.cannotServe(toLinecardError(error));
    }
  }

  async #browserGone(reason: string, detail: string): Promise<void> {
    const { ledger, ending, onCallerGone } = this.#options;
    if (reason === 'remote') await onCallerGone();
    else if (ledger.answered) await ending.end({ result: 'failed', fault: 'caller', reason: detail });
    // No way between the two was found: addresses, ports or relays of the configuration.
    else await ending.end({ result: 'failed', fault: 'config', reason: detail });
  }

  #plan(leg: Pick<OpenSession, 'digits' | 'wireRateHz'>): Omit<OpenSession, 'format'> {
    const { callId, transport, caller, extension, past, ledger } = this.#options;
    return {
      callId,
      legId: newLegId(),
      transport,
      agent: ledger.agent,
      caller,
      extension,
      history: [...past, ...ledger.turns.map(({ who, text }) => ({ who, text }))],
      facts: this.#facts(),
      spent: ledger.usage,
      talkedMs: ledger.talkedMs,
      ...leg,
    };
  }

  #facts(): PromptValues {
    const { services, hours, line } = this.#options;
    const { open, text } = services.schedules.answer(hours.schedule);
    const given = Object.entries(line?.offer.variables ?? {}).map(([name, value]) => [`var.${name}`, value]);
    return {
      ...(Object.fromEntries(given) as PromptValues),
      'hours.state': open ? 'open' : 'closed',
      'hours.text': text,
    };
  }
}

/** A browser's call has no channel on a PBX. */
export function isBrowser(transport: Transport): boolean {
  return transport === 'webrtc' || transport === 'websocket';
}
