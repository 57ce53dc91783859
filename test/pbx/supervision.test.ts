import { expect, test } from 'vitest';
import { asteriskWorld } from '../support/stories/pbx-world.js';
import { testSupervision } from '../support/stories/supervision.js';

const stage = testSupervision({
  openWorld: () => asteriskWorld(),
  extensions: { loop: '7009', clara: '7000' },
  config: { extensions: { '7000': { agent: 'clara' }, '7009': { agent: 'loop' } } },
});

test('a supervisor who wants to whisper to an agent without ears is told so', async () => {
  const { linecard, parties } = stage();
  const caller = await parties.callerWithAgent('7009');
  const [call] = await linecard.api.liveCalls();
  expect(await parties.supervise(call?.id, 'whisper')).toBe(501);
  await caller.hangUp();
});
