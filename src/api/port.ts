import type { CallActions, CallDirectory, MessageStore } from '../call/port.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { CallHistory } from '../observe/history.js';
import type { Metrics } from '../observe/metrics.js';

/** What the HTTP side is given. */
export type ApiOptions = {
  readonly calls: CallDirectory;
  readonly actions: CallActions;
  readonly history: Pick<CallHistory, 'ended' | 'get' | 'watch'>;
  readonly messages: Pick<MessageStore, 'list' | 'audioPath'>;
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  /** Why no call can be taken; empty when one can. */
  readonly readiness: () => readonly string[];
  /** What works less well than configured. */
  readonly limitations: () => readonly string[];
  /** What stands after `Authorization: Bearer`. */
  readonly token: string;
  readonly clock: Clock;
  readonly log: Logger;
};
