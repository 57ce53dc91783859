import { afterAll, beforeAll, describe } from 'vitest';
import { findFreePort } from '../../../src/demo/ports.js';
import { FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { CALLERS_EXTENSIONS, makeFreeSwitchRig } from '../../support/freeswitch-rig.js';
import { testConsultContract } from '../../support/consult-contract.js';
import { testPbxContract } from '../../support/pbx-contract.js';

describe.skipIf(FREESWITCH_PREFIX === '').each([
  { what: 'whose dialplan answers', answers: 'first' },
  { what: 'whose dialplan leaves the answer to us', answers: 'never' },
] as const)('FreeSWITCH adapter on a real FreeSWITCH $what', ({ answers }) => {
  let freeswitch: TestFreeSwitch;
  let socketPort: number;
  beforeAll(async () => {
    socketPort = await findFreePort();
    const plan = { socketPort, answers, fallback: '7010', extensions: CALLERS_EXTENSIONS };
    freeswitch = await TestFreeSwitch.start(plan);
  });
  afterAll(() => freeswitch.stop());

  testPbxContract(() => makeFreeSwitchRig(freeswitch, socketPort));
  testConsultContract(() => makeFreeSwitchRig(freeswitch, socketPort));
});
