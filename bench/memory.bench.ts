import { compileLoad, printResult, round, sleep, startLoad, startServer } from './support/media-bench.js';
import { slopeOf } from '../test/support/slope.js';

const CALLS = Number(process.env['LINECARD_BENCH_CALLS'] ?? '500');
/** How long calls come and go; 3600 for the whole hour. */
const SECONDS = Number(process.env['LINECARD_BENCH_MEMORY_SECONDS'] ?? '60');
/** At once while they come and go; ten new ones each second. */
const CHANGING_CALLS = 50;
const CALL_SECONDS = 5;
const KB = 1024;

const binary = await compileLoad('media-load');
await perCall();
await slope();

/** What the process grows by with many calls at once, after it has had calls before. */
async function perCall(): Promise<void> {
  const server = await startServer('linecard');
  try {
    const rssKb = async (): Promise<number> => (await server.usage()).memory.rss / KB;
    await startLoad({ binary, server, callers: 'strangers', calls: 50, warmUpSeconds: 0, seconds: 10, callSeconds: 2 });
    await sleep(1000);
    const before = await rssKb();
    const loading = startLoad({ binary, server, callers: 'announced', calls: CALLS, warmUpSeconds: 0, seconds: 20 });
    await sleep(CALLS * 2 + 15_000);
    const during = await rssKb();
    const { closed } = await loading;
    printResult({
      name: `memory of a call, ${CALLS} at once`,
      value: round((during - before) / CALLS, 1),
      unit: 'kB',
      ...{ closed, beforeMb: round(before / KB, 1), duringMb: round(during / KB, 1) },
    });
  } finally {
    await server.stop();
  }
}

/** Whether it goes on growing while calls come and go. The first third is not counted: pools fill, code is compiled. */
async function slope(): Promise<void> {
  const server = await startServer('linecard');
  try {
    const loading = startLoad({
      binary,
      server,
      callers: 'strangers',
      calls: CHANGING_CALLS,
      warmUpSeconds: 0,
      seconds: SECONDS,
      callSeconds: CALL_SECONDS,
    });
    const points: { x: number; y: number }[] = [];
    for (let second = 0; second < SECONDS; second++) {
      await sleep(1000);
      const { memory } = await server.usage();
      if (second >= SECONDS / 3) points.push({ x: second / 3600, y: memory.rss / KB / KB });
    }
    const { followers, gapMaxMs } = await loading;
    printResult({
      name: `memory over ${round(SECONDS / 60, 1)} minutes of calls coming and going`,
      value: round(slopeOf(points), 2),
      unit: 'MB an hour',
      ...{ calls: followers + CHANGING_CALLS, gapMaxMs },
      ...{ firstMb: round(points[0]?.y ?? 0, 1), lastMb: round(points.at(-1)?.y ?? 0, 1) },
    });
  } finally {
    await server.stop();
  }
}
