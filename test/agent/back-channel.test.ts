import { describe, expect, it } from 'vitest';
import { isBackChannel } from '../../src/agent/back-channel.js';

describe('the sounds of a listener', () => {
  it.each([
    'Mm-hm.',
    'mhm',
    'Mmhmm',
    'Hmm.',
    'Uh-huh.',
    'aha',
    'Oh.',
    'Mm, mm-hmm.',
    'Okay.',
    'yeah, right',
    'I see.',
    'Yes, yes.',
  ])('are heard in %s', (text) => {
    expect(isBackChannel(text)).toBe(true);
  });

  it.each(['no', 'Stop', 'Wait.', 'two', 'Hm, no', 'home', 'Yes, but not today.', 'um I wanted to ask', '', '...'])(
    'are not heard in "%s", which may be an answer or a question',
    (text) => {
      expect(isBackChannel(text)).toBe(false);
    },
  );
});
