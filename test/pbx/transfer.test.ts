import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import type { Recording } from '../support/phone/recording.js';
import { rms, toneShare } from '../support/phone/recording.js';
import { silence, tone } from '../support/phone/sources.js';

/** Each party's own tone; the agent is an echo, so a caller with the agent hears their own. */
const CALLER_HZ = 440;
const PERSON_HZ = 1000;
const GRACE_MS = 2000;
/** 300 ms. */
const LISTEN_SAMPLES = 4800;
const OUTSIDE = '03012345678';
/** As an admin writes them: a ring group, whose first to pick up has it, a queue and a trunk. */
const DIALPLAN = `
[linecard-demo](+)
exten => team,1,Dial(\${PJSIP_DIAL_CONTACTS(6002)}&\${PJSIP_DIAL_CONTACTS(6003)},30)
 same => n,Hangup()
exten => support,1,Queue(support,,,,30)
 same => n,Hangup()
exten => _0X.,1,Dial(PJSIP/\${EXTEN}@trunk,30)
 same => n,Hangup()
`;
const QUEUES = `
[support]
strategy = ringall
member => PJSIP/6003
`;

let asterisk: TestAsterisk;
let linecard: LinecardHere;
let phones: Phone[] = [];

beforeAll(async () => {
  asterisk = await startAsterisk({
    audiosocket: `127.0.0.1:${await findFreePort()}`,
    phones: ['6001', '6002', '6003', 'trunk'].map((number) => ({
      number,
      password: `secret${number}`,
      label: `P ${number}`,
    })),
    append: { 'extensions.conf': DIALPLAN, 'queues.conf': QUEUES, 'modules.conf': 'load = app_queue.so\n' },
  });
  linecard = await startLinecardHere({
    asterisk,
    config: {
      extensions: { '7000': { agent: 'loop', fallback: '6003' } },
      destinations: {
        sales: { dial: '6002', then: ['6003'], label: 'Sales', mode: 'warm', ringSeconds: 5 },
        team: { dial: 'team', label: 'The team', mode: 'warm' },
        support: { dial: 'support', label: 'Support', mode: 'warm' },
        mobile: { dial: OUTSIDE, label: 'The boss', mode: 'warm' },
      },
      transfers: { graceSeconds: GRACE_MS / 1000, maxPerCall: 10 },
    },
  });
}, 300_000);
afterEach(async () => {
  await Promise.all(phones.map((phone) => phone.close()));
  phones = [];
  await expectNothingLeft(asterisk);
  await expect.poll(() => linecard.api.liveCalls(), { timeout: 15_000 }).toEqual([]);
});
afterAll(async () => {
  await linecard.close();
  await asterisk.stop();
});

async function open(user: string, incoming: 'answer' | 'ring' | 486 | 603 = 'ring'): Promise<Phone> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  const phone = await Phone.open({ server, user, password: `secret${user}`, incoming });
  phones.push(phone);
  await phone.register();
  return phone;
}

/** A caller who hears the agent. */
async function callerWithAgent(): Promise<PhoneCall> {
  // On a busy machine the thread that also plays the phones may be too late for more calls.
  await expect.poll(async () => (await linecard.api.fetch('GET', '/readyz')).status, { timeout: 20_000 }).toBe(200);
  await linecard.api.ready();
  const call = await (await open('6001')).dial('7000');
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
      // What came last, not what came lately: on a busy machine that may be little.
      const samples = recording.samples(fromMs).slice(-LISTEN_SAMPLES);
      const loudness = rms(samples);
      const tones = toneShare(samples, CALLER_HZ) + toneShare(samples, PERSON_HZ);
      if (samples.length < LISTEN_SAMPLES || loudness < 100 || tones > 0.2)
        throw new Error(`${recording.packets.length} packets, ${loudness} RMS, tones ${tones}`);
    },
    { timeout: 15_000, interval: 50 },
  );
}

