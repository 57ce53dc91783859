import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { findFreePort } from '../../../src/demo/ports.js';
import { EslClient } from '../../support/esl-client.js';
import { ESL_PASSWORD, FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { startLinecardHere, type LinecardHere } from '../../support/linecard.js';
import { Phone } from '../../support/phone/phone.js';
import type { PhoneCall } from '../../support/phone/phone-call.js';
import { rms, toneShare } from '../../support/phone/recording.js';
import type { CodecName } from '../../support/phone/sdp.js';
import { tone } from '../../support/phone/sources.js';

/** Each party's own tone; the agent is an echo, so a caller with the agent hears their own. */
const CALLER_HZ = 700;
const PERSON_HZ = 1000;
const GRACE_MS = 2000;
const HOLD_MUSIC = '<X-PRE-PROCESS cmd="set" data="hold_music=tone_stream://%(4000,0,300);loops=-1"/>';

describe.skipIf(FREESWITCH_PREFIX === '')('transfers on a real FreeSWITCH', () => {
  let freeswitch: TestFreeSwitch;
  let esl: EslClient;
  let linecard: LinecardHere;
  let phones: Phone[] = [];

  beforeAll(async () => {
    freeswitch = await TestFreeSwitch.start({
      socketPort: await findFreePort(),
      fallback: '1003',
      extensions: HOLD_MUSIC,
    });
    esl = await EslClient.connect(freeswitch.eslPort, ESL_PASSWORD);
    linecard = await startLinecardHere({
      config: {
        pbx: [freeswitch.pbxConfig],
        extensions: { '7000': { agent: 'loop', fallback: '1003' } },
        destinations: { sales: { dial: '1001', then: ['1003'], label: 'Sales', mode: 'warm', ringSeconds: 5 } },
        transfers: { graceSeconds: GRACE_MS / 1000, maxPerCall: 10 },
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
  });

  async function open(
    user: string,
    incoming: 'answer' | 'ring' | 486 | 603 = 'ring',
    codec: CodecName = 'PCMU',
  ): Promise<Phone> {
    const server = { host: '127.0.0.1', port: freeswitch.sipPort };
    const phone = await Phone.open({ server, user, password: `secret${user}`, incoming, codecs: [codec] });
    phones.push(phone);
    await phone.register();
    return phone;
  }

  async function callerWithAgent(codec: CodecName = 'PCMU'): Promise<PhoneCall> {
    await linecard.api.ready();
    const call = await (await open('1002', 'ring', codec)).dial('7000');
    await call.answered();
    call.play(tone(CALLER_HZ));
    await call.recording.hears(CALLER_HZ);
    return call;
  }

  /** A key; the party may be gone before its last packet is out. */
  function press(party: PhoneCall, digit: string): void {
    void Promise.allSettled([party.sendDigits(digit)]);
  }

  async function transfer(body: Readonly<Record<string, unknown>> = { to: 'sales' }): Promise<void> {
    const [live] = await linecard.api.liveCalls();
    const response = await linecard.api.fetch('POST', `/v1/calls/${live?.id}/transfer`, {
      summary: 'About chairs',
      ...body,
    });
    expect(await response.json()).toMatchObject({ id: live?.id });
  }

  /** Something that is none of the tones: music for the caller, a voice for the person. */
  async function hearsSomethingElse({ recording }: PhoneCall): Promise<void> {
    const fromMs = performance.now();
    await vi.waitFor(
      () => {
        const samples = recording.samples(Math.max(fromMs, performance.now() - 400));
        const tones = toneShare(samples, CALLER_HZ) + toneShare(samples, PERSON_HZ);
        if (samples.length < 3000 || rms(samples) < 100 || tones > 0.2) {
          throw new Error(`${recording.packets.length} packets, ${rms(samples)} RMS, tones ${tones}`);
        }
      },
      { timeout: 15_000, interval: 50 },
    );
  }

  /** 1001 was rung, answered, hears the briefing while the caller hears music; nobody hears the other. */
  async function briefed(caller: PhoneCall): Promise<PhoneCall> {
    const sales = await open('1001');
    await transfer();
    const person = await sales.rung();
    expect(person.callerNumber).toBe('1002');
    await hearsSomethingElse(caller);
    person.answer();
    await person.answered();
    person.play(tone(PERSON_HZ));
    await hearsSomethingElse(person);
    await hearsSomethingElse(caller);
    return person;
  }

  async function talkingWith(person: PhoneCall, caller: PhoneCall): Promise<void> {
    await Promise.all([caller.recording.hears(PERSON_HZ), person.recording.hears(CALLER_HZ)]);
  }

  test('a person is told in private, takes the call by key, and the two go on without us', async () => {
    const caller = await callerWithAgent();
    const person = await briefed(caller);
    const pressedAtMs = performance.now();
    press(person, '1');
    await talkingWith(person, caller);
    const tookMs = Math.round(performance.now() - pressedAtMs);
    console.log(JSON.stringify({ name: 'freeswitch-transfer-accepted-to-talking', value: tookMs, unit: 'ms' }));
    await expect.poll(() => linecard.api.liveCalls(), { timeout: GRACE_MS + 5000 }).toEqual([]);
    const [call] = await linecard.api.calls();
    expect(call?.outcome).toMatchObject({ result: 'transferred', fault: 'none' });
    await talkingWith(person, caller);
    await person.hangUp();
    await caller.ends();
  });

  test('the caller hangs up after the release: the person is let go', async () => {
    const caller = await callerWithAgent('G722');
    const person = await briefed(caller);
    press(person, '1');
    await talkingWith(person, caller);
    await expect.poll(() => linecard.api.liveCalls(), { timeout: GRACE_MS + 5000 }).toEqual([]);
    await caller.hangUp();
    await person.ends();
  });

  test('a person who declines sends the caller to the next, and then back to the agent', async () => {
    const caller = await callerWithAgent();
    const person = await briefed(caller);
    const second = await open('1003', 486);
    press(person, '2');
    await hearsSomethingElse(person);
    press(person, '1');
    await person.ends();
    await second.rung();
    await caller.recording.hears(CALLER_HZ);
    await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
    await caller.hangUp();
  });

  test('nobody there at all: the caller is with the agent again, and may be transferred once more', async () => {
    const caller = await callerWithAgent();
    await transfer();
    await caller.recording.hears(CALLER_HZ);
    const person = await briefed(caller);
    press(person, '1');
    await talkingWith(person, caller);
    await caller.hangUp();
    await person.ends();
  });

  test('nobody picks up: the phone falls silent after its ring time, and the caller is with the agent again', async () => {
    const caller = await callerWithAgent();
    const sales = await open('1001');
    await transfer();
    const person = await sales.rung();
    await person.ends(10_000);
    await caller.recording.hears(CALLER_HZ);
    await caller.hangUp();
  });

  test('a person who hangs up soon after taking the call gives the caller back to the agent', async () => {
    const caller = await callerWithAgent();
    const person = await briefed(caller);
    press(person, '1');
    await talkingWith(person, caller);
    const fromMs = performance.now();
    await person.hangUp();
    await caller.recording.hears(CALLER_HZ);
    const tookMs = Math.round(performance.now() - fromMs);
    console.log(JSON.stringify({ name: 'freeswitch-person-gone-to-agent', value: tookMs, unit: 'ms' }));
    await caller.hangUp();
  });

  test('the caller hangs up: the phone that rings for them falls silent at once', async () => {
    const caller = await callerWithAgent();
    const sales = await open('1001');
    await transfer();
    const person = await sales.rung();
    await hearsSomethingElse(caller);
    const hungUpAtMs = performance.now();
    await caller.hangUp();
    await person.ends();
    const silentMs = Math.round(performance.now() - hungUpAtMs);
    console.log(JSON.stringify({ name: 'freeswitch-caller-gone-to-silent-phone', value: silentMs, unit: 'ms' }));
  });

  test('the caller hangs up while the person is told of them: the person is let go', async () => {
    const caller = await callerWithAgent();
    const person = await briefed(caller);
    await caller.hangUp();
    await person.ends();
  });
});
