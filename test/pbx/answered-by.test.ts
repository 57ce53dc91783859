import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { FakeOpenAiParts } from '../support/fake-openai-parts.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import { once, tone } from '../support/phone/sources.js';
import { speech } from '../support/speech.js';

// Who or what takes a warm transfer: a voicemail, and somebody who declines in words of their own.

const PERSON_HZ = 1000;
const RATE_HZ = 8000;
/** A machine that is busy with other work speaks and listens later. */
const LIMIT_MS = 30_000;
/** Voicemails throw shorter messages away. */
const NO_MESSAGE_MS = 1500;

let asterisk: TestAsterisk;
let linecard: LinecardHere;
let phones: Phone[] = [];
const parts = new FakeOpenAiParts();

beforeAll(async () => {
  asterisk = await startAsterisk({
    audiosocket: `127.0.0.1:${await findFreePort()}`,
    // A mailbox as Asterisk's VoiceMail() has it: greeting, signal, recording.
    append: {
      'extensions.conf': `
[linecard-demo](+)
exten => 6090,1,Answer()
 same => n,Playback(\${MAILBOX}/greeting)
 same => n,Record(\${MAILBOX}/message.wav,0,60,q)
`,
    },
  });
  await writeFile(path.join(asterisk.runDir, 'greeting.sln'), greetingWithSignal());
  await asterisk.cli(`dialplan set global MAILBOX ${asterisk.runDir}`);
  await parts.server.start();
  const { baseUrl } = parts;
  const apiKey = 'sk-test';
  linecard = await startLinecardHere({
    asterisk,
    config: {
      agents: {
        loop: { provider: 'echo' },
        clara: {
          provider: 'pipeline',
          greeting: 'Hello.',
          stt: { baseUrl, apiKey, model: 'stt-test' },
          llm: { baseUrl, apiKey, model: 'llm-test' },
          tts: { baseUrl, apiKey, model: 'tts-test', voice: 'nova' },
        },
      },
      extensions: { '7000': { agent: 'clara' }, '7009': { agent: 'loop' } },
      destinations: {
        anna: { dial: '6090', then: ['6002'], label: 'Anna', mode: 'warm' },
        sales: { dial: '6002', label: 'Sales', mode: 'warm' },
      },
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
  await parts.server.stop();
});

test('a voicemail takes the call: at its signal the next person is rung, and no briefing is left as a message', async () => {
  await linecard.api.ready();
  const phone = await open('6002');
  const caller = await transferred('7009', 'anna');
  const person = await phone.rung(LIMIT_MS);
  person.answer();
  person.play(tone(PERSON_HZ));
  await person.recording.receives(10, LIMIT_MS);
  await person.sendDigits('1');
  await caller.recording.hears(PERSON_HZ, LIMIT_MS);
  await caller.hangUp();
  await person.ends();
  expect(await messageMs()).toBeLessThan(NO_MESSAGE_MS);
});

test('somebody declines in their own words: the agent is told all of them, and tells the caller', async () => {
  await linecard.api.ready();
  const phone = await open('6002');
  const caller = await transferred('7000', 'sales');
  const person = await phone.rung(LIMIT_MS);
  person.answer();
  parts.transcripts.push("Not now, I'm with a client. Tell him I call back at four.");
  parts.answers.push(['Sales will call you back at four.']);
  // Said again until the question has been asked.
  await expect
    .poll(
      () => {
        person.play(once(speech(['Not now, I have a client.'])));
        return parts.transcripts;
      },
      { interval: 4000, timeout: LIMIT_MS },
    )
    .toEqual([]);
  await expect.poll(() => parts.lastDialog.at(-1), { timeout: LIMIT_MS }).toContain('Tell him I call back at four.');
  await expect.poll(() => parts.spoken, { timeout: LIMIT_MS }).toContain('Sales will call you back at four.');
  await person.ends();
  expect(parts.mistakes).toEqual([]);
  await caller.hangUp();
});

async function open(user: string): Promise<Phone> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  const phone = await Phone.open({ server, user, password: `secret${user}`, incoming: 'ring' });
  phones.push(phone);
  await phone.register();
  return phone;
}

/** A caller whose agent asked for somebody. */
async function transferred(extension: string, to: string): Promise<PhoneCall> {
  const caller = await (await open('6001')).dial(extension);
  await caller.answered();
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
  const [call] = await linecard.api.liveCalls();
  const response = await linecard.api.fetch('POST', `/v1/calls/${call?.id}/transfer`, { to, mode: 'warm' });
  expect(response.status).toBe(200);
  return caller;
}

/** As Asterisk plays a file `.sln`: mono s16, 8 kHz. */
function greetingWithSignal(): Buffer {
  const words = speech(['You have reached Anna Miller.', 'Please leave a message after the signal.']);
  const narrow = words.filter((_, i) => i % 2 === 0);
  const signal = Int16Array.from(
    { length: RATE_HZ * 0.4 },
    (_, i) => 8000 * Math.sin((2 * Math.PI * 1000 * i) / RATE_HZ),
  );
  return Buffer.concat([narrow, signal].map(({ buffer }) => Buffer.from(buffer)));
}

/** How long the message in the mailbox is; 0: there is none. */
async function messageMs(): Promise<number> {
  const wav = await readFile(path.join(asterisk.runDir, 'message.wav')).catch(() => null);
  return wav === null ? 0 : ((wav.length - 44) * 1000) / (2 * RATE_HZ);
}
