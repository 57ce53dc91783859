import { expect, it } from 'vitest';
import type { Attempted, Refusal } from '../../../src/call/transfer/transfer-machine.js';
import type { Reason } from '../../../src/call/transfer/answer-words.js';
import { relayText, returnText } from '../../../src/call/transfer/transfer-words.js';

const MEETING: Reason = { kind: 'known', text: 'they are in a meeting' };
const CLIENT: Reason = { kind: 'said', text: "Not now, I'm with <a> client" };

function place(refusal: Refusal, reason: Reason | null = null): Attempted {
  return { target: 0, refusal, reason };
}

it.each([
  [[], 'I am sorry, I could not reach Sales.'],
  [[place('noAnswer'), place('busy')], 'I am sorry, Sales is busy right now.'],
  [[place('nobody')], 'I am sorry, nobody picks up at Sales.'],
  [[place('declined')], 'I am sorry, Sales cannot take your call right now.'],
  [
    [place('declined', MEETING), place('noAnswer')],
    'I am sorry, Sales cannot take your call right now: they are in a meeting.',
  ],
  [[place('declined', MEETING), place('cutOff')], 'It seems that you were cut off from Sales, so I am back with you.'],
  [[place('declined', CLIENT)], 'I am sorry, Sales cannot take your call right now.'],
])('a caller whom nobody took is told what fits: %j', (tried, text) => {
  expect(returnText(tried, 'Sales')).toBe(text);
});

it('an agent with words of its own is told what somebody said, who may not have meant the caller to hear it', () => {
  expect(relayText([place('declined', CLIENT), place('busy')], 'Sales', 'message')).toBe(
    'Sales cannot take the call and said: "Not now, I\'m with a client". The caller has not heard it. ' +
      'Tell the caller kindly, in your own words, what of it is meant for them, and offer to take a message.',
  );
  expect(relayText([place('declined', MEETING)], 'Sales', 'agent')).toBeNull();
});
