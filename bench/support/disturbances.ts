import { readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { round } from './media-bench.js';

/** What kept the main thread of this process from its work, or at it, since the last look. */
export type Disturbances = {
  readonly longestGcMs: number;
  readonly gcMs: number;
  /** It could have run, and others had the CPUs. */
  readonly waitedForCpuMs: number;
  readonly ranMs: number;
};

/** The main thread's time on a CPU and its time of waiting for one, in ns (Linux, sched-stats). */
function schedule(): { readonly ranMs: number; readonly waitedMs: number } {
  const [ran = 0, waited = 0] = readFileSync('/proc/self/schedstat', 'utf8').split(' ').map(Number);
  return { ranMs: ran / 1e6, waitedMs: waited / 1e6 };
}

/** Tells why a tick was late: the garbage collector, the machine's other work, or, where it was neither, our own. */
export class DisturbanceWatch {
  readonly #observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) this.#pauses.push(duration);
  });
  #pauses: number[] = [];
  #before = schedule();

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  look(): Disturbances {
    for (const { duration } of this.#observer.takeRecords()) this.#pauses.push(duration);
    const [pauses, before, now] = [this.#pauses, this.#before, schedule()];
    this.#pauses = [];
    this.#before = now;
    return {
      longestGcMs: round(Math.max(0, ...pauses), 1),
      gcMs: round(
        pauses.reduce((sum, pause) => sum + pause, 0),
        1,
      ),
      waitedForCpuMs: round(now.waitedMs - before.waitedMs, 1),
      ranMs: round(now.ranMs - before.ranMs, 1),
    };
  }

  close(): void {
    this.#observer.disconnect();
  }
}
