import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { foregroundClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { findFreePort } from '../../src/demo/ports.js';
import { Synthesizer } from '../../src/speech/synthesizer.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardProcess, type LinecardProcess } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import { rms, SAMPLE_RATE_HZ } from '../support/phone/recording.js';
import { once, tone } from '../support/phone/sources.js';

/** The agent's own voice is slt; the callers have another. */
const CALLERS_VOICE = 'rms';
const SPEECH_RMS = 200;
/** A line without any sound is a fault, and complained of. */
const ROOM_LEVEL = 30;
/** Less is nothing but the codec's noise. */
const SILENCE_RMS = 30;
/** Music has quiet passages, and speech has pauses. */
const SILENCE_LIMIT_MS = 2500;
/** An announcement of some sentences, with the pauses between them. */
const ANNOUNCEMENT_LIMIT_MS = 25_000;

const GREETING = [
  'Thank you for calling Acme.',
  'Please say who you would like to speak to, or press a key.',
  'For Sales, press 1.',
];

const CONFIG = {
  agents: {
    receptionist: {
      provider: 'embedded',
      greeting: GREETING[0],
      tools: ['transfer', 'take_message', 'hours', 'hangup'],
    },
    loop: { provider: 'echo' },
  },
  extensions: { '7000': { agent: 'receptionist', fallback: '6002' } },
  destinations: {
    sales: { dial: '6002', label: 'Sales' },
    accounts: { dial: '6002', then: ['6003'], otherwise: 'message', label: 'Accounts', mode: 'warm' },
  },
  hours: {
    timezone: 'UTC',
    open: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '00:00', to: '24:00' }],
    override: { dial: '*28' },
  },
};

let asterisk: TestAsterisk;
let linecard: LinecardProcess;
let synthesizer: Synthesizer;
let phones: Phone[] = [];

beforeAll(async () => {
  synthesizer = new Synthesizer({ clock: foregroundClock, log: silentLogger });
  asterisk = await startAsterisk({
    audiosocket: `127.0.0.1:${await findFreePort()}`,
    phones: ['6001', '6002', '6003'].map((number) => ({ number, password: `secret${number}`, label: number })),
  });
  linecard = await startLinecardProcess({ asterisk, config: CONFIG });
});
afterEach(async () => {
  await Promise.all(phones.map((phone) => phone.close()));
  phones = [];
  await expectNothingLeft(asterisk);
  await expect.poll(() => linecard.api.liveCalls(), { timeout: 15_000 }).toEqual([]);
  expect(linecard.takeComplaints()).toEqual([]);
});
afterAll(async () => {
  await linecard.close();
  await Promise.all([asterisk.stop(), synthesizer.close()]);
});

test('greets within the first moments of the call', async () => {
  const call = await greeted();
  await call.hangUp();
  const answeredAtMs = call.answeredAtMs ?? NaN;
  const answerMs = Math.round(answeredAtMs - call.invitedAtMs);
  const greetingMs = Math.round((audibleAtMs(call, answeredAtMs) ?? NaN) - answeredAtMs);
  process.stdout.write(`${JSON.stringify({ bench: 'first-audio', answerMs, greetingMs })}\n`);
});

test('"Connect me with Sales" and a yes rings the phone there, and the two talk', async () => {
  const human = await openPhone('6002', 'ring');
  const call = await greeted();
  await say(call, 'connect me with sales please');
  await agentSaid(call, 'Is that right?');
  await say(call, 'yes please');
  const rung = await human.rung(ANNOUNCEMENT_LIMIT_MS);
  expect(rung.callerNumber).toBe('6001');
  rung.answer();
  call.play(tone(1000));
  rung.play(tone(440));
  await Promise.all([rung.recording.hears(1000), call.recording.hears(440)]);
  await expect
    .poll(async () => (await linecard.api.calls())[0]?.outcome)
    .toMatchObject({ result: 'transferred', fault: 'none' });
  const callersWords = (await turns()).filter(({ who }) => who === 'caller').map(({ text }) => text);
  expect(callersWords[0]).toMatch(/^connect me with (the )?sales please$/);
  expect(callersWords.slice(1)).toEqual(['yes please']);
  await rung.hangUp();
  await call.ends();
});

