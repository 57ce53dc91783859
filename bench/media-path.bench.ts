import { compileLoad, printResult, runLoad, startServer } from './support/media-bench.js';

/** Where the goal is; the figures say how far it was met. */
const CALLS = Number(process.env['LINECARD_BENCH_CALLS'] ?? '500');
const SECONDS = Number(process.env['LINECARD_BENCH_SECONDS'] ?? '20');
/** The compilers of JavaScript work on a young process; what that delays is heard in the first seconds of the first calls of the day, and not in this. */
const WARM_UP_SECONDS = 10;

const RUNS = [
  { name: 'bare Node echo, for scale', what: 'bare-echo', threads: 1, calls: CALLS },
  { name: 'one media thread', what: 'linecard', threads: 1, calls: CALLS },
  { name: 'two media threads', what: 'linecard', threads: 2, calls: CALLS * 2 },
] as const;

/** AudioSocket at 8 kHz in and out, 16 kHz inside, the echo agent. */
const binary = await compileLoad('media-load');
for (const { name, what, threads, calls } of RUNS) {
  const server = await startServer(what, { threads });
  try {
    const callers = what === 'linecard' ? 'announced' : 'strangers';
    const result = await runLoad({ binary, server, callers, calls, warmUpSeconds: WARM_UP_SECONDS, seconds: SECONDS });
    printResult({
      name: `media-path ${calls} calls, ${name}`,
      value: result.cpuMsPerCallSecond,
      unit: 'ms CPU a call-second',
      ...result,
    });
  } finally {
    await server.stop();
  }
}
