import { expect, it } from 'vitest';
import type { Attempted, Refusal } from '../../../src/call/transfer/transfer-machine.js';
import { returnText } from '../../../src/call/transfer/transfer-words.js';

function place(refusal: Refusal, reason: string | null = null): Attempted {
  return { target: 0, refusal, reason };
}

it.each([
  [[], 'I am sorry, I could not reach Sales.'],
  [[place('noAnswer'), place('busy')], 'I am sorry, Sales is busy right now.'],
  [[place('nobody')], 'I am sorry, nobody picks up at Sales.'],
  [[place('declined')], 'I am sorry, Sales cannot take your call right now.'],
  [
    [place('declined', 'they are in a meeting'), place('noAnswer')],
    'I am sorry, Sales cannot take your call right now: they are in a meeting.',
  ],
  [
    [place('declined', 'they are in a meeting'), place('cutOff')],
    'It seems that you were cut off from Sales, so I am back with you.',
  ],
])('a caller whom nobody took is told what fits: %j', (tried, text) => {
  expect(returnText(tried, 'Sales')).toBe(text);
});
