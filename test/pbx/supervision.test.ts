import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { FakeOpenAiParts } from '../support/fake-openai-parts.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import { heardTone } from '../support/phone/recording.js';
import { once, silence, tone } from '../support/phone/sources.js';
import { speech } from '../support/speech.js';

/** The agent is an echo: whoever is heard by it is heard twice. */
const CALLER_HZ = 440;
const SUPERVISOR_HZ = 1000;

let asterisk: TestAsterisk;
let linecard: LinecardHere;
let phones: Phone[] = [];
const parts = new FakeOpenAiParts();

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
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

async function open(user: string): Promise<Phone> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  const phone = await Phone.open({ server, user, password: `secret${user}` });
  phones.push(phone);
  await phone.register();
  return phone;
}

/** A caller who talks with the agent, and a supervisor who is there. */
async function supervised(mode: 'listen' | 'join' | 'takeover'): Promise<Record<'caller' | 'supervisor', PhoneCall>> {
  // On a busy machine the thread that also plays the phones may be too late for more calls.
  await expect.poll(async () => (await linecard.api.fetch('GET', '/readyz')).status, { timeout: 20_000 }).toBe(200);
  const phone = await open('6002');
  const caller = await (await open('6001')).dial('7009');
  await caller.answered();
  caller.play(tone(CALLER_HZ));
  await caller.recording.hears(CALLER_HZ);
  const [call] = await linecard.api.liveCalls();
  const response = await linecard.api.fetch('POST', `/v1/calls/${call?.id}/supervise`, { endpoint: '6002', mode });
  expect(response.status).toBe(200);
  const supervisor = await phone.rung();
  await supervisor.answered();
  return { caller, supervisor };
}

async function withLoop(): Promise<{ readonly caller: PhoneCall; readonly id: string }> {
  const caller = await phones.at(-1)!.dial('7009');
  await caller.answered();
  await expect.poll(async () => (await linecard.api.liveCalls()).map(({ state }) => state)).toEqual(['talking']);
  return { caller, id: String((await linecard.api.liveCalls())[0]?.id) };
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
  supervisor.play(tone(SUPERVISOR_HZ));
  caller.play(silence);
  await caller.recording.hearsSilence();
  await hearsNothingOf(caller, SUPERVISOR_HZ);
  await supervisor.hangUp();
  caller.play(tone(CALLER_HZ));
  await caller.recording.hears(CALLER_HZ);
  await caller.hangUp();
});

test('a supervisor who joins, here by key, is heard by the caller and by the agent', async () => {
  const { caller, supervisor } = await supervised('listen');
  await supervisor.recording.hears(CALLER_HZ);
  await supervisor.sendDigits('6');
  caller.play(silence);
  supervisor.play(tone(SUPERVISOR_HZ));
  await caller.recording.hears(SUPERVISOR_HZ);
  // The agent heard it, too, and said it back.
  await supervisor.recording.hears(SUPERVISOR_HZ);
  await caller.hangUp();
  await supervisor.ends();
});

test('a supervisor who takes over talks with the caller alone, and Linecard is out', async () => {
  const { caller, supervisor } = await supervised('takeover');
  supervisor.play(tone(SUPERVISOR_HZ));
  await Promise.all([caller.recording.hears(SUPERVISOR_HZ), supervisor.recording.hears(CALLER_HZ)]);
  await expect.poll(() => linecard.api.liveCalls(), { timeout: 3000 }).toEqual([]);
  await hearsNothingOf(supervisor, SUPERVISOR_HZ);
  await supervisor.hangUp();
  await caller.ends();
});

test('a supervisor who whispers tells the agent what to do, and to an agent without ears is told so', async () => {
  await linecard.api.ready();
  const phone = await open('6002');
  const caller = await (await open('6001')).dial('7000');
  await caller.answered();
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
  const [call] = await linecard.api.liveCalls();
  const whisper = { endpoint: '6002', mode: 'whisper' };
  expect((await linecard.api.fetch('POST', `/v1/calls/${call?.id}/supervise`, whisper)).status).toBe(200);
  const supervisor = await phone.rung();
  await supervisor.answered();
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
  parts.transcripts.push('What does it cost?');
  caller.play(once(speech(['What does it cost, please?'])));
  await expect.poll(() => parts.lastDialog.join('\n'), { timeout: 20_000 }).toContain('"Offer ten percent."');
  expect(parts.mistakes).toEqual([]);
  await caller.hangUp();
  await supervisor.ends();

  const other = await withLoop();
  const response = await linecard.api.fetch('POST', `/v1/calls/${other.id}/supervise`, whisper);
  expect(response.status).toBe(501);
  await other.caller.hangUp();
});
