import type {
  BrowserDesk,
  CallActions,
  CallDirectory,
  MessageStore,
  RecordingDesk,
  ScheduleDesk,
  SocketDesk,
} from '../call/port.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { CallHistory } from '../observe/history.js';
import type { Metrics } from '../observe/metrics.js';

/** What browsers may do; there is one where the configuration lets them in. */
export type BrowserAccess = {
  readonly desk: BrowserDesk;
  /** With credentials that are good for one call (RTCIceServer). */
  readonly iceServers: () => readonly {
    readonly urls: readonly string[];
    readonly username?: string;
    readonly credential?: string;
  }[];
  readonly origins: readonly string[];
  readonly sessionTokens: 'optional' | 'required';
};

/** What the HTTP side is given. */
export type ApiOptions = {
  readonly calls: CallDirectory;
  readonly actions: CallActions;
  readonly history: Pick<CallHistory, 'ended' | 'get' | 'watch'>;
  readonly messages: Pick<MessageStore, 'list' | 'audioPath' | 'calledBack'>;
  readonly recordings: RecordingDesk;
  readonly schedules: Pick<ScheduleDesk, 'list' | 'get' | 'override' | 'followTimetable'>;
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  /** Calls over WebSockets. */
  readonly sockets: SocketDesk;
  /** Null: no browser comes in. */
  readonly browsers: BrowserAccess | null;
  /** Why no call can be taken; empty when one can. */
  readonly readiness: () => readonly string[];
  /** What works less well than configured. */
  readonly limitations: () => readonly string[];
  /** Addresses and networks of reverse proxies whose `X-Forwarded-For` is believed. */
  readonly proxies: readonly string[];
  /** What stands after `Authorization: Bearer`. */
  readonly token: string;
  readonly clock: Clock;
  readonly log: Logger;
};
