import { compileLoad, printResult, round, sleep, startLoad, startServer } from './support/media-bench.js';

const CALLS = 100;
const SECONDS = 10;
const FRAMES = CALLS * SECONDS * 50;
/** Once a second for each thread, and a report for each call every five: not what a frame costs, but it is sampled with it. */
const NOT_PER_FRAME = /^dist\/(engine\/(media-host|pool|media-thread-handle|thread-link)|core\/clock)/;

/** What the way of a frame allocates: ours should be nothing, Node's own is the buffers that it reads into and the requests to write. */
const binary = await compileLoad('media-load');
const server = await startServer('linecard', { threads: 0 });
try {
  const loading = startLoad({
    binary,
    server,
    callers: 'announced',
    calls: CALLS,
    warmUpSeconds: 0,
    seconds: SECONDS + 12,
  });
  // Code that is not compiled yet puts every fraction on the heap.
  await sleep(10_000);
  const bytes = await server.profile(SECONDS);
  await loading;
  const ours = [...bytes].filter(([where]) => where.startsWith('dist/') && !NOT_PER_FRAME.test(where));
  const sum = (list: readonly (readonly [string, number])[]): number =>
    list.reduce((total, [, size]) => total + size, 0);
  const largest = ours.sort(([, a], [, b]) => b - a).slice(0, 8);
  printResult({
    name: 'heap: allocated by our code on the way of a frame',
    value: round(sum(ours) / FRAMES, 2),
    unit: 'bytes a frame',
    ...{
      all: round(sum([...bytes]) / FRAMES, 1),
      largest: Object.fromEntries(largest.map(([where, size]) => [where, round(size / FRAMES, 2)])),
    },
  });
} finally {
  await server.stop();
}
