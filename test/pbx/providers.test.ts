import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { FakeGeminiLive } from '../support/fake-gemini-live.js';
import { FakeOpenAiParts, HANG } from '../support/fake-openai-parts.js';
import type { FakeRealtimeSession } from '../support/fake-openai-realtime.js';
import { FakeOpenAiRealtime } from '../support/fake-openai-realtime.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere, type ShownCall } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import { once as playOnce, tone } from '../support/phone/sources.js';
import { speech } from '../support/speech.js';

/** The model's voice, the caller's and the human's. */
const MODEL_HZ = 700;
const CALLER_HZ = 1000;
const HUMAN_HZ = 440;
/** The voice of the model that takes over. */
const SPARE_HZ = 1400;
const GREETING = 'Thank you for calling Acme.';

/** The demo's phones dial in this context. */
const MORE_EXTENSIONS = `
[linecard-demo](+)
exten => _701X,1,Stasis(linecard)
exten => 7020,1,Stasis(linecard,7000,agent=desk,customer=42,tier=gold)
`;

let asterisk: TestAsterisk;
let linecard: LinecardHere;
let fake: FakeOpenAiRealtime;
/** Another provider, and one whose parts are servers of their own. */
let spare: FakeOpenAiRealtime;
let parts: FakeOpenAiParts;
/** One that leaves turns to us. */
let gemini: FakeGeminiLive;
let bot: ChildProcess;
let human: Phone;
let caller: Phone;

beforeAll(async () => {
  asterisk = await startAsterisk({
    audiosocket: `127.0.0.1:${await findFreePort()}`,
    append: { 'extensions.conf': MORE_EXTENSIONS },
  });
  fake = new FakeOpenAiRealtime();
  fake.toneHz = MODEL_HZ;
  spare = new FakeOpenAiRealtime();
  spare.toneHz = SPARE_HZ;
  parts = new FakeOpenAiParts();
  parts.toneHz = MODEL_HZ;
  gemini = new FakeGeminiLive();
  await Promise.all([fake.server.start(), spare.server.start(), parts.server.start(), gemini.server.start()]);
  const example = spawn(process.execPath, ['examples/media-streams-echo-bot.mjs', '0']);
  bot = example;
  const [line] = (await once(example.stdout, 'data')) as [Buffer];
  const url = /ws:\S+/.exec(line.toString())?.[0];
  const model = { provider: 'openai-realtime', apiKey: 'sk-test', baseUrl: fake.baseUrl, greeting: GREETING };
  const part = { baseUrl: parts.baseUrl, apiKey: 'sk-test' };
  linecard = await startLinecardHere({
    asterisk,
    config: {
      agents: {
        clara: model,
        careful: { ...model, backup: 'spare' },
        gemini: { provider: 'gemini-live', apiKey: 'key-test', baseUrl: gemini.baseUrl, greeting: GREETING },
        loop: { provider: 'echo' },
        spare: { ...model, baseUrl: spare.baseUrl, instructions: 'Customer {{var.customer}}, {{var.tier}}.' },
        desk: { ...model, instructions: 'You talk with customer {{var.customer}}.', handover: ['spare'] },
        mixed: {
          provider: 'pipeline',
          greeting: GREETING,
          stt: { ...part, model: 'stt-test' },
          llm: { ...part, model: 'llm-test' },
          tts: { ...part, model: 'tts-test', voice: 'nova' },
        },
        mybot: { provider: 'media-streams', url },
      },
      extensions: {
        '7000': { agent: 'clara', fallback: '6001' },
        '7011': { agent: 'careful', fallback: '6001' },
        '7012': { agent: 'mybot', fallback: '6001' },
        '7013': { agent: 'mixed', fallback: '6001' },
        '7014': { agent: 'gemini', fallback: '6001' },
      },
      destinations: { sales: { dial: '6001', label: 'Sales' } },
    },
  });
});
beforeEach(async () => {
  fake.server.welcome = { kind: 'accept' };
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  human = await Phone.open({ server, user: '6001', password: 'secret6001' });
  caller = await Phone.open({ server, user: '6002', password: 'secret6002' });
  await Promise.all([human.register(), caller.register()]);
});
afterEach(async () => {
  await Promise.all([human.close(), caller.close()]);
  await expectNothingLeft(asterisk);
  expect([...fake.mistakes, ...spare.mistakes, ...parts.mistakes, ...gemini.mistakes]).toEqual([]);
});
afterAll(async () => {
  await linecard.close();
  bot.kill();
  const servers = [fake.server, spare.server, parts.server, gemini.server];
  await Promise.all([asterisk.stop(), ...servers.map((server) => server.stop())]);
});

