import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { foregroundClock } from '../../../src/core/clock.js';
import { silentLogger } from '../../../src/core/logger.js';
import { findFreePort } from '../../../src/demo/ports.js';
import { Synthesizer } from '../../../src/speech/synthesizer.js';
import { FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { startLinecardProcess, type LinecardProcess } from '../../support/linecard.js';
import { Phone } from '../../support/phone/phone.js';
import type { PhoneCall } from '../../support/phone/phone-call.js';
import { rms } from '../../support/phone/recording.js';
import { once, tone } from '../../support/phone/sources.js';

const SPEECH_RMS = 200;
const ANNOUNCEMENT_LIMIT_MS = 25_000;

/** What the attendant does is tested on Asterisk; here that it does it on a FreeSWITCH, too. */
describe.skipIf(FREESWITCH_PREFIX === '')('the attendant on a real FreeSWITCH', () => {
  let freeswitch: TestFreeSwitch;
  let linecard: LinecardProcess;
  let synthesizer: Synthesizer;
  let phones: Phone[] = [];

  beforeAll(async () => {
    synthesizer = new Synthesizer({ clock: foregroundClock, log: silentLogger });
    freeswitch = await TestFreeSwitch.start({ socketPort: await findFreePort(), fallback: '1001' });
    const receptionist = { provider: 'embedded', greeting: 'Thank you for calling Acme.' };
    linecard = await startLinecardProcess({
      config: {
        pbx: [freeswitch.pbxConfig],
        agents: { receptionist },
        extensions: { '7000': { agent: 'receptionist', fallback: '1001' } },
        destinations: { sales: { dial: '1001', label: 'Sales', mode: 'blind' } },
      },
    });
  });
  afterEach(async () => {
    await Promise.all(phones.map((phone) => phone.close()));
    phones = [];
    await expect.poll(() => linecard.api.liveCalls(), { timeout: 15_000 }).toEqual([]);
  });
  afterAll(async () => {
    await linecard.close();
    await Promise.all([freeswitch.stop(), synthesizer.close()]);
  });

  test('greets at once, and a key connects in the middle of the greeting', async () => {
    const human = await open('1001');
    const call = await greeted();
    const [answeredAtMs, heardAtMs] = [call.answeredAtMs ?? NaN, audibleAtMs(call) ?? NaN];
    const answerMs = Math.round(answeredAtMs - call.invitedAtMs);
    const greetingMs = Math.round(heardAtMs - answeredAtMs);
    process.stdout.write(`${JSON.stringify({ bench: 'freeswitch first-audio', answerMs, greetingMs })}\n`);
    await call.sendDigits('1');
    const rung = await human.rung(ANNOUNCEMENT_LIMIT_MS);
    rung.play(tone(440));
    await call.recording.hears(440);
    await expect
      .poll(async () => (await linecard.api.calls())[0]?.outcome)
      .toMatchObject({ result: 'transferred', fault: 'none' });
  });

  test('speech stops the agent', async () => {
    const call = await greeted();
    await call.recording.receives(100);
    const onsetAtMs = await say(call, 'what are your opening hours');
    const quietAtMs = firstQuietAtMs(call, onsetAtMs);
    process.stdout.write(
      `${JSON.stringify({ bench: 'freeswitch barge-in', ms: Math.round(quietAtMs - onsetAtMs) })}\n`,
    );
    expect(quietAtMs).toBeLessThan(performance.now() - 300);
  });

  test('a message is kept, with its sound', async () => {
    const call = await greeted();
    await call.sendDigits('9');
    await call.recording.receives(50);
    await call.recording.hearsSilence(ANNOUNCEMENT_LIMIT_MS);
    await say(call, 'this is the caller, please call me back tomorrow');
    await call.hangUp();
    const messages = async (): Promise<readonly { readonly caller: { readonly number: string } }[]> =>
      ((await (await linecard.api.fetch('GET', '/v1/messages')).json()) as { messages: [] }).messages;
    await expect.poll(messages, { timeout: 15_000 }).toMatchObject([{ caller: { number: '1002' } }]);
  });

  async function open(user: string): Promise<Phone> {
    const server = { host: '127.0.0.1', port: freeswitch.sipPort };
    const phone = await Phone.open({ server, user, password: `secret${user}`, codecs: ['PCMU'] });
    phones.push(phone);
    await phone.register();
    return phone;
  }

  /** The agent is speaking. */
  async function greeted(): Promise<PhoneCall> {
    const phone = await open('1002');
    await linecard.api.ready();
    const call = await phone.dial('7000');
    await call.answered();
    await expect.poll(() => audibleAtMs(call), { timeout: 15_000, interval: 10 }).not.toBeNull();
    return call;
  }

  /** Speaks through the phone; resolves with when it began. */
  async function say(call: PhoneCall, text: string): Promise<number> {
    const { pcm } = await synthesizer.speak(text, 'rms');
    const startedAtMs = performance.now();
    await new Promise<void>((resolve) => call.play(once(pcm, resolve)));
    return startedAtMs;
  }
});

function audibleAtMs(call: PhoneCall): number | null {
  return call.recording.packets.find((packet) => rms(packet.samples) > SPEECH_RMS)?.atMs ?? null;
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