test('a key connects at once, in the middle of the greeting', async () => {
  const human = await openPhone('6002', 'answer');
  const call = await greeted();
  await call.sendDigits('1');
  const rung = await human.rung(ANNOUNCEMENT_LIMIT_MS);
  rung.play(tone(440));
  await call.recording.hears(440);
});

test('tells the hours', async () => {
  const call = await greeted();
  await say(call, 'what are your opening hours');
  await agentSaid(call, 'We are open now.');
});

test('speech stops the agent, and the transcript ends where the caller stopped hearing it', async () => {
  const call = await greeted();
  await call.recording.receives(130); // in the middle of the second sentence
  const onsetAtMs = await say(call, 'what are your opening hours');
  await agentSaid(call, 'We are open now.');
  const cut = (await turns()).find(({ interrupted }) => interrupted);
  const whole = GREETING.find((sentence) => sentence.startsWith(cut?.text ?? '?'));
  expect(whole, JSON.stringify(await turns())).toBeDefined();
  expect(cut?.text).not.toBe(whole);
  const quietAtMs = firstQuietAtMs(call, onsetAtMs);
  process.stdout.write(`${JSON.stringify({ bench: 'barge-in', ms: Math.round(quietAtMs - onsetAtMs) })}\n`);
});

test(
  'nobody takes the call: a spoken reason, a phone that is busy, and then a message that is kept, with its sound',
  { timeout: 120_000 },
  async () => {
    const [human] = [await openPhone('6002', 'answer'), await openPhone('6003', 486)];
    const call = await greeted();
    call.play(tone(100, ROOM_LEVEL));
    await call.sendDigits('2');
    const person = await human.rung(ANNOUNCEMENT_LIMIT_MS);
    const askedAtMs = performance.now();
    await person.recording.hearsSilence(ANNOUNCEMENT_LIMIT_MS);
    const { pcm } = await synthesizer.speak("no, I'm in a meeting", CALLERS_VOICE);
    // Answers count from the question on: said again, should that have been a pause in front of it.
    await expect
      .poll(
        () => {
          if (person.state === 'talking') person.play(once(pcm));
          return person.state;
        },
        { interval: 5000, timeout: ANNOUNCEMENT_LIMIT_MS },
      )
      .toBe('ended');
    await agentSaid(call, 'I am sorry, Accounts cannot take your call right now: they are in a meeting.');
    await agentSaid(call, 'wait.');
    expect(longestSilenceMs(call, askedAtMs, performance.now())).toBeLessThan(SILENCE_LIMIT_MS);
    await call.recording.hearsSilence(ANNOUNCEMENT_LIMIT_MS); // the tone is over
    await say(call, 'this is the caller, please call me back tomorrow');
    await call.hangUp();
    await expect.poll(messages, { timeout: 15_000 }).toHaveLength(1);
    const [message] = await messages();
    expect(message).toMatchObject({ caller: { number: '6001' } });
    const wav = Buffer.from(await (await linecard.api.fetch('GET', message!.audioUrl)).arrayBuffer());
    expect(wav.toString('latin1', 0, 4)).toBe('RIFF');
    const kept = new Int16Array(wav.buffer.slice(wav.byteOffset + 44));
    expect(kept.length / SAMPLE_RATE_HZ).toBeGreaterThan(2);
    expect(rms(kept)).toBeGreaterThan(SPEECH_RMS);
  },
);

test('three wrong keys bring a person', async () => {
  const human = await openPhone('6002', 'answer');
  const call = await greeted();
  for (const key of ['5', '5', '5']) {
    await call.sendDigits(key);
    await call.recording.receives(50);
  }
  const rung = await human.rung(ANNOUNCEMENT_LIMIT_MS);
  rung.play(tone(440));
  await call.recording.hears(440);
});

