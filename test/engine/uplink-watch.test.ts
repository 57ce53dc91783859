import { expect, test } from 'vitest';
import { UplinkWatch } from '../../src/engine/uplink-watch.js';

type Turns = { readonly news: string[]; readonly without: (turns: number) => void; readonly withOne: () => void };

function watched(): Turns {
  const news: string[] = [];
  const watch = new UplinkWatch({
    onStopped: () => news.push('stopped'),
    onResumed: (missingMs) => news.push(`resumed after ${missingMs} ms`),
  });
  let framesIn = 0;
  return {
    news,
    without: (turns) => {
      for (let i = 0; i < turns; i++) watch.tick(framesIn);
    },
    withOne: () => watch.tick((framesIn += 1)),
  };
}

test('a leg that has not sent anything yet has not stopped', () => {
  const { news, without } = watched();
  without(500);
  expect(news).toEqual([]);
});

test('a network that stumbles for a fifth of a second is no news', () => {
  const { news, without, withOne } = watched();
  for (let i = 0; i < 3; i++) {
    withOne();
    without(11);
  }
  expect(news).toEqual([]);
});

test('it stops, and is said to have stopped once; when it comes again, how long it was away', () => {
  const { news, without, withOne } = watched();
  withOne();
  without(50);
  expect(news).toEqual(['stopped']);
  withOne();
  withOne();
  expect(news).toEqual(['stopped', 'resumed after 1000 ms']);
  without(12);
  expect(news).toHaveLength(3);
});
