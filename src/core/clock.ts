/** A pending alarm; `cancel` may be called any number of times, before or after it rang. */
export interface Alarm {
  cancel(): void;
}

/**
 * The one source of time. Durations and deadlines are taken from `nowMs` (monotonic), dates shown to people from
 * `wallMs`. Tests inject a fake; nothing else in `src/` reads a clock or sets a timer of its own.
 */
export interface Clock {
  /** Monotonic milliseconds with a fraction; only differences mean anything. */
  nowMs(): number;
  /** Milliseconds since 1970, for dates. */
  wallMs(): number;
  /** Runs `ring` once after `delayMs`. The alarm does not keep the process alive. */
  setAlarm(delayMs: number, ring: () => void): Alarm;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setAlarm(delayMs, ring) {
    const timer = setTimeout(ring, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The machine's clock for programs that have nothing else to stay alive for: its alarms keep the process alive. */
export const foregroundClock: Clock = {
  ...systemClock,
  setAlarm(delayMs, ring) {
    const timer = setTimeout(ring, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Waits `delayMs`; rejects with the signal's reason when that comes first. */
export function wait(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      alarm.cancel();
      reject(signal?.reason as Error);
    };
    const alarm = clock.setAlarm(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
