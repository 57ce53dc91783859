import { expect, test } from 'vitest';
import { heardTone } from '../support/phone/recording.js';
import { tone } from '../support/phone/sources.js';
import { testKilledTransfers } from '../support/stories/killed-transfers.js';
import { CALLER_HZ, PERSON_HZ, talkingWith } from '../support/stories/parties.js';
import { asteriskWorld } from '../support/stories/pbx-world.js';

const stage = testKilledTransfers(() => asteriskWorld());

test.each(['rung', 'briefed'] as const)(
  'killed while the person is %s: they are rung again, and the caller hears music until they talk',
  async (step) => {
    const { linecard, personPhone, ringing, briefed, restart } = stage();
    const { caller, person } = await (step === 'rung' ? ringing() : briefed());
    const [before] = await linecard.api.liveCalls();
    await linecard.kill();
    const killedAtMs = performance.now();
    await caller.recording.receives(25);
    await restart();
    await person.ends();
    const again = await personPhone.rung();
    const rungMs = Math.round(performance.now() - killedAtMs);
    console.log(JSON.stringify({ name: 'killed-in-transfer-rung-again', value: rungMs, unit: 'ms after the kill' }));
    const { api } = stage().linecard;
    await expect.poll(() => api.liveCalls()).toMatchObject([{ id: before?.id, state: 'transferring' }]);
    again.answer();
    again.play(tone(PERSON_HZ));
    await again.recording.receives(50);
    await again.sendDigits('1');
    await talkingWith(again, caller);
    // Not a moment with the echo agent in between.
    expect(heardTone(caller.recording, CALLER_HZ, killedAtMs)).toBe(false);
    await caller.hangUp();
    await again.ends();
  },
);

test('killed in a conference: caller and person talk on, and end together after the restart', async () => {
  const { linecard, briefed, restart } = stage();
  const { caller, person } = await briefed('conference');
  await person.sendDigits('1');
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
  await linecard.kill();
  await talkingWith(person, caller);
  await restart();
  await expect
    .poll(() => stage().linecard.api.calls())
    .toMatchObject([{ state: 'ended', outcome: { result: 'transferred', fault: 'none' } }]);
  await talkingWith(person, caller);
  await person.hangUp();
  await caller.ends();
});
