import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../src/demo/ports.js';
import { EslClient } from '../../support/esl-client.js';
import { ESL_PASSWORD, FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { startLinecardHere, type LinecardHere } from '../../support/linecard.js';
import { Phone } from '../../support/phone/phone.js';
import type { PhoneCall } from '../../support/phone/phone-call.js';
import { tone } from '../../support/phone/sources.js';

/** The agent is an echo: whoever hears their own tone is with it. */
const CALLER_HZ = 700;
const OTHER_HZ = 1000;
const PATIENCE_MS = 10_000;

describe.skipIf(FREESWITCH_PREFIX === '')('the keys of a phone on a real FreeSWITCH', () => {
  let freeswitch: TestFreeSwitch;
  let esl: EslClient;
  let linecard: LinecardHere;
  let phones: Phone[] = [];

  beforeAll(async () => {
    freeswitch = await TestFreeSwitch.start({ socketPort: await findFreePort(), fallback: '1001' });
    esl = await EslClient.connect(freeswitch.eslPort, ESL_PASSWORD);
    const extensions = { '7000': { agent: 'loop', fallback: '1001' } };
    linecard = await startLinecardHere({ config: { pbx: [freeswitch.pbxConfig], extensions } });
  });
  afterEach(async () => {
    await Promise.all(phones.map((phone) => phone.close()));
    phones = [];
    const count = async (): Promise<string> => /^(\d+) session\(s\) - peak/m.exec(await esl.api('status'))?.[1] ?? '';
    await expect.poll(count, { timeout: 15_000, interval: 50 }).toBe('0');
    await expect.poll(() => linecard.api.liveCalls()).toEqual([]);
  });
  afterAll(async () => {
    await linecard.close();
    esl.close();
    await freeswitch.stop();
  });

  async function open(user: string): Promise<Phone> {
    const server = { host: '127.0.0.1', port: freeswitch.sipPort };
    const phone = await Phone.open({ server, user, password: `secret${user}` });
    phones.push(phone);
    await phone.register();
    return phone;
  }

  async function withAgent(phone: Phone): Promise<PhoneCall> {
    await linecard.api.ready();
    const call = await phone.dial('7000');
    await call.answered();
    call.play(tone(CALLER_HZ));
    await call.recording.hears(CALLER_HZ, PATIENCE_MS);
    return call;
  }

  async function stateIs(state: string): Promise<void> {
    await expect.poll(async () => (await linecard.api.liveCalls()).map((call) => call.state)).toEqual([state]);
  }

  /** Two phones that talk: who called, and who was called. */
  async function pair(from: string, to: string): Promise<Record<'calling' | 'called', PhoneCall> & { phone: Phone }> {
    const phone = await open(to);
    const calling = await (await open(from)).dial(to);
    const called = await phone.rung();
    await calling.answered();
    return { calling, called, phone };
  }

  test('transfer to a number is refused by FreeSWITCH, and the caller stays with the agent', async () => {
    const call = await withAgent(await open('1002'));
    expect(await call.transfer('1003')).toBe(403);
    await call.recording.hears(CALLER_HZ, PATIENCE_MS);
    await stateIs('talking');
    await call.hangUp();
  });

  test.each(['calling', 'called'] as const)(
    'a person who is given to the agent by key talks with it: %s',
    async (who) => {
      const parties = await pair('1002', '1003');
      const given = parties[who];
      const giver = who === 'calling' ? parties.called : parties.calling;
      given.play(tone(OTHER_HZ));
      await giver.recording.hears(OTHER_HZ, PATIENCE_MS);
      expect(await giver.transfer('7000')).toBeLessThan(300);
      await given.recording.hears(OTHER_HZ, PATIENCE_MS);
      await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ extension: '7000', state: 'talking' }]);
      await given.hangUp();
    },
  );

  test.each([
    ['agent', 'calling'],
    ['agent', 'called'],
    ['other', 'calling'],
    ['other', 'called'],
  ] as const)(
    'transfer of two calls, pressed in the call of the %s, who was %s: the agent goes on with them',
    async (pressed, role) => {
      const { calling, called, phone } = role === 'calling' ? await pair('1003', '1002') : await swapped();
      const [held, other] = role === 'calling' ? [called, calling] : [calling, called];
      other.play(tone(OTHER_HZ));
      await held.recording.hears(OTHER_HZ, PATIENCE_MS);
      await held.hold();
      const agent = await withAgent(phone);
      const [live] = await linecard.api.liveCalls();
      const [first, second] = pressed === 'agent' ? [agent, held] : [held, agent];
      expect(await first.transferTo(second)).toBeLessThan(300);
      await other.recording.hears(OTHER_HZ, PATIENCE_MS);
      await stateIs('talking');
      await other.hangUp();
      const events = await linecard.api.events(String(live?.id));
      expect(events.find(({ kind }) => kind === 'callerReplaced')).toMatchObject({ caller: { number: '1003' } });
    },
  );

  /** As `pair`, with the phone that has two calls calling. */
  async function swapped(): ReturnType<typeof pair> {
    const phone = await open('1002');
    const other = await open('1003');
    const calling = await phone.dial('1003');
    const called = await other.rung();
    await calling.answered();
    return { calling, called, phone };
  }
});
