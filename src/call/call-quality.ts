import type { CallQuality } from '../core/calls.js';
import type { LegReport } from '../engine/port.js';

/** Of a call that goes on for hours, the last so many answers and interruptions count. */
const MAX_SAMPLES = 200;

/** Gathers what one call is compared with others by. */
export class QualityBook {
  readonly #responsesMs: number[] = [];
  readonly #bargeInsMs: number[] = [];
  #report: LegReport | null = null;
  /** What an earlier process of ours measured: as good as one sample, and true until there is something newer. */
  readonly #before: CallQuality | null;

  constructor(before: CallQuality | null = null) {
    this.#before = before;
    if (before?.responseMs != null) this.responded(before.responseMs);
    if (before?.bargeInMs != null) this.interrupted(before.bargeInMs);
  }

  responded(latencyMs: number): void {
    remember(this.#responsesMs, latencyMs);
  }

  interrupted(reactionMs: number): void {
    remember(this.#bargeInsMs, reactionMs);
  }

  /** The leg's last word counts; one that is opened again in mid-call begins anew. */
  reported(report: LegReport): void {
    this.#report = report;
  }

  /** Undefined while nothing is known. */
  get quality(): CallQuality | undefined {
    const report = this.#report;
    const before = this.#before;
    const responseMs = median(this.#responsesMs);
    const bargeInMs = median(this.#bargeInsMs);
    if (report === null && before === null && responseMs === null && bargeInMs === null) return undefined;
    const { concealed = 0, framesOut = 0 } = report?.counters ?? {};
    const { network } = report ?? {};
    return {
      responseMs,
      bargeInMs,
      concealedPercent: framesOut === 0 ? (before?.concealedPercent ?? null) : rounded((concealed * 100) / framesOut),
      oneWayMs: (before?.oneWayMs ?? 0) + (report?.sound.oneWayMs ?? 0),
      uplinkLossPercent: rounded(network?.uplinkLossPercent ?? before?.uplinkLossPercent ?? null),
      uplinkJitterMs: rounded(network?.uplinkJitterMs ?? before?.uplinkJitterMs ?? null),
      downlinkLossPercent: rounded(network?.downlinkLossPercent ?? before?.downlinkLossPercent ?? null),
      downlinkJitterMs: rounded(network?.downlinkJitterMs ?? before?.downlinkJitterMs ?? null),
      roundTripMs: rounded(network?.roundTripMs ?? before?.roundTripMs ?? null),
    };
  }
}

function remember(samples: number[], value: number): void {
  samples.push(value);
  if (samples.length > MAX_SAMPLES) samples.shift();
}

function median(samples: readonly number[]): number | null {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return middle === undefined ? null : Math.round(middle);
}

/** Hundredths are more than anybody compares by. */
function rounded(value: number): number;
function rounded(value: number | null): number | null;
function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}
