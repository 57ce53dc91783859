import { loadBinary, printResult, runLoad, startServer } from './support/media-bench.js';

/** Where the goal is; the figures say how far it was met. */
const CALLS = Number(process.env['LINECARD_BENCH_CALLS'] ?? '500');
const SECONDS = Number(process.env['LINECARD_BENCH_SECONDS'] ?? '20');
const WARM_UP_SECONDS = 3;

const load = await loadBinary();

for (const what of ['bare-echo', 'linecard'] as const) {
  for (const calls of what === 'linecard' ? [CALLS, CALLS * 2] : [CALLS]) {
    const server = await startServer(what);
    try {
      const result = await runLoad({ load, server, calls, warmUpSeconds: WARM_UP_SECONDS, seconds: SECONDS });
      const name =
        what === 'linecard' ? `media-path ${calls} calls` : `media-path ${calls} calls, bare Node echo for scale`;
      printResult({ name, value: result.cpuMsPerCallSecond, unit: 'ms CPU a call-second', ...result });
    } finally {
      await server.stop();
    }
  }
}
