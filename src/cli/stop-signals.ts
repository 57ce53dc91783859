const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Calls `stop` at every signal that asks a program to end, and when `signal` is aborted. Returns how to let go. */
export function onStop(stop: () => void, signal?: AbortSignal): () => void {
  for (const name of STOP_SIGNALS) process.on(name, stop);
  signal?.addEventListener('abort', stop);
  return () => {
    for (const name of STOP_SIGNALS) process.off(name, stop);
    signal?.removeEventListener('abort', stop);
  };
}
