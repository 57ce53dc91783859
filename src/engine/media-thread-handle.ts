import { assertNever } from '../core/assert-never.js';
import type { Alarm, Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { CallId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import { BeatWatch } from '../core/beat-watch.js';
import { emptyReport } from './media-host.js';
import type { Admission } from './overload-watch.js';
import { OverloadWatch } from './overload-watch.js';
import type { FromMedia, LegReport, MediaAddress, OpenSession, ThreadReport, ToMedia } from './port.js';
import type { ThreadLink } from './thread-link.js';

const BEAT_INTERVAL_MS = 250;
/**
 * A thread that answers none of six beats is replaced: after 1.5 s of silence, before Asterisk's own 2 s without activity. The longest
 * pause that a healthy thread was seen to make is a tenth of that (loading WebAssembly, a full garbage collection).
 */
const SILENT_BEATS = 6;
/** Loading voices and recognizers takes seconds on a small machine. */
const START_TIME_LIMIT_MS = 60_000;
/** A thread answers `open` within a turn of its loop. */
const OPEN_TIME_LIMIT_MS = 2000;
/** A thread that is lost again so soon is not started at once again. */
const RESTART_PAUSE_MS = 1000;
const SHORT_LIFE_MS = 10_000;

const NO_REPORT: ThreadReport = {
  sessions: 0,
  latenessP50Ms: 0,
  latenessP99Ms: 0,
  latenessMaxMs: 0,
  skippedTicks: 0,
  ticks: 0,
  load: 0,
};

export type MediaThreadOptions = {
  readonly index: number;
  readonly openLink: (index: number) => ThreadLink;
  readonly maxSessions: number;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Logger;
  /** What control is told; what is between the pool and its threads is not. */
  readonly onMessage: (message: FromMedia) => void;
};

/** A call that was given to the thread, and its last figures. */
type PlacedCall = { readonly session: OpenSession; report: LegReport | null };

type PendingOpen = {
  readonly resolve: (address: MediaAddress) => void;
  readonly reject: (error: LinecardError) => void;
  readonly alarm: Alarm;
};

/**
 * One media thread as control has it: its calls, its health, and its successor when it is lost. `lost` and starting again are its own
 * business; its calls are reported as closed, so that control can open them on another thread.
 */
export class MediaThread {
  readonly #options: MediaThreadOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #watch: BeatWatch;
  readonly #overload: OverloadWatch;
  readonly #calls = new Map<CallId, PlacedCall>();
  readonly #opening = new Map<CallId, PendingOpen>();
  #link: ThreadLink | null = null;
  #state: 'idle' | 'starting' | 'ready' | 'lost' | 'stopped' = 'idle';
  #address: MediaAddress | null = null;
  #limitations: readonly string[] = [];
  #report: ThreadReport = NO_REPORT;
  #startedAtMs = 0;
  #starting: { readonly resolve: () => void; readonly reject: (error: LinecardError) => void } | null = null;
  /** The limit of a start, or the pause before the next one. */
  #startAlarm: Alarm | null = null;

  constructor(options: MediaThreadOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#overload = new OverloadWatch(options.admission);
    this.#watch = new BeatWatch({
      clock: options.clock,
      intervalMs: BEAT_INTERVAL_MS,
      limit: SILENT_BEATS,
      beat: (sequence) => this.#link?.send({ kind: 'heartbeat', sequence }),
      onSilence: () => this.#lost(`it answered none of ${SILENT_BEATS} heartbeats`),
    });
  }

  get address(): MediaAddress | null {
    return this.#address;
  }

  get limitations(): readonly string[] {
    return this.#limitations;
  }

  get report(): ThreadReport {
    return this.#report;
  }

  get callCount(): number {
    return this.#calls.size;
  }

  /** Resolves when the thread can take calls; rejects with why it never can. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
      this.#open();
    });
  }

  has(callId: CallId): boolean {
    return this.#calls.has(callId);
  }

  /** Why it takes no further call; null when it does. */
  refusal(): string | null {
    const { index, maxSessions } = this.#options;
    if (this.#state === 'starting') return `media thread ${index} is starting`;
    if (this.#state !== 'ready') return `media thread ${index} is not running`;
    if (this.#calls.size >= maxSessions) return `media thread ${index} is full: ${maxSessions} calls`;
    const overload = this.#overload.reason;
    return overload === null ? null : `media thread ${index} is overloaded: ${overload}`;
  }

  open(session: OpenSession): Promise<MediaAddress> {
    const { callId } = session;
    this.#calls.set(callId, { session, report: null });
    return new Promise((resolve, reject) => {
      const alarm = this.#clock.setAlarm(OPEN_TIME_LIMIT_MS, () => {
        this.#calls.delete(callId);
        this.send({ kind: 'close', callId, ending: 'handover' });
        this.#settle(callId)?.reject(
          new LinecardError(
            'MEDIA_THREAD_LOST',
            `media thread ${this.#options.index} did not answer within ${OPEN_TIME_LIMIT_MS} ms`,
          ),
        );
      });
      this.#opening.set(callId, { resolve, reject, alarm });
      this.send({ kind: 'open', session });
    });
  }

  send(message: ToMedia): void {
    this.#link?.send(message);
  }

  /** Idempotent, never rejects. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.#watch.stop();
    this.#startAlarm?.cancel();
    for (const callId of [...this.#opening.keys()]) {
      this.#settle(callId)?.reject(new LinecardError('MEDIA_THREAD_LOST', 'the media threads are shutting down'));
    }
    const link = this.#link;
    this.#link = null;
    if (link === null) return;
    if (link.separate === 'no') {
      await link.terminate();
      return;
    }
    // It says goodbye to its peers and exits by itself; the pool's limit is for one that does not.
    const gone = new Promise<void>((resolve) => (link.onGone = () => resolve()));
    link.send({ kind: 'shutDown' });
    const limit = this.#clock.setAlarm(2000, () => void link.terminate().then(() => link.onGone('terminated')));
    await gone;
    limit.cancel();
  }

  #open(): void {
    this.#state = 'starting';
    this.#startedAtMs = this.#clock.nowMs();
    const link = this.#options.openLink(this.#options.index);
    this.#link = link;
    link.onMessage = (message) => {
      if (link === this.#link) this.#onMessage(message);
    };
    link.onGone = (reason) => {
      if (link === this.#link) this.#lost(reason);
    };
    this.#startAlarm = this.#clock.setAlarm(START_TIME_LIMIT_MS, () =>
      this.#lost(`it was not ready within ${START_TIME_LIMIT_MS / 1000} s`),
    );
  }

  #onMessage(message: FromMedia): void {
    // Any word is a sign of life.
    this.#watch.heard();
    switch (message.kind) {
      case 'ready':
        this.#ready(message.address, message.limitations);
        break;
      case 'startFailed':
        this.#startFailed(new LinecardError(message.code, message.message));
        break;
      case 'opened':
        this.#settle(message.callId)?.resolve(message.address);
        break;
      case 'openFailed':
        this.#calls.delete(message.callId);
        this.#settle(message.callId)?.reject(new LinecardError(message.code, message.message));
        break;
      case 'threadReport':
        this.#reported(message.report);
        break;
      case 'heartbeat':
        break;
      case 'log':
        this.#log[message.level](message.fields, message.message);
        break;
      case 'directCall':
        this.#calls.set(message.session.callId, { session: message.session, report: null });
        this.#options.onMessage(message);
        break;
      case 'legClosed':
        this.#calls.delete(message.callId);
        this.#options.onMessage(message);
        break;
      case 'legReport': {
        const call = this.#calls.get(message.callId);
        if (call !== undefined) call.report = message.report;
        this.#options.onMessage(message);
        break;
      }
      case 'legConnected':
      case 'signalled':
      case 'partyAudio':
      case 'firstAudio':
      case 'turn':
      case 'caption':
      case 'digit':
      case 'interrupted':
      case 'responseStarted':
      case 'toolCalled':
      case 'uplinkStopped':
      case 'uplinkResumed':
      case 'agentChanged':
      case 'usage':
      case 'limitReached':
      case 'request':
      case 'agentDone':
      case 'agentFailed':
      case 'recorded':
        this.#options.onMessage(message);
        break;
      default:
        assertNever(message);
    }
  }

  #reported(report: ThreadReport): void {
    const before = this.#overload.reason;
    this.#report = report;
    this.#overload.observe(report);
    const { reason } = this.#overload;
    if (before === null && reason !== null) this.#log.warn({ ...report, reason }, 'media thread takes no more calls');
    if (before !== null && reason === null) this.#log.info({ ...report }, 'media thread takes calls again');
  }

  #ready(address: MediaAddress, limitations: readonly string[]): void {
    this.#startAlarm?.cancel();
    this.#state = 'ready';
    this.#address = address;
    this.#limitations = limitations;
    if (this.#link?.separate === 'yes') this.#watch.start();
    this.#starting?.resolve();
    this.#starting = null;
  }

  #startFailed(error: LinecardError): void {
    if (this.#starting === null) {
      this.#lost(error.message);
      return;
    }
    this.#startAlarm?.cancel();
    this.#state = 'lost';
    this.#starting.reject(error);
    this.#starting = null;
    void this.#end(this.#link);
  }

  /** It froze or died: its calls are lost, another one takes its place. */
  #lost(reason: string): void {
    if (this.#state === 'stopped' || this.#state === 'lost') return;
    const { index, onMessage } = this.#options;
    const link = this.#link;
    this.#state = 'lost';
    this.#link = null;
    this.#report = NO_REPORT;
    this.#overload.reset();
    this.#watch.stop();
    this.#startAlarm?.cancel();
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#log.error({ reason, calls: calls.length }, 'media thread lost');
    const shortLife = this.#clock.nowMs() - this.#startedAtMs < SHORT_LIFE_MS;
    // The successor needs the port: not before the old one's sockets are closed.
    void this.#end(link).then(() => {
      this.#startAlarm = this.#clock.setAlarm(shortLife ? RESTART_PAUSE_MS : 0, () => {
        if (this.#state === 'lost') this.#open();
      });
    });
    const error = new LinecardError('MEDIA_THREAD_LOST', `media thread ${index} was lost: ${reason}`);
    if (this.#starting !== null) {
      this.#starting.reject(error);
      this.#starting = null;
      this.#state = 'stopped';
    }
    for (const { session, report } of calls) {
      const pending = this.#settle(session.callId);
      if (pending !== undefined) {
        pending.reject(error);
        continue;
      }
      const { callId, legId } = session;
      onMessage({
        kind: 'legClosed',
        callId,
        reason: 'error',
        detail: error.message,
        report: report ?? emptyReport(legId),
      });
    }
  }

  async #end(link: ThreadLink | null): Promise<void> {
    try {
      await link?.terminate();
    } catch (error) {
      this.#log.warn({ err: error }, 'media thread could not be ended');
    }
  }

  #settle(callId: CallId): PendingOpen | undefined {
    const pending = this.#opening.get(callId);
    this.#opening.delete(callId);
    pending?.alarm.cancel();
    return pending;
  }
}
