import { describe } from 'vitest';
import { testPbxContract } from '../support/pbx-contract.js';
import { makeFakeRig } from './fake-rig.js';

describe('Asterisk adapter on a fake ARI', () => {
  testPbxContract(makeFakeRig);
});
