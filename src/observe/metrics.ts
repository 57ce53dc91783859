import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CallDirectory } from '../call/port.js';
import type { CallRecord, Transport } from '../core/calls.js';
import type { CallEvent } from '../core/events.js';
import type { CallId } from '../core/ids.js';
import type { FromMedia, LegReport, MediaEngine } from '../engine/port.js';
import type { CallJournal } from '../journal/port.js';
import type { LegCounters } from '../media/leg.js';

/** Seconds. Fine where the ear is: 20 ms is a frame, 300 ms a pause that is noticed. */
const DELAY_BUCKETS = [0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10];
/** Parts of one: a thousandth is a good network, a tenth one that nobody likes. */
const LOSS_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
/** Seconds: the two of a network on the table, and of one over the sea. */
const NETWORK_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1];
const DURATION_BUCKETS = [5, 10, 20, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600, 7200];

/** What a leg counts, and the label under which it is shown. */
const FRAME_KINDS: readonly (readonly [keyof LegCounters, string])[] = [
  ['framesIn', 'in'],
  ['framesOut', 'out'],
  ['dropped', 'dropped'],
  ['underruns', 'underrun'],
  ['overruns', 'overrun'],
  ['concealed', 'concealed'],
  ['stretched', 'stretched'],
  ['shrunk', 'shrunk'],
  ['late', 'late'],
  ['lost', 'lost'],
];

/** Calls whose leg may still report after the call has ended: a thread's last word comes a moment later. */
const MAX_ENDING_CALLS = 1000;

export type MetricsOptions = {
  readonly calls: CallDirectory;
  readonly engine: Pick<MediaEngine, 'reports'>;
  /** As `/readyz`: empty when a call can be taken. */
  readonly unready: () => readonly string[];
  readonly droppedLogLines: () => number;
  readonly journal: Pick<CallJournal, 'trouble'>;
};

/** A live call: its events do not name its transport, and its leg counts from its own beginning. */
type LiveCall = {
  readonly transport: Transport;
  counted: (LegCounters & Pick<LegReport['sound'], 'oneWayMs' | 'deadAirMs'>) | null;
};

/**
 * What Prometheus asks for, counted from the events of control and the reports of the media threads. Gauges are read when
 * somebody asks, so they cannot drift from what is true.
 */
