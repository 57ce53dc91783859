import { expect, test } from 'vitest';
import { CALLER_HZ, PERSON_HZ, hearsSomethingElse, press, talkingWith } from '../support/stories/parties.js';
import { asteriskWorld } from '../support/stories/pbx-world.js';
import { testTransfers } from '../support/stories/transfers.js';
import { silence, tone } from '../support/phone/sources.js';

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

const stage = testTransfers(
  () =>
    asteriskWorld({
      phones: ['trunk'],
      append: { 'extensions.conf': DIALPLAN, 'queues.conf': QUEUES, 'modules.conf': 'load = app_queue.so\n' },
    }),
  {
    team: { dial: 'team', label: 'The team', mode: 'warm' },
    support: { dial: 'support', label: 'Support', mode: 'warm' },
    mobile: { dial: OUTSIDE, label: 'The boss', mode: 'warm' },
  },
);

test('a blind transfer rings at once', async () => {
  const { parties } = stage();
  const caller = await parties.callerWithAgent();
  const sales = await parties.open('6002');
  await parties.transfer({ mode: 'blind' });
  const person = await sales.rung();
  person.answer();
  person.play(tone(PERSON_HZ));
  await talkingWith(person, caller);
  await caller.hangUp();
  await person.ends();
});

test('a conference: caller, person and agent hear each other, and the agent stays when the person leaves', async () => {
  const { parties } = stage();
  const caller = await parties.callerWithAgent();
  const person = await parties.briefed(caller, 'conference');
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
  const { parties } = stage();
  const caller = await parties.callerWithAgent();
  const [sales, support] = [await parties.open('6002'), await parties.open('6003')];
  await parties.transfer({ to: 'team' });
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
  const { parties } = stage();
  const caller = await parties.callerWithAgent();
  const phone = await parties.open(user);
  await parties.transfer({ to });
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
