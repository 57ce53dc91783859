import { describe, test } from 'vitest';
import { FREESWITCH_PREFIX } from '../../support/freeswitch.js';
import { CALLER_HZ, press, talkingWith } from '../../support/stories/parties.js';
import { freeSwitchWorld } from '../../support/stories/pbx-world.js';
import { testTransfers } from '../../support/stories/transfers.js';

const HOLD_MUSIC = '<X-PRE-PROCESS cmd="set" data="hold_music=tone_stream://%(4000,0,300);loops=-1"/>';

describe.skipIf(FREESWITCH_PREFIX === '')('transfers on a real FreeSWITCH', () => {
  const stage = testTransfers(() => freeSwitchWorld(HOLD_MUSIC));

  test('the caller hangs up after the release: the person is let go', async () => {
    const { parties, released } = stage();
    const caller = await parties.callerWithAgent('7000', 'G722');
    const person = await parties.briefed(caller);
    press(person, '1');
    await talkingWith(person, caller);
    await released(person, caller);
    await caller.hangUp();
    await person.ends();
  });

  test('nobody picks up: the phone falls silent after its ring time, and the caller is with the agent again', async () => {
    const { parties } = stage();
    const caller = await parties.callerWithAgent();
    const sales = await parties.open(parties.world.numbers.person);
    await parties.transfer();
    const person = await sales.rung();
    await person.ends(10_000);
    await caller.recording.hears(CALLER_HZ);
    await caller.hangUp();
  });
});
