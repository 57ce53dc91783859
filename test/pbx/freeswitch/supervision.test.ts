import { describe, expect, test } from 'vitest';
import { FREESWITCH_PREFIX } from '../../support/freeswitch.js';
import { silence, tone } from '../../support/phone/sources.js';
import { SpeakingVisitor } from '../../support/speaking-visitor.js';
import { CALLER_HZ, PERSON_HZ, hearsNothingOf } from '../../support/stories/parties.js';
import { freeSwitchWorld } from '../../support/stories/pbx-world.js';
import { testSupervision } from '../../support/stories/supervision.js';

const VISITOR_HZ = 600;

/** The drop-in extension with an agent that has ears. */
const CLARA = `
<extension name="clara"><condition field="destination_number" expression="^7100$">
  <action application="set" data="linecard_extension=7000"/>
  <action application="set" data="linecard_agent=clara"/>
  <action application="transfer" data="7000 XML default"/>
</condition></extension>`;

describe.skipIf(FREESWITCH_PREFIX === '')('supervisors and visitors on a real FreeSWITCH', () => {
  const stage = testSupervision({
    openWorld: () => freeSwitchWorld(CLARA),
    extensions: { loop: '7000', clara: '7100' },
    config: {
      extensions: { '7000': { agent: 'loop', fallback: '1003' } },
      destinations: { sales: { dial: '1001', label: 'Sales', mode: 'warm', ringSeconds: 10 } },
      transfers: { graceSeconds: 10, maxPerCall: 10 },
      webrtc: { enabled: true, context: 'default' },
    },
  });

  test.each(['1', '2', '3', '4'])('a supervisor who listens and presses %s is heard by nobody', async (key) => {
    const { caller, supervisor } = await stage().supervised('listen');
    await supervisor.recording.hears(CALLER_HZ);
    caller.play(silence);
    await caller.recording.hearsSilence();
    supervisor.play(tone(PERSON_HZ));
    await supervisor.sendDigits(key);
    // The digit has been acted on when sound that was sent after it would have been heard.
    await caller.recording.receives(50);
    await hearsNothingOf(caller, PERSON_HZ);
    await hearsNothingOf(supervisor, PERSON_HZ);
    await caller.hangUp();
    await supervisor.ends();
  });

  test('a supervisor who listened takes over by key', async () => {
    const { caller, supervisor } = await stage().supervised('listen');
    await supervisor.recording.hears(CALLER_HZ);
    supervisor.play(tone(PERSON_HZ));
    await supervisor.sendDigits('9');
    await Promise.all([caller.recording.hears(PERSON_HZ), supervisor.recording.hears(CALLER_HZ)]);
    await caller.hangUp();
    await supervisor.ends();
  });

  test('a visitor of the page is announced at a desk phone, talks there, and comes back', async () => {
    const { linecard, parties } = stage();
    await linecard.api.ready();
    const phone = await parties.open('1001');
    const visitor = await SpeakingVisitor.call(linecard.api.url, 'loop', VISITOR_HZ);
    try {
      await visitor.hears(VISITOR_HZ);
      const [live] = await linecard.api.liveCalls();
      await linecard.api.fetch('POST', `/v1/calls/${live?.id}/transfer`, { to: 'sales', mode: 'warm' });
      const person = await phone.rung();
      person.answer();
      await person.answered();
      person.play(tone(PERSON_HZ));
      await person.recording.receives(50);
      expect(visitor.shareOf(PERSON_HZ)).toBeLessThan(0.2);
      void Promise.allSettled([person.sendDigits('1')]);
      await Promise.all([visitor.hears(PERSON_HZ), person.recording.hears(VISITOR_HZ)]);
      await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'connected' }]);
      // Within the grace time: the visitor is with the agent again.
      await person.hangUp();
      await visitor.hears(VISITOR_HZ);
      await fetch(visitor.location, { method: 'DELETE' });
    } finally {
      await visitor.close();
    }
  });
});
