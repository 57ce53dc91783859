import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../../src/core/units.js';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import { rms, toneShare } from '../support/phone/recording.js';
import { tone } from '../support/phone/sources.js';
import { WebRtcVisitor } from '../support/webrtc-visitor.js';

/** Each party's own tone; the agent is an echo. */
const VISITOR_HZ = 600;
const PERSON_HZ = 1000;
const TOKEN = 'token-of-the-tests';

let asterisk: TestAsterisk;
let linecard: LinecardHere;
let phone: Phone;
let visitor: WebRtcVisitor;
let speaking: NodeJS.Timeout;

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
  linecard = await startLinecardHere({
    asterisk,
    config: {
      destinations: { sales: { dial: '6002', label: 'Sales', mode: 'warm', ringSeconds: 10 } },
      transfers: { graceSeconds: 1, maxPerCall: 10 },
      webrtc: { enabled: true, context: 'linecard-demo' },
    },
  });
}, 300_000);

afterEach(async () => {
  clearInterval(speaking);
  for (const { id } of await linecard.api.liveCalls()) await linecard.api.hangUp(id);
  await visitor.close();
  await phone.close();
  await expectNothingLeft(asterisk);
  await expect.poll(() => linecard.api.liveCalls(), { timeout: 15_000 }).toEqual([]);
});

afterAll(async () => {
  await linecard.close();
  await asterisk.stop();
});

/** A browser's call as its page makes it, without a page. */
async function visit(): Promise<string> {
  await expect.poll(async () => (await linecard.api.fetch('GET', '/readyz')).status, { timeout: 20_000 }).toBe(200);
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  phone = await Phone.open({ server, user: '6002', password: 'secret6002', incoming: 'ring' });
  await phone.register();
  visitor = await WebRtcVisitor.open();
  const answer = await fetch(`${linecard.api.url}/v1/webrtc/loop`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/sdp' },
    body: await visitor.offer(),
  });
  expect(answer.status).toBe(201);
  await visitor.take(await answer.text());
  let at = 0;
  const startedAtMs = performance.now();
  speaking = setInterval(() => {
    while (at * FRAME_MS < performance.now() - startedAtMs) {
      visitor.speak(
        Int16Array.from({ length: FRAME_SAMPLES }, (_, i) =>
          Math.round(6000 * Math.sin((2 * Math.PI * VISITOR_HZ * (at * FRAME_SAMPLES + i)) / SAMPLE_RATE_HZ)),
        ),
      );
      at += 1;
    }
  }, FRAME_MS / 2);
  await visitorHears(VISITOR_HZ);
  return new URL(answer.headers.get('location') ?? '', linecard.api.url).href;
}

/** What the visitor heard of late: 16 kHz, half a second. */
function heardOfLate(): Int16Array {
  const frames = visitor.heard.slice(-25);
  const whole = new Int16Array(frames.length * FRAME_SAMPLES);
  for (const [i, frame] of frames.entries()) whole.set(frame, i * FRAME_SAMPLES);
  return whole;
}

function visitorHears(hz: number): Promise<void> {
  return vi.waitFor(
    () => {
      const samples = heardOfLate();
      const share = toneShare(samples, hz, SAMPLE_RATE_HZ);
      if (samples.length < 6000 || rms(samples) < 300 || share < 0.6) {
        throw new Error(`${samples.length} samples, ${rms(samples)} RMS, share ${share}`);
      }
    },
    { timeout: 10_000, interval: 50 },
  );
}

async function transfer(mode: 'warm' | 'blind'): Promise<void> {
  const [live] = await linecard.api.liveCalls();
  const response = await linecard.api.fetch('POST', `/v1/calls/${live?.id}/transfer`, { to: 'sales', mode });
  expect(await response.json()).toMatchObject({ id: live?.id });
}

test('a visitor of the page waits with music, is announced at a desk phone, and the two talk', async () => {
  await visit();
  await transfer('warm');
  const person = await phone.rung();
  await vi.waitFor(
    () => {
      const samples = heardOfLate();
      const loudness = rms(samples);
      if (loudness < 100 || toneShare(samples, VISITOR_HZ, SAMPLE_RATE_HZ) > 0.3)
        throw new Error(`no music: ${loudness} RMS`);
    },
    { timeout: 15_000, interval: 50 },
  );
  person.answer();
  await person.answered();
  person.play(tone(PERSON_HZ));
  await person.recording.hears(PERSON_HZ, 300).then(
    () => expect.fail('the person hears themselves'),
    () => undefined,
  );
  expect(toneShare(heardOfLate(), PERSON_HZ, SAMPLE_RATE_HZ)).toBeLessThan(0.2);
  void Promise.allSettled([person.sendDigits('1')]);
  await Promise.all([visitorHears(PERSON_HZ), person.recording.hears(VISITOR_HZ)]);
  // After the grace time as well.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await Promise.all([visitorHears(PERSON_HZ), person.recording.hears(VISITOR_HZ)]);
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'connected' }]);
  await person.hangUp();
  await expect
    .poll(async () => (await linecard.api.calls())[0]?.outcome?.result, { timeout: 15_000 })
    .toBe('transferred');
});

test('a visitor is put through at once, and the phone is hung up when the page is closed', async () => {
  const location = await visit();
  await transfer('blind');
  const person = await phone.rung();
  person.answer();
  await person.answered();
  person.play(tone(PERSON_HZ));
  await Promise.all([visitorHears(PERSON_HZ), person.recording.hears(VISITOR_HZ)]);
  await fetch(location, { method: 'DELETE' });
  await person.ends();
});

test('a visitor whom nobody takes is back with the agent', async () => {
  await visit();
  await transfer('warm');
  const person = await phone.rung();
  person.reject(486);
  await visitorHears(VISITOR_HZ);
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
});
