import { NO_USAGE } from '../core/calls.js';
import type {
  CallLimit,
  CallRecord,
  CallState,
  Caller,
  CallTimings,
  Note,
  Outcome,
  TransferMode,
  Transport,
  Turn,
  Usage,
} from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import type { CallEvent } from '../core/events.js';
import type { CallId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import type { FromMedia, LegReport } from '../engine/port.js';
import { QualityBook } from './call-quality.js';

/** Of one call. A model that goes in circles must not fill the memory. */
const MAX_TOOL_CALLS = 100;
const MAX_NOTES = 20;

export type LedgerOptions = {
  readonly id: CallId;
  readonly transport: Transport;
  readonly pbx: string | null;
  readonly extension: string | null;
  readonly caller: Caller;
  readonly agent: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly publish: (event: CallEvent) => void;
  /** The call as an earlier process left it. */
  readonly before?: CallRecord | null;
};

/** What a media thread observes of a call and control only passes on. */
export type Observation = Extract<
  FromMedia,
  {
    readonly kind:
      | 'firstAudio'
      | 'turn'
      | 'caption'
      | 'digit'
      | 'interrupted'
      | 'responseStarted'
      | 'toolCalled'
      | 'agentChanged'
      | 'usage'
      | 'legReport';
  }
>;

/** What is known of one call: its state, its turns, its times, its end. Every entry is published as an event. */
export class CallLedger {
  readonly #options: LedgerOptions;
  readonly #startedAtMs: number;
  readonly #startedAtWallMs: number;
  readonly #turns: Turn[] = [];
  readonly #toolCalls: CallRecord['toolCalls'][number][] = [];
  readonly #notes: Note[] = [];
  #usage: Usage = NO_USAGE;
  readonly #timings: { -readonly [Name in keyof CallTimings]: CallTimings[Name] } = {};
  #agent: string;
  #state: CallState = 'offered';
  #codec: string | null = null;
  #sampleRateHz: number | null = null;
  #answeredAtWallMs: number | null = null;
  #endedAtWallMs: number | null = null;
  #outcome: Outcome | null = null;
  #report: LegReport | null = null;
  #talkedMs = 0;
  readonly #quality: QualityBook;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#agent = options.agent;
    const { clock, before = null } = options;
    this.#quality = new QualityBook(before?.quality);
    const nowWallMs = clock.wallMs();
    this.#startedAtWallMs = before === null ? nowWallMs : Date.parse(before.startedAt);
    this.#startedAtMs = clock.nowMs() - (nowWallMs - this.#startedAtWallMs);
    if (before === null) return;
    this.#state = before.state;
    this.#codec = before.codec;
    this.#sampleRateHz = before.sampleRateHz;
    this.#turns.push(...before.turns);
    this.#toolCalls.push(...before.toolCalls);
    this.#notes.push(...before.notes);
    this.#usage = before.usage;
    if (before.answeredAt === null) return;
    this.#answeredAtWallMs = Date.parse(before.answeredAt);
    this.#timings.answeredMs = this.#answeredAtWallMs - this.#startedAtWallMs;
    // How much of it was hold, the process that knew it took along.
    this.#talkedMs = nowWallMs - this.#answeredAtWallMs;
  }

  get usage(): Usage {
    return this.#usage;
  }

  /** Who has the call now. */
  get agent(): string {
    return this.#agent;
  }

  get state(): CallState {
    return this.#state;
  }

  get outcome(): Outcome | null {
    return this.#outcome;
  }

  get answered(): boolean {
    return this.#answeredAtWallMs !== null;
  }

  get notes(): readonly Note[] {
    return this.#notes;
  }

  get turns(): readonly Turn[] {
    return this.#turns;
  }

  get report(): LegReport | null {
    return this.#report;
  }

  /** Time with an agent, hold not counted. */
  get talkedMs(): number {
    return this.#talkedMs;
  }

  get record(): CallRecord {
    const { id, transport, pbx, extension, caller } = this.#options;
    const { quality } = this.#quality;
    return {
      id,
      transport,
      pbx,
      extension,
      caller,
      agent: this.#agent,
      state: this.#state,
      codec: this.#codec,
      sampleRateHz: this.#sampleRateHz,
      startedAt: new Date(this.#startedAtWallMs).toISOString(),
      answeredAt: isoOrNull(this.#answeredAtWallMs),
      endedAt: isoOrNull(this.#endedAtWallMs),
      outcome: this.#outcome,
      turns: [...this.#turns],
      toolCalls: [...this.#toolCalls],
      notes: [...this.#notes],
      usage: this.#usage,
      timings: { ...this.#timings },
      ...(quality === undefined ? {} : { quality }),
    };
  }

  started(): void {
    const { transport, pbx, extension, agent, caller, log } = this.#options;
    this.#publish({ kind: 'callStarted', call: this.record });
    log.info({ transport, ...(pbx === null ? {} : { pbx }), extension, agent, pii: { caller } }, 'call started');
  }

  resumed(resumptions: number): void {
    this.#publish({ kind: 'callResumed', call: this.record, resumptions });
    this.#options.log.info({ resumptions, turns: this.#turns.length, state: this.#state }, 'call resumed');
  }

  legConnected(codec: string, sampleRateHz: number): void {
    this.#codec = codec;
    this.#sampleRateHz = sampleRateHz;
    this.#timings.mediaMs ??= this.#sinceStartMs();
    this.#publish({ kind: 'legConnected', codec, sampleRateHz });
  }

  callAnswered(): void {
    this.#answeredAtWallMs = this.#options.clock.wallMs();
    this.#timings.answeredMs = this.#sinceStartMs();
    this.changeState('talking');
    this.#publish({ kind: 'callAnswered' });
    this.#options.log.info({ codec: this.#codec, answeredMs: this.#timings.answeredMs }, 'call answered');
  }

  observed(observation: Observation): void {
    switch (observation.kind) {
      case 'firstAudio':
        this.#timings.firstAudioMs ??= this.#sinceStartMs();
        this.#publish({ kind: 'firstAudioPlayed' });
        break;
      case 'turn':
        this.#turns.push(observation.turn);
        this.#publish({ kind: 'turnHeard', turn: observation.turn });
        break;
      case 'caption':
        this.#publish({ kind: 'captionChanged', who: observation.who, text: observation.text });
        break;
      case 'digit':
        this.#publish({ kind: 'digitPressed', digit: observation.digit });
        break;
      case 'interrupted':
        this.#quality.interrupted(observation.reactionMs);
        this.#publish({
          kind: 'agentInterrupted',
          heardMs: observation.heardMs,
          reactionMs: observation.reactionMs,
        });
        break;
      case 'responseStarted':
        this.#quality.responded(observation.latencyMs);
        this.#publish({ kind: 'responseStarted', latencyMs: observation.latencyMs });
        break;
      case 'toolCalled': {
        const { tool, ok, tookMs, input, result } = observation;
        const use = { tool, ok, tookMs, input, result };
        this.#toolCalls.push({ ...use, atMs: this.#options.clock.wallMs() });
        if (this.#toolCalls.length > MAX_TOOL_CALLS) this.#toolCalls.shift();
        this.#publish({ kind: 'toolCalled', ...use });
        break;
      }
      case 'agentChanged':
        this.#agent = observation.agent;
        this.#publish({ kind: 'agentChanged', agent: observation.agent });
        break;
      case 'usage':
        this.#usage = observation.usage;
        break;
      case 'legReport':
        this.#report = observation.report;
        // The report of a leg that never came has none.
        this.#talkedMs = Math.max(this.#talkedMs, observation.report.talkedMs);
        this.#quality.reported(observation.report);
        this.#publishQuality();
        break;
    }
  }

  changeState(state: CallState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#publish({ kind: 'stateChanged', state });
  }

  transferStarted(to: string, mode: TransferMode): void {
    this.#publish({ kind: 'transferStarted', to, mode });
    this.#options.log.info({ to, mode }, 'transfer started');
  }

  callerReplaced(caller: Caller): void {
    this.#publish({ kind: 'callerReplaced', caller });
    this.#options.log.info({ pii: { caller } }, 'the caller gave the call to somebody else');
  }

  callerUnheard(unheard: {
    readonly missingMs: number;
    readonly cause: 'pbx' | 'unknown';
    readonly mended: 'yes' | 'no';
  }): void {
    this.#publish({ kind: 'callerUnheard', ...unheard });
  }

  limitReached(limit: CallLimit): void {
    this.#publish({ kind: 'limitReached', limit });
  }

  /** The oldest is forgotten where there are too many. */
  noted(text: string): void {
    this.#notes.push({ text, atMs: this.#options.clock.wallMs() });
    if (this.#notes.length > MAX_NOTES) this.#notes.shift();
    this.#publish({ kind: 'noteTaken', text });
  }

  messageTaken(messageId: string): void {
    this.#publish({ kind: 'messageTaken', messageId });
    this.#options.log.info({ messageId }, 'message taken');
  }

  /** Last entry; the owner makes sure that it comes once. */
  ended(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#state = 'ended';
    this.#endedAtWallMs = this.#options.clock.wallMs();
    this.#timings.endedMs = this.#sinceStartMs();
    this.#publish({ kind: 'callEnded', outcome, call: this.record });
    const { quality } = this.#quality;
    const fields = { outcome, durationMs: this.#timings.endedMs, leg: this.#report?.counters, quality };
    this.#options.log.info(fields, 'call ended');
  }

  #publishQuality(): void {
    const { quality } = this.#quality;
    if (quality !== undefined) this.#publish({ kind: 'qualityMeasured', quality });
  }

  #publish(event: CallEventBody): void {
    const { publish, id, clock } = this.#options;
    publish({ ...event, callId: id, atMs: clock.wallMs() });
  }

  #sinceStartMs(): number {
    return Math.round(this.#options.clock.nowMs() - this.#startedAtMs);
  }
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;
type CallEventBody = DistributiveOmit<CallEvent, 'callId' | 'atMs'>;

function isoOrNull(wallMs: number | null): string | null {
  return wallMs === null ? null : new Date(wallMs).toISOString();
}
