import { describe, expect, it } from 'vitest';
import { QualityBook } from '../../src/call/call-quality.js';
import type { LegId } from '../../src/core/ids.js';
import type { LegReport } from '../../src/engine/port.js';
import type { LegNetwork } from '../../src/media/leg.js';
import { newLegCounters } from '../../src/media/leg.js';
import { NO_SOUND } from '../../src/media/metered-leg.js';

function report(concealed: number, network?: LegNetwork): LegReport {
  return {
    legId: 'leg' as LegId,
    codec: 'opus',
    sampleRateHz: 48_000,
    depthMs: 40,
    skewPpm: 0,
    counters: { ...newLegCounters(), concealed, framesOut: 300 },
    sound: { ...NO_SOUND, oneWayMs: 2000 },
    talkedMs: 0,
    chain: [],
    ...(network === undefined ? {} : { network }),
  };
}

const NETWORK: LegNetwork = {
  uplinkLossPercent: 2,
  uplinkJitterMs: 7,
  downlinkLossPercent: 0,
  downlinkJitterMs: null,
  roundTripMs: 41,
};

describe('the quality of a call', () => {
  it('is unknown until something was measured', () => {
    expect(new QualityBook().quality).toBeUndefined();
  });

  it('is the median of answers and interruptions, and the leg’s last word', () => {
    const book = new QualityBook();
    for (const latencyMs of [900, 400, 500.4]) book.responded(latencyMs);
    book.interrupted(180);
    book.reported(report(100));
    book.reported(
      report(10, {
        uplinkLossPercent: 1.23456,
        uplinkJitterMs: 7,
        downlinkLossPercent: 0,
        downlinkJitterMs: null,
        roundTripMs: 41.236,
      }),
    );
    expect(book.quality).toEqual({
      responseMs: 500,
      bargeInMs: 180,
      concealedPercent: 3.33,
      oneWayMs: 2000,
      uplinkLossPercent: 1.23,
      uplinkJitterMs: 7,
      downlinkLossPercent: 0,
      downlinkJitterMs: null,
      roundTripMs: 41.24,
    });
  });

  it('goes on from what an earlier process measured, until there is something newer', () => {
    const first = new QualityBook();
    first.responded(400);
    first.reported(report(30, NETWORK));
    const next = new QualityBook(first.quality);
    expect(next.quality).toEqual(first.quality);
    next.responded(600);
    next.responded(700);
    next.reported(report(3));
    expect(next.quality).toMatchObject({
      responseMs: 600,
      bargeInMs: null,
      concealedPercent: 1,
      oneWayMs: 4000,
      uplinkLossPercent: NETWORK.uplinkLossPercent,
      roundTripMs: NETWORK.roundTripMs,
    });
  });

  it('of a leg by TCP has no packets', () => {
    const book = new QualityBook();
    book.reported(report(0));
    expect(book.quality).toMatchObject({ concealedPercent: 0, responseMs: null, uplinkLossPercent: null });
  });
});
