import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ChannelId } from '../../../src/core/ids.js';
import { Lifeline, playScenarios } from '../../support/esl-scenarios.js';
import { FAKE_PASSWORD, FakeFreeSwitch } from '../../support/fake-freeswitch/fake-freeswitch.js';
import { testConsultContract } from '../../support/consult-contract.js';
import { testPbxContract } from '../../support/pbx-contract.js';
import { makeFakeFreeSwitchRig } from './fake-rig.js';

describe('FreeSWITCH adapter on a fake switch', () => {
  testPbxContract(() => makeFakeFreeSwitchRig());
  testConsultContract(() => makeFakeFreeSwitchRig());
});

describe('FreeSWITCH adapter where the dialplan leaves the answer to us', () => {
  testPbxContract(() => makeFakeFreeSwitchRig(new FakeFreeSwitch({ answers: 'never' })));
});

describe('the fake switch', () => {
  it('says what a real FreeSWITCH said', async () => {
    const file = path.join(import.meta.dirname, '../../fixtures/freeswitch/recording.json');
    const lifeline = await Lifeline.open(0);
    const freeswitch = new FakeFreeSwitch();
    await freeswitch.start();
    freeswitch.socketPort = lifeline.port;
    try {
      const sw = {
        eslPort: freeswitch.esl.port,
        password: FAKE_PASSWORD,
        call: () => Promise.resolve(freeswitch.call('7000')),
        hangUpCaller: (id: ChannelId) => {
          freeswitch.hangUp(id);
          return Promise.resolve();
        },
        pressKey: (id: ChannelId, digit: string) => {
          freeswitch.press(id, digit);
          return Promise.resolve();
        },
      };
      expect(await playScenarios(sw, lifeline)).toEqual(JSON.parse(await readFile(file, 'utf8')));
    } finally {
      await freeswitch.stop();
      await lifeline.close();
    }
  });
});
