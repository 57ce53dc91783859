import type { TransferMode } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import type { CallEvent } from '../core/events.js';
import type { Logger } from '../core/logger.js';
import type { MediaEngine } from '../engine/port.js';
import type { CallJournal } from '../journal/port.js';
import type { CallOffer, ConsultPbx, Pbx } from '../pbx/port.js';
import type { LegRoutes } from './leg-routes.js';
import type { MessageStore, ScheduleDesk } from './port.js';
import type { StartGate } from './start-gate.js';
import type { TalkingPairs } from './transfer/talking-pairs.js';
import type { Place } from './transfer/warm-transfer.js';

/** Where a caller may be sent. */
export type Destinations = ReadonlyMap<string, Destination>;

export type Destination = {
  /** Where a blind transfer goes. */
  readonly dial: string;
  readonly label: string;
  /** How it goes where nobody says how; warm only where the PBX can. */
  readonly mode: TransferMode;
  /** What becomes of a caller whom nobody there took: the agent asks what else it can do, or takes a message. */
  readonly otherwise: 'agent' | 'message';
  /** Where a warm one rings, one after the other. */
  readonly places: readonly Place[];
};

export type TransferLimits = {
  readonly maxPerCall: number;
  readonly graceMs: number;
  /** Prefixes of international and premium numbers that may be dialled. */
  readonly allow: readonly string[];
};

/** Where people are rung for callers who are not on a PBX. */
export type AnchorPbx = { readonly pbx: Pbx; readonly consult: ConsultPbx; readonly context: string };

/** What every session of a process shares. */
export type CallServices = {
  readonly engine: MediaEngine;
  readonly destinations: Destinations;
  readonly transfers: TransferLimits;
  /** Null: none of the PBXs can ring a person. */
  readonly anchorPbx: AnchorPbx | null;
  readonly routes: LegRoutes;
  readonly pairs: TalkingPairs;
  readonly journal: CallJournal;
  /** Media threads have started, or it took too long. */
  readonly mediaStart: StartGate;
  /** Agents that have a part which understands anybody's speech: a supervisor may speak to them, and a person may decline in words. Absent: none. */
  readonly ears?: ReadonlySet<string>;
  readonly messages: MessageStore;
  readonly schedules: ScheduleDesk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly publish: (event: CallEvent) => void;
};

/** What opening hours mean for a call. */
export type CallHours = {
  /** Name of the schedule; null: there is none. */
  readonly schedule: string | null;
  /** The only destinations while it says closed; null: all of them. */
  readonly whenClosed: ReadonlySet<string> | null;
};

/** A caller's channel on a PBX that we control. */
export type Line = {
  readonly pbx: Pbx;
  /** Another one when the caller has given the call to somebody else: read it when it is needed, and keep none of it. */
  offer: CallOffer;
  /** Extension where the caller goes when the AI cannot serve; null: there is none, the call is hung up. */
  readonly fallback: string | null;
};
