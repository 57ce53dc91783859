import { describe, test } from 'vitest';
import { FREESWITCH_PREFIX } from '../../support/freeswitch.js';
import type { Phone } from '../../support/phone/phone.js';
import type { PhoneCall } from '../../support/phone/phone-call.js';
import { tone } from '../../support/phone/sources.js';
import { testKilledTransfers } from '../../support/stories/killed-transfers.js';
import { CALLER_HZ } from '../../support/stories/parties.js';
import { freeSwitchWorld } from '../../support/stories/pbx-world.js';

/** At the fallback. */
const HUMAN_HZ = 1300;

describe.skipIf(FREESWITCH_PREFIX === '')('Linecard dies in a transfer, on a real FreeSWITCH', () => {
  const stage = testKilledTransfers(() => freeSwitchWorld());

  function openHuman(): Promise<Phone> {
    const { parties } = stage();
    return parties.open(parties.world.numbers.other, 'answer');
  }

  async function talksWithHuman(caller: PhoneCall, humanPhone: Phone): Promise<void> {
    const human = await humanPhone.rung();
    human.play(tone(HUMAN_HZ));
    await Promise.all([caller.recording.hears(HUMAN_HZ), human.recording.hears(CALLER_HZ)]);
  }

  test.each(['rung', 'briefed'] as const)(
    'killed while the person is %s: the caller talks with the fallback, the person is let go',
    async (step) => {
      const { linecard, ringing, briefed, restart } = stage();
      const human = await openHuman();
      const { caller, person } = await (step === 'rung' ? ringing() : briefed());
      await linecard.kill();
      await talksWithHuman(caller, human);
      await restart();
      await person.ends();
      await caller.recording.hears(HUMAN_HZ);
      await caller.hangUp();
    },
  );

  test('killed soon after, and the person hangs up while we are away: the fallback has the caller', async () => {
    const { linecard, talking } = stage();
    const human = await openHuman();
    const { caller, person } = await talking();
    await linecard.kill();
    await person.hangUp();
    await talksWithHuman(caller, human);
    await caller.hangUp();
  });
});