// The last one: the office stays closed.
test('a phone of the house dials the night switch, hears that the office is closed now, and is hung up', async () => {
  await linecard.api.ready();
  const call = await (await openPhone('6001')).dial('*28');
  await call.answered();
  await hearsSpeech(call);
  await call.ends(ANNOUNCEMENT_LIMIT_MS);
  const answer = await (await linecard.api.fetch('GET', '/v1/schedules/hours')).json();
  expect(answer).toMatchObject({ state: 'closed', cause: 'override' });
});

async function openPhone(user: string, incoming: 'answer' | 'ring' | 486 = 'answer'): Promise<Phone> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  const phone = await Phone.open({ server, user, password: `secret${user}`, codecs: ['PCMU'], incoming });
  phones.push(phone);
  await phone.register();
  return phone;
}

async function dial(): Promise<PhoneCall> {
  const phone = await openPhone('6001');
  await linecard.api.ready();
  return phone.dial('7000');
}

/** The agent is speaking; a key or a word interrupts it. */
async function greeted(): Promise<PhoneCall> {
  const call = await dial();
  await call.answered();
  await hearsSpeech(call);
  return call;
}

/** Speaks through the phone; resolves with when the first sound went out. */
async function say(call: PhoneCall, text: string): Promise<number> {
  const { pcm } = await synthesizer.speak(text, CALLERS_VOICE);
  const lead = pcm.findIndex((sample) => Math.abs(sample) > 500);
  const startedAtMs = performance.now();
  await new Promise<void>((resolve) => call.play(once(pcm, resolve)));
  return startedAtMs + (1000 * lead) / SAMPLE_RATE_HZ;
}

async function hearsSpeech(call: PhoneCall): Promise<void> {
  await expect.poll(() => audibleAtMs(call, 0), { timeout: 15_000, interval: 10 }).not.toBeNull();
}

function audibleAtMs(call: PhoneCall, fromMs: number): number | null {
  return call.recording.between(fromMs).find((packet) => rms(packet.samples) > SPEECH_RMS)?.atMs ?? null;
}

/** The end of the last sound before 300 ms of quiet. */
function firstQuietAtMs(call: PhoneCall, fromMs: number): number {
  let lastLoudAtMs = fromMs;
  for (const { atMs, samples } of call.recording.between(fromMs)) {
    if (atMs - lastLoudAtMs > 300) break;
    if (rms(samples) > SPEECH_RMS) lastLoudAtMs = atMs;
  }
  return lastLoudAtMs;
}

/** The longest time in which nothing was to be heard, or nothing came. */
function longestSilenceMs({ recording }: PhoneCall, fromMs: number, toMs: number): number {
  let [longestMs, lastLoudAtMs] = [0, fromMs];
  for (const { atMs, samples } of recording.between(fromMs, toMs)) {
    if (rms(samples) < SILENCE_RMS) continue;
    longestMs = Math.max(longestMs, atMs - lastLoudAtMs);
    lastLoudAtMs = atMs;
  }
  return Math.max(longestMs, toMs - lastLoudAtMs);
}

type ShownTurn = { readonly who: string; readonly text: string; readonly interrupted: boolean };

async function turns(): Promise<readonly ShownTurn[]> {
  const [call] = (await linecard.api.calls()) as unknown as { readonly turns: readonly ShownTurn[] }[];
  return call?.turns ?? [];
}

/** Something that the caller has heard to its end. */
async function agentSaid(call: PhoneCall, text: string): Promise<void> {
  await expect
    .poll(
      async () => {
        if (call.state === 'ended') throw new Error('the call has ended');
        return (await turns()).filter(({ who }) => who === 'agent').map((turn) => turn.text);
      },
      { timeout: ANNOUNCEMENT_LIMIT_MS, interval: 50 },
    )
    .toContainEqual(expect.stringContaining(text));
}

type ShownMessage = { readonly audioUrl: string };

async function messages(): Promise<ShownMessage[]> {
  const answer = (await (await linecard.api.fetch('GET', '/v1/messages')).json()) as { messages: ShownMessage[] };
  return answer.messages;
}
