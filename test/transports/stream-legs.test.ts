import { describe } from 'vitest';
import { testStreamLegContract } from '../support/stream-leg-contract.js';
import { audioSocketRig, unicastRig, webSocketRig } from '../support/stream-leg-rigs.js';

describe.each([8000, 16_000] as const)('AudioSocket at %i Hz', (rateHz) => {
  testStreamLegContract(() => audioSocketRig(rateHz));
});

describe.each([
  [8000, 20],
  [8000, 30],
  [16_000, 10],
  [48_000, 60],
])('unicast at %i Hz, %i ms a datagram', (rateHz, ptimeMs) => {
  testStreamLegContract(() => unicastRig(rateHz, ptimeMs));
});

describe('a client on a WebSocket', () => {
  testStreamLegContract(webSocketRig);
});
