import { describe } from 'vitest';
import { testConsultContract } from '../support/consult-contract.js';
import { testPbxContract } from '../support/pbx-contract.js';
import { makeFakeRig } from './fake-rig.js';

describe('Asterisk adapter on a fake ARI', () => {
  testPbxContract(makeFakeRig);
});

describe('Asterisk adapter on a fake ARI, with people', () => {
  testConsultContract(makeFakeRig);
});