/** 6002 was rung, answered, hears the briefing while the caller hears music; nobody hears the other. */
async function briefed(caller: PhoneCall, mode: 'warm' | 'conference' = 'warm'): Promise<PhoneCall> {
  const sales = await open('6002');
  await transfer({ to: 'sales', mode });
  const person = await sales.rung();
  expect(person.callerNumber).toBe('6001');
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

/** From the first time that a tone was there for a moment. */
function firstHeardAtMs(recording: Recording, hz: number, fromMs: number): number {
  const packets = recording.between(fromMs);
  const first = packets.find(({ samples }) => rms(samples) > 300 && toneShare(samples, hz) > 0.5);
  return first === undefined ? Number.NaN : first.atMs - fromMs;
}

test('a person is told in private, takes the call by key, and the two go on without us', async () => {
  const caller = await callerWithAgent();
  const person = await briefed(caller);
  const pressedAtMs = performance.now();
  press(person, '1');
  await talkingWith(person, caller);
  const bothMs = Math.max(
    firstHeardAtMs(caller.recording, PERSON_HZ, pressedAtMs),
    firstHeardAtMs(person.recording, CALLER_HZ, pressedAtMs),
  );
  console.log(JSON.stringify({ name: 'transfer-accepted-to-talking', value: Math.round(bothMs), unit: 'ms' }));
  await expect.poll(() => linecard.api.liveCalls(), { timeout: GRACE_MS + 3000 }).toEqual([]);
  const [call] = await linecard.api.calls();
  expect(call?.outcome).toMatchObject({ result: 'transferred', fault: 'none' });
  await talkingWith(person, caller);
  await person.hangUp();
  await caller.ends();
});

test('a person who declines sends the caller to the next, and then back to the agent', async () => {
  const caller = await callerWithAgent();
  const person = await briefed(caller);
  const second = await open('6003', 486);
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

test('a person who hangs up soon after taking the call gives the caller back to the agent', async () => {
  const caller = await callerWithAgent();
  const person = await briefed(caller);
  press(person, '1');
  await talkingWith(person, caller);
  await person.hangUp();
  await caller.recording.hears(CALLER_HZ);
  await caller.hangUp();
});

test('the caller hangs up: the phone that rings for them falls silent at once', async () => {
  const caller = await callerWithAgent();
  const sales = await open('6002');
  await transfer();
  const person = await sales.rung();
  await hearsSomethingElse(caller);
  const hungUpAtMs = performance.now();
  await caller.hangUp();
  await person.ends();
  const silentMs = Math.round(performance.now() - hungUpAtMs);
  console.log(JSON.stringify({ name: 'caller-gone-to-silent-phone', value: silentMs, unit: 'ms' }));
});

test('the caller hangs up while the person is told of them: the person is let go', async () => {
  const caller = await callerWithAgent();
  const person = await briefed(caller);
  await caller.hangUp();
  await person.ends();
});

test('a blind transfer rings at once', async () => {
  const caller = await callerWithAgent();
  const sales = await open('6002');
  await transfer({ to: 'sales', mode: 'blind' });
  const person = await sales.rung();
  person.answer();
  person.play(tone(PERSON_HZ));
  await talkingWith(person, caller);
  await caller.hangUp();
  await person.ends();
});

test('a conference: caller, person and agent hear each other, and the agent stays when the person leaves', async () => {
  const caller = await callerWithAgent();
  const person = await briefed(caller, 'conference');
  press(person, '1');
  caller.play(silence);
  await caller.recording.hears(PERSON_HZ);
  // The agent is an echo: it heard the person, too.
  await person.recording.hears(PERSON_HZ);
  await person.hangUp();
  caller.play(tone(CALLER_HZ));
  await caller.recording.hears(CALLER_HZ);
  await caller.hangUp();
});

test('a ring group: who picks up first is told, the other phone falls silent', async () => {
  const caller = await callerWithAgent();
  const [sales, support] = [await open('6002'), await open('6003')];
  await transfer({ to: 'team' });
  const [other, person] = await Promise.all([sales.rung(), support.rung()]);
  expect([other.callerNumber, person.callerNumber]).toEqual(['6001', '6001']);
  person.answer();
  await Promise.all([person.answered(), other.ends()]);
  person.play(tone(PERSON_HZ));
  await hearsSomethingElse(person);
  press(person, '1');
  await talkingWith(person, caller);
  await caller.hangUp();
  await person.ends();
});

test.each([
  ['a queue: its agent', 'support', '6003'],
  ['a number outside: whoever answers at the trunk', 'mobile', 'trunk'],
])('%s is told, sees who calls, and takes the call', async (_what, to, user) => {
  const caller = await callerWithAgent();
  const phone = await open(user);
  await transfer({ to });
  const person = await phone.rung();
  expect(person.callerNumber).toBe('6001');
  if (to === 'mobile') expect(person.calledNumber).toBe(OUTSIDE);
  person.answer();
  await person.answered();
  person.play(tone(PERSON_HZ));
  await hearsSomethingElse(person);
  await hearsSomethingElse(caller);
  press(person, '1');
  await talkingWith(person, caller);
  await caller.hangUp();
  await person.ends();
});
