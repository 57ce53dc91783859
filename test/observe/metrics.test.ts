import { describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/core/calls.js';
import type { CallEvent } from '../../src/core/events.js';
import type { LegId } from '../../src/core/ids.js';
import type { FromMedia } from '../../src/engine/port.js';
import type { LegCounters } from '../../src/media/leg.js';
import type { LegSound } from '../../src/media/metered-leg.js';
import { NO_SOUND } from '../../src/media/metered-leg.js';
import { Metrics } from '../../src/observe/metrics.js';
import { callRecord, digitOf, endOf, startOf } from '../support/calls.js';

describe('metrics', () => {
  it('count calls by transport, result and fault', async () => {
    const { metrics, value } = setUp();
    const unanswered = callRecord({ id: 'b', transport: 'unicast', timings: {} });
    metrics.observe(startOf(CALL));
    metrics.observe(startOf(unanswered));
    metrics.observe(endOf(CALL));
    metrics.observe(endOf(unanswered, { result: 'failed', fault: 'pbx', reason: 'no media' }));
    expect(await value('linecard_calls_started_total{transport="audiosocket"}')).toBe(1);
    expect(await value('linecard_calls_total{transport="audiosocket",result="completed",fault="none"}')).toBe(1);
    expect(await value('linecard_calls_total{transport="unicast",result="failed",fault="pbx"}')).toBe(1);
  });

  it('time the answer and the first audio when a call has ended', async () => {
    const { metrics, value } = setUp();
    metrics.observe(startOf(CALL));
    metrics.observe(endOf(CALL));
    expect(await value('linecard_answer_seconds_sum{transport="audiosocket"}')).toBe(0.2);
    expect(await value('linecard_first_audio_seconds_sum{transport="audiosocket"}')).toBe(0.06);
    expect(await value('linecard_first_audio_seconds_bucket{le="0.06",transport="audiosocket"}')).toBe(1);
  });

  it('time responses and interruptions as they happen', async () => {
    const { metrics, value } = setUp();
    const common = { callId: CALL.id, atMs: 0 };
    const events: CallEvent[] = [
      startOf(CALL),
      { ...common, kind: 'responseStarted', latencyMs: 420 },
      { ...common, kind: 'agentInterrupted', heardMs: 1000, reactionMs: 180 },
      { ...common, kind: 'toolCalled', tool: 'hours', ok: false, tookMs: 12, input: '{}', result: 'null' },
      digitOf(CALL, '5'),
    ];
    events.forEach(metrics.observe);
    expect(await value('linecard_response_seconds_sum{transport="audiosocket"}')).toBe(0.42);
    expect(await value('linecard_barge_in_seconds_sum{transport="audiosocket"}')).toBe(0.18);
    expect(await value('linecard_tool_calls_total{transport="audiosocket",tool="hours",result="failed"}')).toBe(1);
    expect(await value('linecard_digits_total{transport="audiosocket"}')).toBe(1);
  });

  it('count the time in which nothing was heard', async () => {
    const { metrics, value } = setUp();
    metrics.observe(startOf(CALL));
    metrics.observeMedia(legReport({}, { oneWayMs: 1000, deadAirMs: 500 }));
    metrics.observeMedia(legReport({}, { oneWayMs: 3000, deadAirMs: 500 }));
    expect(await value('linecard_one_way_audio_seconds_total{transport="audiosocket"}')).toBe(3);
    expect(await value('linecard_dead_air_seconds_total{transport="audiosocket"}')).toBe(0.5);
  });

  it('tell how packets fare where a transport knows, loss when the leg has closed', async () => {
    const { metrics, value } = setUp();
    const call = callRecord({ id: CALL.id, transport: 'webrtc' });
    metrics.observe(startOf(call));
    metrics.observe({ kind: 'legConnected', callId: call.id, atMs: 0, codec: 'opus', sampleRateHz: 48_000 });
    const network = {
      uplinkLossPercent: 2,
      uplinkJitterMs: 12,
      downlinkLossPercent: null,
      downlinkJitterMs: 4,
      roundTripMs: 80,
    };
    for (const message of [legReport({}), legClosed({})]) {
      if (message.kind !== 'legReport' && message.kind !== 'legClosed') continue;
      metrics.observeMedia({ ...message, report: { ...message.report, network } });
    }
    expect(await value('linecard_legs_total{transport="webrtc",codec="opus"}')).toBe(1);
    expect(await value('linecard_packet_loss_ratio_sum{transport="webrtc",direction="up"}')).toBe(0.02);
    expect(await value('linecard_packet_loss_ratio_count{transport="webrtc",direction="down"}')).toBeNull();
    expect(await value('linecard_jitter_seconds_sum{transport="webrtc",direction="down"}')).toBe(0.004);
    expect(await value('linecard_round_trip_seconds_count{transport="webrtc"}')).toBe(1);
    expect(await value('linecard_round_trip_seconds_sum{transport="webrtc"}')).toBe(0.08);
  });

  it('count each frame of a leg once, though reports repeat what was before', async () => {
    const { metrics, value } = setUp();
    metrics.observe(startOf(CALL));
    metrics.observeMedia(legReport({ framesIn: 50, lost: 1 }));
    metrics.observeMedia(legReport({ framesIn: 100, lost: 1 }));
    metrics.observeMedia(legClosed({ framesIn: 120, lost: 2 }));
    metrics.observeMedia(legReport({ framesIn: 10 })); // the leg was opened again
    expect(await value('linecard_frames_total{transport="audiosocket",kind="in"}')).toBe(130);
    expect(await value('linecard_frames_total{transport="audiosocket",kind="lost"}')).toBe(2);
    expect(await value('linecard_legs_closed_total{transport="audiosocket",reason="remote"}')).toBe(1);
  });

  it('read live calls, readiness and tick lateness when they are asked for', async () => {
    const calls: CallRecord[] = [CALL];
    const { value } = setUp({ calls, unready: ['PBX away'], trouble: 'the disk is full' });
    expect(await value('linecard_calls_live{transport="audiosocket",state="talking"}')).toBe(1);
    expect(await value('linecard_ready')).toBe(0);
    expect(await value('linecard_journal_works')).toBe(0);
    expect(await value('linecard_tick_lateness_seconds{thread="0",quantile="0.99"}')).toBe(0.002);
    calls.pop();
    expect(await value('linecard_calls_live{transport="audiosocket",state="talking"}')).toBeNull();
  });

  it('show what the process holds, and every name is ours', async () => {
    const { metrics } = setUp();
    const text = await metrics.text();
    expect(text).toMatch(/^linecard_nodejs_active_resources\{type="/m);
    expect(text).toMatch(/^linecard_process_resident_memory_bytes \d+/m);
    const names = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(names.filter((line) => !line.startsWith('linecard_'))).toEqual([]);
  });

  it('take a leg’s last word after the end of its call, and nothing more', async () => {
    const { metrics, value } = setUp();
    metrics.observe(startOf(CALL));
    metrics.observe(endOf(CALL));
    metrics.observe(digitOf(CALL, '1'));
    metrics.observeMedia(legClosed({ framesIn: 7 }));
    metrics.observeMedia(legReport({ framesIn: 9 }));
    expect(await value('linecard_digits_total{transport="audiosocket"}')).toBeNull();
    expect(await value('linecard_frames_total{transport="audiosocket",kind="in"}')).toBe(7);
  });
});

const CALL = callRecord({ id: 'a' });

function setUp(given: { calls?: CallRecord[]; unready?: string[]; trouble?: string } = {}) {
  const { calls = [], unready = [], trouble = null } = given;
  const metrics = new Metrics({
    calls: { list: () => calls, get: () => null, legReport: () => null },
    engine: {
      reports: () => [
        { sessions: 1, latenessP50Ms: 0.5, latenessP99Ms: 2, latenessMaxMs: 4, skippedTicks: 0, ticks: 50, load: 0.1 },
      ],
    },
    unready: () => unready,
    droppedLogLines: () => 0,
    journal: { trouble: () => trouble },
  });
  /** The figure behind a name with its labels; null when there is none. */
  const value = async (series: string): Promise<number | null> => {
    const line = (await metrics.text()).split('\n').find((candidate) => candidate.startsWith(`${series} `));
    return line === undefined ? null : Number(line.slice(series.length + 1));
  };
  return { metrics, value };
}

const NO_FRAMES: LegCounters = {
  framesIn: 0,
  framesOut: 0,
  dropped: 0,
  underruns: 0,
  concealed: 0,
  overruns: 0,
  stretched: 0,
  shrunk: 0,
  late: 0,
  lost: 0,
  clippedSamples: 0,
};

function report(counters: Partial<LegCounters>, sound: Partial<LegSound> = {}) {
  return {
    legId: 'leg' as LegId,
    codec: 'slin16',
    sampleRateHz: 16_000,
    depthMs: 40,
    skewPpm: 0,
    sound: { ...NO_SOUND, ...sound },
    talkedMs: 0,
    counters: { ...NO_FRAMES, ...counters },
    chain: [],
  };
}

function legReport(counters: Partial<LegCounters>, sound: Partial<LegSound> = {}): FromMedia {
  return { kind: 'legReport', callId: CALL.id, report: report(counters, sound) };
}

function legClosed(counters: Partial<LegCounters>): FromMedia {
  return { kind: 'legClosed', callId: CALL.id, reason: 'remote', detail: '', report: report(counters) };
}
