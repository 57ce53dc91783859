import { describe, expect, it } from 'vitest';
import type { Admission } from '../../src/engine/overload-watch.js';
import { OverloadWatch } from '../../src/engine/overload-watch.js';
import type { ThreadReport } from '../../src/engine/port.js';

const CALM: ThreadReport = {
  sessions: 100,
  latenessP50Ms: 0.5,
  latenessP99Ms: 2,
  latenessMaxMs: 4,
  skippedTicks: 0,
  ticks: 200,
  load: 0.4,
};
const BUSY: ThreadReport = { ...CALM, load: 0.95 };
const LATE: ThreadReport = { ...CALM, latenessP99Ms: 55 };

function verdicts(reports: readonly ThreadReport[], admission: Admission = 'load'): (string | null)[] {
  const watch = new OverloadWatch(admission);
  return reports.map((report) => {
    watch.observe(report);
    return watch.reason;
  });
}

describe('overload watch', () => {
  it('lets one bad second pass', () => {
    expect(verdicts([BUSY, CALM, LATE, CALM, BUSY, CALM])).toEqual([null, null, null, null, null, null]);
  });

  it('says why after two bad seconds, and takes calls again after three calm ones', () => {
    const late = 'its ticks are 55 ms late';
    expect(verdicts([LATE, LATE, CALM, CALM, CALM])).toEqual([null, late, late, late, null]);
    expect(verdicts([BUSY, BUSY]).at(-1)).toBe('busy 95 % of the time');
  });

  it('lets all in where only the number of calls is to count', () => {
    expect(verdicts([BUSY, BUSY, LATE, LATE], 'calls')).toEqual([null, null, null, null]);
  });

  it('does not waver between its two borders', () => {
    const between: ThreadReport = { ...CALM, load: 0.8 };
    const busy = 'busy 95 % of the time';
    expect(verdicts([BUSY, BUSY, between, between, between, between])).toEqual([null, busy, busy, busy, busy, busy]);
    expect(verdicts([between, between, between])).toEqual([null, null, null]);
  });

  // A machine busy with a backup made two ticks in a hundred late, and an idle media thread sent every caller to the fallback.
  it('does not turn callers away for what its neighbours do, until it is late most of the time', () => {
    const disturbed: ThreadReport = { ...LATE, load: 0.05 };
    expect(verdicts([disturbed, disturbed, disturbed])).toEqual([null, null, null]);
    expect(verdicts([BUSY, BUSY, disturbed, disturbed, disturbed]).at(-1)).toBeNull();
    const starved: ThreadReport = { ...disturbed, latenessP50Ms: 25 };
    expect(verdicts([starved, starved]).at(-1)).toBe('its ticks are 55 ms late');
  });
});
