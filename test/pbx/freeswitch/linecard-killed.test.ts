import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../src/demo/ports.js';
import { EslClient } from '../../support/esl-client.js';
import { ESL_PASSWORD, FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { startLinecardProcess, type LinecardProcess } from '../../support/linecard.js';
import { Phone } from '../../support/phone/phone.js';
import type { PhoneCall } from '../../support/phone/phone-call.js';
import { tone } from '../../support/phone/sources.js';

/** The human is rung so soon after whatever happens to Linecard. */
const HUMAN_LIMIT_MS = 2000;
/** Parked callers have an agent again so soon, or a human. */
const ADOPTION_LIMIT_MS = 5000;

describe.skipIf(FREESWITCH_PREFIX === '')('Linecard dies, on a real FreeSWITCH', () => {
  let freeswitch: TestFreeSwitch;
  let esl: EslClient;
  let linecard: LinecardProcess;
  let human: Phone;
  let caller: Phone;

  beforeAll(async () => {
    freeswitch = await TestFreeSwitch.start({ socketPort: await findFreePort(), fallback: '1001' });
    esl = await EslClient.connect(freeswitch.eslPort, ESL_PASSWORD);
  });
  beforeEach(async () => {
    const server = { host: '127.0.0.1', port: freeswitch.sipPort };
    human = await Phone.open({ server, user: '1001', password: 'secret1001' });
    caller = await Phone.open({ server, user: '1002', password: 'secret1002' });
    await Promise.all([human.register(), caller.register()]);
    linecard = await start();
  });
  afterEach(async () => {
    await Promise.all([human.close(), caller.close()]);
    await linecard.close();
    const count = async (): Promise<string> => /^(\d+) session\(s\) - peak/m.exec(await esl.api('status'))?.[1] ?? '';
    await expect.poll(count, { timeout: 15_000, interval: 50 }).toBe('0');
  });
  afterAll(async () => {
    esl.close();
    await freeswitch.stop();
  });

  function start(): Promise<LinecardProcess> {
    const extensions = { '7000': { agent: 'loop', fallback: '1001' } };
    return startLinecardProcess({ config: { pbx: [freeswitch.pbxConfig], extensions } });
  }

  async function talk(): Promise<PhoneCall> {
    const call = await caller.dial('7000');
    await call.answered();
    call.play(tone(1000));
    await call.recording.hears(1000);
    return call;
  }

  async function talksWithHuman(call: PhoneCall): Promise<void> {
    const rung = await human.rung(20_000);
    expect(rung.callerNumber).toBe('1002');
    rung.play(tone(440));
    await Promise.all([rung.recording.hears(1000), call.recording.hears(440)]);
  }

  test('kill -9 in the middle of a call: the human is rung within two seconds', async () => {
    const call = await talk();
    await linecard.kill();
    const killedAtMs = performance.now();
    await human.rung();
    const tookMs = performance.now() - killedAtMs;
    expect(tookMs).toBeLessThan(HUMAN_LIMIT_MS);
    console.log(JSON.stringify({ name: 'freeswitch-killed-human-rung', value: Math.round(tookMs), unit: 'ms' }));
    human.calls[0]?.play(tone(440));
    await call.recording.hears(440);
  });

  test('killed before the call: the human is rung within two seconds', async () => {
    await linecard.kill();
    const call = await caller.dial('7000');
    call.play(tone(1000));
    await talksWithHuman(call);
    const rungAtMs = human.calls[0]?.invitedAtMs ?? Infinity;
    expect(rungAtMs - call.invitedAtMs).toBeLessThan(HUMAN_LIMIT_MS);
    console.log(
      JSON.stringify({
        name: 'freeswitch-away-human-rung',
        value: Math.round(rungAtMs - call.invitedAtMs),
        unit: 'ms',
      }),
    );
  });

  test('ended in order in the middle of a call: the caller talks with the human', async () => {
    const call = await talk();
    const closed = linecard.close();
    await talksWithHuman(call);
    await closed;
  });

  test('a caller who was parked when it died is taken up by the next process', async () => {
    const call = await talk();
    const [channel] = (JSON.parse(await esl.api('show channels as json')) as { rows: { uuid: string }[] }).rows;
    // As a leg that is lost in mid-call is parked anew: out of the dialplan's `socket`.
    await esl.api(`uuid_park ${channel!.uuid}`);
    await call.recording.hears(1000);
    await linecard.kill();
    const killedAtMs = performance.now();
    linecard = await start();
    const startedAtMs = performance.now();
    await call.recording.hears(1000, ADOPTION_LIMIT_MS);
    const tookMs = performance.now() - startedAtMs;
    console.log(
      JSON.stringify({
        name: 'freeswitch-parked-adopted',
        value: Math.round(tookMs),
        unit: 'ms after ready',
        sinceKill: Math.round(performance.now() - killedAtMs),
      }),
    );
    await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ extension: '7000', state: 'talking' }]);
  });
});
