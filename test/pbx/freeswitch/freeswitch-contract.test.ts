import { afterAll, beforeAll, describe } from 'vitest';
import { findFreePort } from '../../../src/demo/ports.js';
import { FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { CALLERS_EXTENSIONS, makeFreeSwitchRig } from '../../support/freeswitch-rig.js';
import { testPbxContract } from '../../support/pbx-contract.js';

describe.skipIf(FREESWITCH_PREFIX === '')('FreeSWITCH adapter on a real FreeSWITCH', () => {
  let freeswitch: TestFreeSwitch;
  let socketPort: number;
  beforeAll(async () => {
    socketPort = await findFreePort();
    freeswitch = await TestFreeSwitch.start({ socketPort, fallback: '7010', extensions: CALLERS_EXTENSIONS });
  });
  afterAll(() => freeswitch.stop());

  testPbxContract(() => makeFreeSwitchRig(freeswitch, socketPort));
});