test('a conversation with a realtime model ends at the phone it transfers to', async () => {
  const { call, session } = await greeted('7000');
  call.play(tone(CALLER_HZ));
  await expect.poll(() => session.inputSamples).toBeGreaterThan(24_000);
  session.callerStarts();
  session.callerStops('Sales, please.');
  session.respond();
  session.say('I connect you.', 400);
  session.call('transfer', { to: 'sales' });
  session.done();
  const rung = await human.rung();
  rung.play(tone(HUMAN_HZ));
  await Promise.all([call.recording.hears(HUMAN_HZ), rung.recording.hears(CALLER_HZ)]);
  const [shown] = await linecard.api.calls();
  expect(shown?.outcome).toMatchObject({ result: 'transferred', fault: 'none' });
});

test('so does one with a model that leaves turns to us', async () => {
  const call = await caller.dial('7014');
  await call.answered();
  await expect.poll(() => gemini.sessions.length).toBe(1);
  const { session } = gemini;
  await expect.poll(() => session.texts.length).toBe(1);
  session.answer(GREETING, 400);
  await expect.poll(async () => (await shown('7014'))?.turns[0]?.text).toBe(GREETING);
  call.play(playOnce(speech(['Connect me with the sales department, please.'])));
  await expect.poll(() => session.activitiesMs.length > 0 && !session.inActivity).toBe(true);
  session.understood('Sales, please.');
  session.say('I connect you.', 400);
  session.call('transfer', { to: 'sales' });
  session.turnComplete();
  const rung = await human.rung();
  rung.play(tone(HUMAN_HZ));
  call.play(tone(CALLER_HZ));
  await Promise.all([call.recording.hears(HUMAN_HZ), rung.recording.hears(CALLER_HZ)]);
  expect(session.heardMs).toBeGreaterThan(1000);
  await expect.poll(async () => (await shown('7014'))?.outcome?.result).toBe('transferred');
});

test('a model that is killed in mid-sentence leaves the caller to the human', async () => {
  const { call, session } = await greeted('7000');
  await inMidSentence(call, session);
  fake.server.welcome = { kind: 'refuse', status: 503 };
  const cutAtMs = performance.now();
  fake.server.cut();
  const rung = await human.rung();
  process.stdout.write(
    `${JSON.stringify({ bench: 'provider-killed', ms: Math.round(performance.now() - cutAtMs) })}\n`,
  );
  rung.play(tone(HUMAN_HZ));
  call.play(tone(CALLER_HZ));
  await Promise.all([call.recording.hears(HUMAN_HZ), rung.recording.hears(CALLER_HZ)]);
});

test('a model that is cut off for a moment goes on in the same call, and knows what was said', async () => {
  const { call, session } = await greeted('7000');
  await inMidSentence(call, session);
  const before = fake.sessions.length;
  fake.server.cut();
  await expect.poll(() => fake.sessions.length).toBe(before + 1);
  const next = fake.session;
  await expect.poll(() => next.of('response.create').length, { timeout: 15_000 }).toBe(1);
  expect(next.of('conversation.item.create')[0]?.item).toMatchObject({ content: [{ text: GREETING }] });
  next.answer('Where were we?', 2000);
  await call.recording.hears(MODEL_HZ);
  await call.hangUp();
});

