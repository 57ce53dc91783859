import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../src/demo/ports.js';
import { EslClient } from '../../support/esl-client.js';
import { ESL_PASSWORD, FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { startLinecardProcess, type LinecardProcess } from '../../support/linecard.js';
import { Phone } from '../../support/phone/phone.js';
import type { PhoneCall } from '../../support/phone/phone-call.js';
import { tone } from '../../support/phone/sources.js';

/** The agent is an echo: a caller who is with it hears their own tone. */
const CALLER_HZ = 700;
const PERSON_HZ = 1000;
const HUMAN_HZ = 1300;
const GRACE_SECONDS = 2;

describe.skipIf(FREESWITCH_PREFIX === '')('Linecard dies in a transfer, on a real FreeSWITCH', () => {
  let freeswitch: TestFreeSwitch;
  let esl: EslClient;
  let linecard: LinecardProcess;
  let callerPhone: Phone;
  let salesPhone: Phone;
  let humanPhone: Phone;

  beforeAll(async () => {
    freeswitch = await TestFreeSwitch.start({ socketPort: await findFreePort(), fallback: '1003' });
    esl = await EslClient.connect(freeswitch.eslPort, ESL_PASSWORD);
  });
  beforeEach(async () => {
    const server = { host: '127.0.0.1', port: freeswitch.sipPort };
    callerPhone = await Phone.open({ server, user: '1002', password: 'secret1002' });
    salesPhone = await Phone.open({ server, user: '1001', password: 'secret1001', incoming: 'ring' });
    humanPhone = await Phone.open({ server, user: '1003', password: 'secret1003' });
    await Promise.all([callerPhone, salesPhone, humanPhone].map((phone) => phone.register()));
    linecard = await start();
  });
  afterEach(async () => {
    await Promise.all([callerPhone, salesPhone, humanPhone].map((phone) => phone.close()));
    await linecard.close();
    const count = async (): Promise<string> => /^(\d+) session\(s\) - peak/m.exec(await esl.api('status'))?.[1] ?? '';
    await expect.poll(count, { interval: 50 }).toBe('0');
  });
  afterAll(async () => {
    esl.close();
    await freeswitch.stop();
  });

  function start(): Promise<LinecardProcess> {
    return startLinecardProcess({
      config: {
        pbx: [freeswitch.pbxConfig],
        extensions: { '7000': { agent: 'loop', fallback: '1003' } },
        destinations: { sales: { dial: '1001', label: 'Sales', mode: 'warm' } },
        transfers: { graceSeconds: GRACE_SECONDS },
      },
    });
  }

  /** A caller whose agent asked for Sales, whose phone rings. */
  async function ringing(): Promise<Record<'caller' | 'person', PhoneCall>> {
    await linecard.api.ready();
    const caller = await callerPhone.dial('7000');
    await caller.answered();
    caller.play(tone(CALLER_HZ));
    await caller.recording.hears(CALLER_HZ);
    const [call] = await linecard.api.liveCalls();
    const response = await linecard.api.fetch('POST', `/v1/calls/${call?.id}/transfer`, { to: 'sales' });
    expect(response.status).toBe(200);
    return { caller, person: await salesPhone.rung() };
  }

  async function briefed(): Promise<Record<'caller' | 'person', PhoneCall>> {
    const { caller, person } = await ringing();
    person.answer();
    person.play(tone(PERSON_HZ));
    await person.recording.receives(50);
    return { caller, person };
  }

  async function talking(): Promise<Record<'caller' | 'person', PhoneCall>> {
    const { caller, person } = await briefed();
    await person.sendDigits('1');
    await talkOn(caller, person);
    return { caller, person };
  }

  async function talkOn(caller: PhoneCall, person: PhoneCall): Promise<void> {
    await Promise.all([caller.recording.hears(PERSON_HZ), person.recording.hears(CALLER_HZ)]);
  }

  async function talksWithHuman(caller: PhoneCall): Promise<void> {
    const human = await humanPhone.rung();
    human.play(tone(HUMAN_HZ));
    await Promise.all([caller.recording.hears(HUMAN_HZ), human.recording.hears(CALLER_HZ)]);
  }

  test.each([
    ['rung', ringing],
    ['briefed', briefed],
  ])('killed while the person is %s: the caller talks with the fallback, the person is let go', async (_, begin) => {
    const { caller, person } = await begin();
    await linecard.kill();
    await talksWithHuman(caller);
    linecard = await start();
    await person.ends();
    await caller.recording.hears(HUMAN_HZ);
    await caller.hangUp();
  });

  test('killed soon after the person took the call: the two talk on, and end together after the restart', async () => {
    const { caller, person } = await talking();
    await linecard.kill();
    await talkOn(caller, person);
    linecard = await start();
    await linecard.api.ready();
    await talkOn(caller, person);
    await person.hangUp();
    await caller.ends();
  });

  test('killed soon after, and the person hangs up while we are away: the fallback has the caller', async () => {
    const { caller, person } = await talking();
    await linecard.kill();
    await person.hangUp();
    await talksWithHuman(caller);
    await caller.hangUp();
  });

  test('killed after the grace time: the two talk on and end together, with nobody of us there', async () => {
    const { caller, person } = await talking();
    await expect.poll(() => linecard.api.liveCalls(), { timeout: GRACE_SECONDS * 1000 + 5000 }).toEqual([]);
    await linecard.kill();
    await talkOn(caller, person);
    await caller.hangUp();
    await person.ends();
  });
});
