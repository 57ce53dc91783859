import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../src/demo/ports.js';
import { EslClient } from '../../support/esl-client.js';
import { ESL_PASSWORD, FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { startLinecardHere, type LinecardHere } from '../../support/linecard.js';
import { Phone } from '../../support/phone/phone.js';
import type { PhoneCall } from '../../support/phone/phone-call.js';
import { tone } from '../../support/phone/sources.js';

const CALLER_HZ = 1000;
const HUMAN_HZ = 440;
const PATIENCE_MS = 10_000;
/** A range of two pairs for the call whose ports are taken. */
const FEW_PORTS = [27_900, 27_903] as const;

describe.skipIf(FREESWITCH_PREFIX === '')('a real FreeSWITCH that restarts, or loses the audio', () => {
  let freeswitch: TestFreeSwitch;
  let linecard: LinecardHere;
  let phones: Phone[] = [];
  const taken: Socket[] = [];

  beforeAll(async () => {
    freeswitch = await TestFreeSwitch.start({ socketPort: await findFreePort(), fallback: '1001' });
    linecard = await start();
  });
  afterEach(async () => {
    await Promise.all(phones.map((phone) => phone.close()));
    phones = [];
    for (const socket of taken.splice(0)) socket.close();
    await expect.poll(() => linecard.api.liveCalls()).toEqual([]);
  });
  afterAll(async () => {
    await linecard.close();
    await freeswitch.stop();
  });

  function start(more: Readonly<Record<string, unknown>> = {}): Promise<LinecardHere> {
    const extensions = { '7000': { agent: 'loop', fallback: '1001' } };
    return startLinecardHere({ config: { pbx: [{ ...freeswitch.pbxConfig, ...more }], extensions } });
  }

  async function open(user: string): Promise<Phone> {
    const server = { host: '127.0.0.1', port: freeswitch.sipPort };
    const phone = await Phone.open({ server, user, password: `secret${user}` });
    phones.push(phone);
    await phone.register();
    return phone;
  }

  async function talk(): Promise<PhoneCall> {
    await linecard.api.ready();
    const call = await (await open('1002')).dial('7000');
    await call.answered();
    call.play(tone(CALLER_HZ));
    await call.recording.hears(CALLER_HZ, PATIENCE_MS);
    return call;
  }

  test('it is killed in the middle of a call: the call failed by the PBX, and the next one is served', async () => {
    await talk();
    const killedAtMs = performance.now();
    await freeswitch.restart();
    await expect
      .poll(async () => (await linecard.api.calls())[0]?.outcome)
      .toMatchObject({ result: 'failed', fault: 'pbx' });
    await linecard.api.ready();
    console.log(
      JSON.stringify({
        name: 'freeswitch-restarted-ready',
        value: Math.round(performance.now() - killedAtMs),
        unit: 'ms',
      }),
    );
    const next = await talk();
    await next.hangUp();
  });

  test('it restarts while Linecard is away', async () => {
    await linecard.close();
    await freeswitch.restart();
    linecard = await start();
    const call = await talk();
    await call.hangUp();
  });

  test('something of the PBX ends the unicast in the middle of a call: the audio is connected again', async () => {
    const call = await talk();
    const esl = await EslClient.connect(freeswitch.eslPort, ESL_PASSWORD);
    const [channel] = (JSON.parse(await esl.api('show channels as json')) as { rows: { uuid: string }[] }).rows;
    await esl.api(`uuid_broadcast ${channel?.uuid} tone_stream://%(2000,0,${HUMAN_HZ}) aleg`);
    esl.close();
    await expect
      .poll(() => linecard.takeComplaints().join(), { timeout: PATIENCE_MS })
      .toContain('audio connection lost, opening another');
    await call.recording.hears(CALLER_HZ, PATIENCE_MS);
    await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
    await call.hangUp();
  });

  test('no audio can come, since the ports of its end are taken: the human is rung', async () => {
    await linecard.close();
    linecard = await start({ unicast: { host: '127.0.0.1', ports: [...FEW_PORTS] } });
    for (const port of [FEW_PORTS[0] + 1, FEW_PORTS[0] + 3]) {
      const socket = createSocket('udp4').bind(port, '127.0.0.1');
      await once(socket, 'listening');
      taken.push(socket);
    }
    await linecard.api.ready();
    const human = await open('1001');
    const call = await (await open('1002')).dial('7000');
    const rung = await human.rung(PATIENCE_MS);
    await call.answered();
    rung.play(tone(HUMAN_HZ));
    await call.recording.hears(HUMAN_HZ, PATIENCE_MS);
    await call.hangUp();
  });
});
