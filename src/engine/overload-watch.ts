import type { ThreadReport } from './port.js';

/** A busier thread has nothing left for a burst; its lateness comes next. */
const BUSY_LOAD = 0.85;
const CALM_LOAD = 0.75;
/** What jitter buffers of phones begin with: later frames are lost for some callers. */
const LATE_P99_MS = 40;
const CALM_P99_MS = 20;
/** A thread with less to do than this is late because of its neighbours: turning callers away would not make it punctual. */
const OWN_LOAD = 0.3;
/** Late most of the time: no caller would be glad, whoever is to blame. */
const LATE_P50_MS = 20;
const CALM_P50_MS = 10;
/** One bad second is a garbage collection or a neighbour; two are a load. */
const BUSY_REPORTS = 2;
const CALM_REPORTS = 3;

/** What makes a thread refuse calls: being late or busy, or nothing but the number of its calls. */
export type Admission = 'load' | 'calls';

/** Tells from a thread's reports when it must not take more calls, without wavering at the border. */
export class OverloadWatch {
  readonly #admission: Admission;
  #reason: string | null = null;
  /** Reports in a row that speak against the present verdict. */
  #opposed = 0;

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  /** Why no more calls should come; null when they may. */
  get reason(): string | null {
    return this.#reason;
  }

  observe(report: ThreadReport): void {
    if (this.#admission === 'calls') return;
    const verdict = this.#reason === null ? busy(report) : null;
    if (this.#reason === null) {
      this.#opposed = verdict === null ? 0 : this.#opposed + 1;
      if (this.#opposed >= BUSY_REPORTS) this.#decide(verdict);
      return;
    }
    const { load, latenessP50Ms, latenessP99Ms } = report;
    const punctual = latenessP50Ms < CALM_P50_MS && (load < OWN_LOAD || latenessP99Ms < CALM_P99_MS);
    const calm = load < CALM_LOAD && punctual;
    this.#opposed = calm ? this.#opposed + 1 : 0;
    if (this.#opposed >= CALM_REPORTS) this.#decide(null);
  }

  reset(): void {
    this.#decide(null);
  }

  #decide(reason: string | null): void {
    this.#reason = reason;
    this.#opposed = 0;
  }
}

function busy({ load, latenessP50Ms, latenessP99Ms }: ThreadReport): string | null {
  if (load > BUSY_LOAD) return `busy ${Math.round(load * 100)} % of the time`;
  const isLate = latenessP50Ms > LATE_P50_MS || (load >= OWN_LOAD && latenessP99Ms > LATE_P99_MS);
  return isLate ? `its ticks are ${Math.round(latenessP99Ms)} ms late` : null;
}
