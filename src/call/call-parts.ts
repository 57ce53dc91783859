import type { Caller, Transport } from '../core/calls.js';
import type { CallId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import type { PastTurn, UnfinishedCall } from '../journal/port.js';
import type { AgentsCall } from './agent-requests.js';
import { AgentRequests } from './agent-requests.js';
import { CallEnding } from './call-ending.js';
import { CallHold } from './call-hold.js';
import { CallMedia, isBrowser } from './call-media.js';
import type { CallHours, CallServices, Line } from './call-services.js';
import { CallTransfers } from './call-transfers.js';
import { CallLedger } from './ledger.js';
import { MediaLink } from './media-link.js';
import { KeyPad } from './schedule/key-pad.js';
import { CallSupervisors } from './supervision/call-supervisors.js';
import { UplinkCare } from './uplink-care.js';

/** What is known of a call when it begins. */
export type CallFacts = {
  readonly id: CallId;
  readonly services: CallServices;
  readonly agent: string;
  readonly extension: string | null;
  readonly hours: CallHours;
  readonly caller: Caller;
  readonly transport: Transport;
  /** What was said in a call that this one goes on with. */
  readonly past?: readonly PastTurn[];
  /** The call as an earlier process of ours left it, with the same id. */
  readonly before?: UnfinishedCall | null;
  /**
   * The PBX side; null for a call that the dialplan connected to us by itself, where the dialplan keeps the caller, and for a browser's, which
   * has none.
   */
  readonly line: Line | null;
};

export type CallPartsOptions = {
  readonly facts: CallFacts;
  /** What the agent's wishes come to. */
  readonly call: AgentsCall;
  readonly onCallerGone: () => Promise<void>;
  /** The caller pressed the code of a schedule. */
  readonly onScheduleCode: (schedule: string) => void;
  readonly onEnded: () => void;
  /** Told after it when the caller may still be at the PBX, with nobody. */
  readonly onLeftBehind: () => void;
  readonly log: Logger;
};

/** What a call consists of; each part says what it is for. */
export type CallParts = {
  readonly ledger: CallLedger;
  readonly link: MediaLink;
  readonly hold: CallHold;
  readonly ending: CallEnding;
  readonly media: CallMedia;
  readonly transfers: CallTransfers;
  readonly supervisors: CallSupervisors;
  readonly uplink: UplinkCare;
  readonly keyPad: KeyPad;
  readonly requests: AgentRequests;
};

/** Makes the parts of one call and tells each of the others that it needs. */
export function buildCallParts(options: CallPartsOptions): CallParts {
  const { log } = options;
  const { id: callId, services, agent, extension, hours, caller, transport, past = [], before, line } = options.facts;
  const { clock, engine, journal, publish, schedules } = services;
  const ledger = new CallLedger({
    id: callId,
    agent,
    extension,
    caller,
    transport,
    pbx: line?.pbx.name ?? null,
    before: before?.record ?? null,
    clock,
    publish,
    log,
  });
  const link = new MediaLink({ callId, engine, clock, log });
  const music = isBrowser(transport) ? 'own' : 'pbx';
  const hold = new CallHold({ callId, line, music, journal, ledger, media: link, log });
  const ending = new CallEnding({
    line,
    ledger,
    media: link,
    hearsMusic: () => hold.hearsMusic,
    onEnding: () => {
      keyPad.close();
      uplink.forget();
      transfers.abandon();
      supervisors.stop();
    },
    onEnded: options.onEnded,
    onLeftBehind: options.onLeftBehind,
    log,
  });
  const media = new CallMedia({
    callId,
    caller,
    extension,
    transport,
    hours,
    past,
    line,
    services,
    ledger,
    link,
    hold,
    ending,
    onCallerGone: options.onCallerGone,
    onReopened: () => supervisors.follow(),
    log,
  });
  const transfers = new CallTransfers({
    callId,
    caller,
    extension,
    hours,
    keptBy: line !== null ? 'pbx' : isBrowser(transport) ? 'nobody' : 'dialplan',
    line,
    services,
    ledger,
    media: link,
    host: {
      hasEnded: () => ending.hasEnded,
      changeHold: (held) => hold.change('transfer', held),
      join: (personChannelId) => supervisors.join(personChannelId),
      reopenMedia: (on) => media.reopen(on),
      toFallback: (outcome) => ending.toFallback(outcome),
      end: (outcome) => ending.end(outcome),
    },
    log,
  });
  const supervisors = new CallSupervisors({
    callId,
    agent,
    line,
    caller,
    services,
    media: link,
    changeHold: (held) => hold.change('supervisor', held),
    end: (outcome) => ending.end(outcome),
    hasEnded: () => ending.hasEnded,
    log,
  });
  const uplink = new UplinkCare({ line, ledger, link, clock, log });
  const keyPad = new KeyPad({
    codes: schedules.keyCodes,
    clock,
    pass: (digit) => link.send({ kind: 'digit', callId, digit }),
    entered: options.onScheduleCode,
  });
  const { schedule } = hours;
  const requests = new AgentRequests({
    callId,
    caller,
    schedule,
    services,
    ledger,
    media: link,
    call: options.call,
    log,
  });
  return { ledger, link, hold, ending, media, transfers, supervisors, uplink, keyPad, requests };
}