test('a model that is gone has its backup, which goes on with what was said', async () => {
  const { call, session } = await greeted('7011');
  await inMidSentence(call, session);
  fake.server.welcome = { kind: 'refuse', status: 503 };
  fake.server.cut();
  await expect.poll(() => spare.sessions.length).toBe(1);
  const next = spare.session;
  await expect.poll(() => next.of('response.create').length).toBe(1);
  expect(next.of('conversation.item.create')[0]?.item).toMatchObject({ content: [{ text: GREETING }] });
  next.answer('Where were we?', 1000);
  await call.recording.hears(SPARE_HZ);
  await call.hangUp();
});

test('a language model that is killed in mid-sentence leaves the caller to the human', async () => {
  parts.answers.push(['Once upon a time there was a telephone that rang and rang and rang. ', 'Nobody ', HANG]);
  const call = await caller.dial('7013');
  await call.answered();
  await call.recording.hears(MODEL_HZ);
  await call.recording.hearsSilence();
  await call.sendDigits('1#');
  await call.recording.hears(MODEL_HZ);
  parts.refusesWith = 503;
  parts.server.cut();
  const rung = await human.rung();
  rung.play(tone(HUMAN_HZ));
  call.play(tone(CALLER_HZ));
  await Promise.all([call.recording.hears(HUMAN_HZ), rung.recording.hears(CALLER_HZ)]);
});

test('the dialplan names the agent and what it knows, and so does the agent that the call is handed over to', async () => {
  const before = spare.sessions.length;
  const { call, session } = await greeted('7020');
  expect(instructionsOf(session)).toContain('You talk with customer 42.');
  session.callerStarts();
  session.callerStops('I want to pay.');
  session.respond();
  session.call('handover', { to: 'spare', context: 'Wants to pay.' });
  session.done();
  await expect.poll(() => spare.sessions.length).toBe(before + 1);
  const next = spare.session;
  await expect.poll(() => next.of('response.create').length).toBe(1);
  expect(instructionsOf(next)).toContain('Customer 42, gold.');
  expect(JSON.stringify(next.of('response.create'))).toContain('Wants to pay.');
  next.answer('Let us see.', 1000);
  await call.recording.hears(SPARE_HZ);
  const [shown] = await linecard.api.liveCalls();
  expect(shown).toMatchObject({ agent: 'spare' });
  await call.hangUp();
});

test('the example of a Media Streams bot serves an extension', async () => {
  const call = await caller.dial('7012');
  await call.answered();
  call.play(tone(CALLER_HZ));
  await call.recording.hears(CALLER_HZ);
  await call.hangUp();
});

function instructionsOf(session: FakeRealtimeSession): string | undefined {
  return session.of('session.update')[0]?.session.instructions;
}

async function shown(extension: string): Promise<ShownCall | undefined> {
  return (await linecard.api.calls()).find((call) => call.extension === extension);
}

async function greeted(extension: string): Promise<{ call: PhoneCall; session: FakeRealtimeSession }> {
  const before = fake.sessions.length;
  const call = await caller.dial(extension);
  await call.answered();
  await expect.poll(() => fake.sessions.length).toBe(before + 1);
  const { session } = fake;
  await expect.poll(() => session.of('response.create').length).toBe(1);
  session.answer(GREETING, 1000);
  await call.recording.hears(MODEL_HZ);
  await call.recording.hearsSilence();
  return { call, session };
}

async function inMidSentence(call: PhoneCall, session: FakeRealtimeSession): Promise<void> {
  session.callerStarts();
  session.callerStops('Tell me a story.');
  session.respond();
  session.say('Once upon a time there was a telephone.', 10_000, 'half');
  await call.recording.hears(MODEL_HZ);
}
