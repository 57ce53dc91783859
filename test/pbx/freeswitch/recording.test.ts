import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { EslClient } from '../../support/esl-client.js';
import { Lifeline, playScenarios } from '../../support/esl-scenarios.js';
import { ESL_PASSWORD, FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { CALLERS_EXTENSIONS, loopbackCallers } from '../../support/freeswitch-rig.js';

const RECORDING = path.join(import.meta.dirname, '../../fixtures/freeswitch/recording.json');

describe.skipIf(FREESWITCH_PREFIX === '')('what the fake switch of the tests is held to', () => {
  test('is what a real FreeSWITCH says', async () => {
    const lifeline = await Lifeline.open(0);
    const freeswitch = await TestFreeSwitch.start({
      socketPort: lifeline.port,
      fallback: '7010',
      extensions: CALLERS_EXTENSIONS,
    });
    const esl = await EslClient.connect(freeswitch.eslPort, ESL_PASSWORD);
    try {
      const callers = loopbackCallers(esl);
      const sw = { ...callers, call: () => callers.call(7000), eslPort: freeswitch.eslPort, password: ESL_PASSWORD };
      const transcript = await playScenarios(sw, lifeline);
      await expect(`${JSON.stringify(transcript, null, 2)}\n`).toMatchFileSnapshot(RECORDING);
    } finally {
      esl.close();
      await freeswitch.stop();
      await lifeline.close();
    }
  });
});