export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #live = new Map<CallId, LiveCall>();
  /** Ended, leg not closed yet; oldest first. */
  readonly #ending = new Map<CallId, LiveCall>();

  readonly #started = this.#counter('calls_started_total', 'Calls that were offered.', ['transport']);
  readonly #ended = this.#counter('calls_total', 'Calls that ended, by result and by who has to act.', [
    'transport',
    'result',
    'fault',
  ]);
  readonly #resumed = this.#counter('calls_resumed_total', 'Calls that went on after a restart.', ['transport']);
  readonly #digits = this.#counter('digits_total', 'Digits that callers pressed.', ['transport']);
  readonly #turns = this.#counter('turns_total', 'Utterances that were heard.', ['transport', 'who']);
  readonly #transfers = this.#counter('transfers_total', 'Transfers that were started.', ['transport', 'mode']);
  readonly #messages = this.#counter('messages_total', 'Messages that callers left.', ['transport']);
  readonly #tokens = this.#counter('tokens_total', 'Tokens that models were given and gave, of calls that ended.', [
    'transport',
    'agent',
    'direction',
  ]);
  readonly #cost = this.#counter('cost_total', 'What these cost by the prices of the configuration.', [
    'transport',
    'agent',
  ]);
  readonly #limits = this.#counter('limits_reached_total', 'Calls in which an agent might spend no more.', [
    'transport',
    'limit',
  ]);
  readonly #tools = this.#counter('tool_calls_total', 'Tools that agents used.', ['transport', 'tool', 'result']);
  readonly #frames = this.#counter('frames_total', 'Frames of 20 ms of legs, by what became of them.', [
    'transport',
    'kind',
  ]);
  readonly #clipped = this.#counter('clipped_samples_total', 'Samples that were too loud for 16 bits.', ['transport']);
  readonly #oneWay = this.#counter(
    'one_way_audio_seconds_total',
    'Time in which a party was spoken to and not a sound came from it.',
    ['transport'],
  );
  readonly #deadAir = this.#counter('dead_air_seconds_total', 'Time in which nobody said anything for too long.', [
    'transport',
  ]);
  readonly #unheard = this.#counter(
    'caller_unheard_total',
    'Times that nothing came from a caller for a while, by who did not hand it on, and whether that was mended.',
    ['transport', 'cause', 'mended'],
  );
  readonly #legsClosed = this.#counter('legs_closed_total', 'Media legs that closed, by reason.', [
    'transport',
    'reason',
  ]);

  readonly #legs = this.#counter('legs_total', 'Media legs that were connected, by what is on the wire.', [
    'transport',
    'codec',
  ]);

  readonly #answer = this.#delays('answer_seconds', 'From the offer of a call to its answer.');
  readonly #firstAudio = this.#delays('first_audio_seconds', 'From the answer to the first frame of the agent.');
  readonly #response = this.#delays(
    'response_seconds',
    'From the end of a caller’s speech to the agent’s first frame.',
  );
  readonly #bargeIn = this.#delays(
    'barge_in_seconds',
    'From the onset of a caller’s speech to the agent’s last frame.',
  );
  readonly #duration = this.#histogram(
    'call_duration_seconds',
    'From the offer of a call to its end.',
    DURATION_BUCKETS,
  );
  readonly #toolDuration = this.#delays('tool_seconds', 'How long tools took.', ['transport', 'tool']);
  readonly #loss = this.#histogram(
    'packet_loss_ratio',
    'Packets of a leg that were lost, part of one, when it closes; up is from the caller.',
    LOSS_BUCKETS,
    ['transport', 'direction'],
  );
  readonly #jitter = this.#histogram('jitter_seconds', 'Jitter of packets as RTCP tells it.', NETWORK_BUCKETS, [
    'transport',
    'direction',
  ]);
  readonly #roundTrip = this.#histogram(
    'round_trip_seconds',
    'To the caller’s side and back, as RTCP tells it.',
    NETWORK_BUCKETS,
  );
  readonly #depth = this.#delays('uplink_depth_seconds', 'Buffered audio of callers, once a second a leg.');

  constructor(options: MetricsOptions) {
    this.contentType = this.#registry.contentType;
    this.#registerGauges(options);
    collectDefaultMetrics({ register: this.#registry, prefix: 'linecard_' });
  }

  /** A listener for the event bus of control. */
  readonly observe = (event: CallEvent): void => {
    if (event.kind === 'callStarted' || event.kind === 'callResumed') {
      this.#live.set(event.callId, { transport: event.call.transport, counted: null });
    }
    // The end of a call that an earlier process left is the first that is heard of it.
    const transport = event.kind === 'callEnded' ? event.call.transport : this.#live.get(event.callId)?.transport;
    if (transport === undefined) return;
    switch (event.kind) {
      case 'callStarted':
        this.#started.inc({ transport });
        break;
      case 'callResumed':
        this.#resumed.inc({ transport });
        break;
      case 'turnHeard':
        this.#turns.inc({ transport, who: event.turn.who });
        break;
      case 'digitPressed':
        this.#digits.inc({ transport });
        break;
      case 'agentInterrupted':
        this.#bargeIn.observe({ transport }, event.reactionMs / 1000);
        break;
      case 'responseStarted':
        this.#response.observe({ transport }, event.latencyMs / 1000);
        break;
      case 'toolCalled':
        this.#tools.inc({ transport, tool: event.tool, result: event.ok ? 'ok' : 'failed' });
        this.#toolDuration.observe({ transport, tool: event.tool }, event.tookMs / 1000);
        break;
      case 'callerUnheard':
        this.#unheard.inc({ transport, cause: event.cause, mended: event.mended });
        break;
      case 'limitReached':
        this.#limits.inc({ transport, limit: event.limit });
        break;
      case 'transferStarted':
        this.#transfers.inc({ transport, mode: event.mode });
        break;
      case 'messageTaken':
        this.#messages.inc({ transport });
        break;
      case 'callEnded':
        this.#callEnded(event.call);
        break;
      case 'legConnected':
        this.#legs.inc({ transport, codec: event.codec });
        break;
      case 'callerReplaced':
      case 'stateChanged':
      case 'captionChanged':
      case 'qualityMeasured':
      case 'noteTaken':
      case 'agentChanged':
      case 'callAnswered':
      case 'firstAudioPlayed':
        break; // their times are in the record when the call has ended
    }
  };

  /** A listener for what the media threads tell control. */
  readonly observeMedia = (message: FromMedia): void => {
    if (message.kind !== 'legReport' && message.kind !== 'legClosed') return;
    const call = this.#live.get(message.callId) ?? this.#ending.get(message.callId);
    if (call === undefined) return;
    const { transport } = call;
    this.#countFrames(call, message.report);
    this.#observeNetwork(transport, message);
    if (message.kind === 'legClosed') {
      this.#legsClosed.inc({ transport, reason: message.reason });
      call.counted = null; // a leg that is opened again counts from zero
      this.#ending.delete(message.callId);
    } else this.#depth.observe({ transport }, message.report.depthMs / 1000);
  };

  /** The text of `GET /metrics`. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #callEnded(call: CallRecord): void {
    const { transport, outcome, timings } = call;
    this.#startEnding(call.id);
    this.#ended.inc({ transport, result: outcome?.result ?? 'failed', fault: outcome?.fault ?? 'bug' });
    const { agent, usage } = call;
    if (usage.inputTokens + usage.outputTokens > 0) {
      this.#tokens.inc({ transport, agent, direction: 'input' }, usage.inputTokens);
      this.#tokens.inc({ transport, agent, direction: 'output' }, usage.outputTokens);
      this.#cost.inc({ transport, agent }, usage.cost);
    }
    const { answeredMs, firstAudioMs, endedMs } = timings;
    if (answeredMs !== undefined) this.#answer.observe({ transport }, answeredMs / 1000);
    if (answeredMs !== undefined && firstAudioMs !== undefined) {
      this.#firstAudio.observe({ transport }, Math.max(0, firstAudioMs - answeredMs) / 1000);
    }
    if (endedMs !== undefined) this.#duration.observe({ transport }, endedMs / 1000);
  }

  #startEnding(id: CallId): void {
    const live = this.#live.get(id);
    if (live !== undefined) this.#ending.set(id, live);
    this.#live.delete(id);
    const [oldest] = this.#ending.keys();
    if (this.#ending.size > MAX_ENDING_CALLS && oldest !== undefined) this.#ending.delete(oldest);
  }

  #countFrames(call: LiveCall, { counters, sound }: LegReport): void {
    const { transport, counted } = call;
    for (const [name, kind] of FRAME_KINDS) {
      this.#frames.inc({ transport, kind }, Math.max(0, counters[name] - (counted?.[name] ?? 0)));
    }
    this.#clipped.inc({ transport }, Math.max(0, counters.clippedSamples - (counted?.clippedSamples ?? 0)));
    const { oneWayMs, deadAirMs } = sound;
    this.#oneWay.inc({ transport }, Math.max(0, oneWayMs - (counted?.oneWayMs ?? 0)) / 1000);
    this.#deadAir.inc({ transport }, Math.max(0, deadAirMs - (counted?.deadAirMs ?? 0)) / 1000);
    call.counted = { ...counters, oneWayMs, deadAirMs };
  }

  #observeNetwork(transport: Transport, message: Extract<FromMedia, { readonly report: LegReport }>): void {
    const { network } = message.report;
    if (network === undefined) return;
    const { uplinkLossPercent, uplinkJitterMs, downlinkLossPercent, downlinkJitterMs, roundTripMs } = network;
    const up = { transport, direction: 'up' };
    const down = { transport, direction: 'down' };
    if (message.kind === 'legClosed') {
      if (uplinkLossPercent !== null) this.#loss.observe(up, uplinkLossPercent / 100);
      if (downlinkLossPercent !== null) this.#loss.observe(down, downlinkLossPercent / 100);
      return;
    }
    if (uplinkJitterMs !== null) this.#jitter.observe(up, uplinkJitterMs / 1000);
    if (downlinkJitterMs !== null) this.#jitter.observe(down, downlinkJitterMs / 1000);
    if (roundTripMs !== null) this.#roundTrip.observe({ transport }, roundTripMs / 1000);
  }

  #registerGauges(options: MetricsOptions): void {
    const { calls, engine, unready, droppedLogLines, journal } = options;
    this.#gauge('calls_live', 'Calls as they are now.', ['transport', 'state'], (gauge) => {
      for (const { transport, state } of calls.list()) gauge.inc({ transport, state });
    });
    this.#gauge('ready', '1 when a call can be taken.', [], (gauge) => gauge.set(unready().length === 0 ? 1 : 0));
    this.#gauge('journal_works', '1 while calls would survive a restart.', [], (gauge) =>
      gauge.set(journal.trouble() === null ? 1 : 0),
    );
    this.#gauge('log_lines_dropped', 'Lines that nobody took.', [], (gauge) => gauge.set(droppedLogLines()));
    this.#gauge(
      'tick_lateness_seconds',
      'Lateness of a thread’s ticker in its last second.',
      ['thread', 'quantile'],
      (gauge) =>
        engine.reports().forEach((report, thread) => {
          gauge.set({ thread, quantile: '0.5' }, report.latenessP50Ms / 1000);
          gauge.set({ thread, quantile: '0.99' }, report.latenessP99Ms / 1000);
          gauge.set({ thread, quantile: '1' }, report.latenessMaxMs / 1000);
        }),
    );
    this.#gauge('skipped_ticks', 'Ticks that a thread skipped in its last second.', ['thread'], (gauge) =>
      engine.reports().forEach((report, thread) => gauge.set({ thread }, report.skippedTicks)),
    );
    this.#gauge('thread_sessions', 'Calls of a media thread.', ['thread'], (gauge) =>
      engine.reports().forEach((report, thread) => gauge.set({ thread }, report.sessions)),
    );
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name: `linecard_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #delays(name: string, help: string): Histogram<'transport'>;
  #delays<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Histogram<Label>;
  #delays(name: string, help: string, labelNames: readonly string[] = ['transport']): Histogram {
    return this.#histogram(name, help, DELAY_BUCKETS, labelNames);
  }

  #histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly string[] = ['transport'],
  ): Histogram {
    return new Histogram({
      name: `linecard_${name}`,
      help,
      labelNames,
      buckets: [...buckets],
      registers: [this.#registry],
    });
  }

  /** `read` sets the gauge when somebody asks; what it does not set is gone. */
  #gauge(name: string, help: string, labelNames: readonly string[], read: (gauge: Gauge) => void): void {
    const gauge: Gauge = new Gauge({
      name: `linecard_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => {
        gauge.reset();
        read(gauge);
      },
    });
  }
}
