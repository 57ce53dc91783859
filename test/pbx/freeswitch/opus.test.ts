import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../src/demo/ports.js';
import { EslClient } from '../../support/esl-client.js';
import { ESL_PASSWORD, FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { startLinecardHere, type LinecardHere } from '../../support/linecard.js';
import { rms, toneShare } from '../../support/phone/recording.js';

const TONE_HZ = 1000;
const WAV_HEADER_BYTES = 44;
const TONE_RMS = 1000;
const WAV_RATE_HZ = 8000;

/** The phone of the tests has no Opus: another FreeSWITCH is the caller. */
describe.skipIf(FREESWITCH_PREFIX === '')('a caller on Opus, on a real FreeSWITCH', () => {
  let caller: TestFreeSwitch;
  let freeswitch: TestFreeSwitch;
  let linecard: LinecardHere;
  let esl: EslClient;

  beforeAll(async () => {
    freeswitch = await TestFreeSwitch.start({ socketPort: await findFreePort(), fallback: '1001' });
    caller = await TestFreeSwitch.start({
      socketPort: await findFreePort(),
      fallback: '1001',
      edit: (xml) => xml.replaceAll('26000', '24000').replaceAll('27999', '25999'),
    });
    esl = await EslClient.connect(caller.eslPort, ESL_PASSWORD);
    const extensions = { '7000': { agent: 'loop', fallback: '1001' } };
    linecard = await startLinecardHere({ config: { pbx: [freeswitch.pbxConfig], extensions } });
  });
  afterAll(async () => {
    await linecard.close();
    esl.close();
    await Promise.all([caller.stop(), freeswitch.stop()]);
  });

  test('is heard and hears the agent, at 48 kHz on the way to it', async () => {
    await linecard.api.ready();
    const file = path.join(caller.runDir, 'storage/heard.wav');
    const variables = 'absolute_codec_string=OPUS,sip_auth_username=1002,sip_auth_password=secret1002';
    const target = `sofia/internal/7000@127.0.0.1:${freeswitch.sipPort}`;
    await esl.ask(`bgapi originate {${variables}}${target} &playback(tone_stream://%(60000,0,${TONE_HZ}))`);
    await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking', sampleRateHz: 48_000 }]);
    const [live] = await linecard.api.liveCalls();
    expect(live?.codec?.toLowerCase()).toBe('opus');
    // The table of channels is written behind the events.
    const firstId = async (): Promise<string | undefined> =>
      (JSON.parse(await esl.api('show channels as json')) as { readonly rows?: { uuid: string }[] }).rows?.[0]?.uuid;
    await expect.poll(firstId).toBeDefined();
    const uuid = (await firstId()) ?? '';
    await esl.api(`uuid_setvar ${uuid} RECORD_READ_ONLY true`);
    await esl.api(`uuid_record ${uuid} start ${file} 2`);
    const heard = async (): Promise<boolean> => {
      const bytes = await readFile(file).catch(() => Buffer.alloc(0));
      const last = Uint8Array.from(bytes.subarray(WAV_HEADER_BYTES)).slice(-WAV_RATE_HZ);
      const samples = new Int16Array(last.buffer, 0, last.length >> 1);
      return rms(samples) > TONE_RMS && toneShare(samples, TONE_HZ, wavRateHz(bytes)) > 0.5;
    };
    await expect.poll(heard, { timeout: 10_000 }).toBe(true);
    await esl.api('hupall');
    await expect.poll(() => linecard.api.liveCalls()).toEqual([]);
  });
});

/** Of the format chunk; 8 kHz while there is none. */
function wavRateHz(bytes: Buffer): number {
  return bytes.length < WAV_HEADER_BYTES ? WAV_RATE_HZ : bytes.readUInt32LE(24);
}
