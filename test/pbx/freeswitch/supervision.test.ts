import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../src/demo/ports.js';
import { EslClient } from '../../support/esl-client.js';
import { FakeOpenAiParts } from '../../support/fake-openai-parts.js';
import { ESL_PASSWORD, FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { startLinecardHere, type LinecardHere } from '../../support/linecard.js';
import { Phone } from '../../support/phone/phone.js';
import type { PhoneCall } from '../../support/phone/phone-call.js';
import { heardTone, rms } from '../../support/phone/recording.js';
import { once, silence, tone } from '../../support/phone/sources.js';
import { SpeakingVisitor } from '../../support/speaking-visitor.js';
import { speech } from '../../support/speech.js';

/** The agent is an echo: whoever is heard by it is heard twice. */
const CALLER_HZ = 700;
const PERSON_HZ = 1000;
const VISITOR_HZ = 600;
/** Of a caller who hears comfort noise at most; speech has thousands. */
const QUIET_RMS = 50;

/** The drop-in extension with an agent that has ears. */
const CLARA = `
<extension name="clara"><condition field="destination_number" expression="^7100$">
  <action application="set" data="linecard_extension=7000"/>
  <action application="set" data="linecard_agent=clara"/>
  <action application="transfer" data="7000 XML default"/>
</condition></extension>`;

describe.skipIf(FREESWITCH_PREFIX === '')('supervisors and visitors on a real FreeSWITCH', () => {
  let freeswitch: TestFreeSwitch;
  let esl: EslClient;
  let linecard: LinecardHere;
  let phones: Phone[] = [];
  const parts = new FakeOpenAiParts();

  beforeAll(async () => {
    freeswitch = await TestFreeSwitch.start({ socketPort: await findFreePort(), fallback: '1003', extensions: CLARA });
    esl = await EslClient.connect(freeswitch.eslPort, ESL_PASSWORD);
    await parts.server.start();
    const access = { baseUrl: parts.baseUrl, apiKey: 'sk-test' };
    linecard = await startLinecardHere({
      config: {
        pbx: [freeswitch.pbxConfig],
        agents: {
          loop: { provider: 'echo' },
          clara: {
            provider: 'pipeline',
            greeting: 'Hello.',
            stt: { ...access, model: 'stt-test' },
            llm: { ...access, model: 'llm-test' },
            tts: { ...access, model: 'tts-test', voice: 'nova' },
          },
        },
        extensions: { '7000': { agent: 'loop', fallback: '1003' } },
        destinations: { sales: { dial: '1001', label: 'Sales', mode: 'warm', ringSeconds: 10 } },
        transfers: { graceSeconds: 10, maxPerCall: 10 },
        webrtc: { enabled: true, context: 'default' },
      },
    });
  });
  afterEach(async () => {
    await Promise.all(phones.map((phone) => phone.close()));
    phones = [];
    const count = async (): Promise<string> => /^(\d+) session\(s\) - peak/m.exec(await esl.api('status'))?.[1] ?? '';
    await expect.poll(count, { interval: 50 }).toBe('0');
    await expect.poll(() => linecard.api.liveCalls()).toEqual([]);
  });
  afterAll(async () => {
    await linecard.close();
    esl.close();
    await freeswitch.stop();
    await parts.server.stop();
  });

  async function open(user: string, incoming: 'answer' | 'ring' = 'answer'): Promise<Phone> {
    const server = { host: '127.0.0.1', port: freeswitch.sipPort };
    const phone = await Phone.open({ server, user, password: `secret${user}`, incoming });
    phones.push(phone);
    await phone.register();
    return phone;
  }

  /** A caller who talks with the agent, and a supervisor who is there. */
  async function supervised(mode: 'listen' | 'join' | 'takeover'): Promise<Record<'caller' | 'supervisor', PhoneCall>> {
    await linecard.api.ready();
    const phone = await open('1001');
    const caller = await (await open('1002')).dial('7000');
    await caller.answered();
    caller.play(tone(CALLER_HZ));
    await caller.recording.hears(CALLER_HZ);
    const [call] = await linecard.api.liveCalls();
    const response = await linecard.api.fetch('POST', `/v1/calls/${call?.id}/supervise`, { endpoint: '1001', mode });
    expect(response.status).toBe(200);
    const supervisor = await phone.rung();
    await supervisor.answered();
    return { caller, supervisor };
  }

  /** The tone is in none of what arrives for a moment. */
  async function hearsNothingOf(party: PhoneCall, hz: number): Promise<void> {
    const fromMs = performance.now();
    await party.recording.receives(25);
    expect(heardTone(party.recording, hz, fromMs)).toBe(false);
  }

  test('a supervisor who listens hears the caller and is heard by nobody', async () => {
    const { caller, supervisor } = await supervised('listen');
    await supervisor.recording.hears(CALLER_HZ);
    supervisor.play(tone(PERSON_HZ));
    caller.play(silence);
    await caller.recording.hearsSilence();
    await hearsNothingOf(caller, PERSON_HZ);
    await supervisor.hangUp();
    caller.play(tone(CALLER_HZ));
    await caller.recording.hears(CALLER_HZ);
    await caller.hangUp();
  });

  test.each(['1', '2', '3', '4'])('a supervisor who listens and presses %s is heard by nobody', async (key) => {
    const { caller, supervisor } = await supervised('listen');
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
    const { caller, supervisor } = await supervised('listen');
    await supervisor.recording.hears(CALLER_HZ);
    supervisor.play(tone(PERSON_HZ));
    await supervisor.sendDigits('9');
    await Promise.all([caller.recording.hears(PERSON_HZ), supervisor.recording.hears(CALLER_HZ)]);
    await caller.hangUp();
    await supervisor.ends();
  });

  test('a supervisor who joins, here by key, is heard by the caller and by the agent', async () => {
    const { caller, supervisor } = await supervised('listen');
    await supervisor.recording.hears(CALLER_HZ);
    await supervisor.sendDigits('6');
    caller.play(silence);
    supervisor.play(tone(PERSON_HZ));
    await caller.recording.hears(PERSON_HZ);
    // The agent heard it, too, and said it back.
    await supervisor.recording.hears(PERSON_HZ);
    await caller.hangUp();
    await supervisor.ends();
  });

  test('a supervisor who takes over talks with the caller alone, and Linecard is out', async () => {
    const { caller, supervisor } = await supervised('takeover');
    supervisor.play(tone(PERSON_HZ));
    await Promise.all([caller.recording.hears(PERSON_HZ), supervisor.recording.hears(CALLER_HZ)]);
    await expect.poll(() => linecard.api.liveCalls()).toEqual([]);
    await hearsNothingOf(supervisor, PERSON_HZ);
    await supervisor.hangUp();
    await caller.ends();
  });

  test('a supervisor who whispers tells the agent what to do, and the caller hears nothing of it', async () => {
    await linecard.api.ready();
    const phone = await open('1001');
    const caller = await (await open('1002')).dial('7100');
    await caller.answered();
    await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
    const [call] = await linecard.api.liveCalls();
    const whisper = { endpoint: '1001', mode: 'whisper' };
    expect((await linecard.api.fetch('POST', `/v1/calls/${call?.id}/supervise`, whisper)).status).toBe(200);
    const supervisor = await phone.rung();
    await supervisor.answered();
    await caller.recording.hearsSilence(10_000);
    const fromMs = performance.now();
    parts.transcripts.push('Offer ten percent.');
    // Said again until the ear is there.
    await expect
      .poll(
        () => {
          supervisor.play(once(speech(['Offer them ten percent, please.'])));
          return parts.transcripts;
        },
        { interval: 4000, timeout: 30_000 },
      )
      .toEqual([]);
    expect(rms(caller.recording.samples(fromMs))).toBeLessThan(QUIET_RMS);
    parts.transcripts.push('What does it cost?');
    caller.play(once(speech(['What does it cost, please?'])));
    await expect.poll(() => parts.lastDialog.join('\n'), { timeout: 20_000 }).toContain('"Offer ten percent."');
    expect(parts.mistakes).toEqual([]);
    await caller.hangUp();
    await supervisor.ends();
  });

  test('a visitor of the page is announced at a desk phone, talks there, and comes back', async () => {
    await linecard.api.ready();
    const phone = await open('1001', 'ring');
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
