import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sentences } from '../../../../src/agent/providers/pipeline/sentences.js';

function cut(text: string, size = 1): string[] {
  const sentences = new Sentences();
  const found: string[] = [];
  for (let at = 0; at < text.length; at += size) found.push(...sentences.push(text.slice(at, at + size)));
  return [...found, ...sentences.end()];
}

describe('sentences of a text that comes in pieces', () => {
  it.each([
    ['We are open. Come in! Shall I connect you? Yes', ['We are open.', 'Come in! Shall I connect you?', 'Yes']],
    ['Ask Dr. Smith at 3.15 p.m. today. He knows.', ['Ask Dr. Smith at 3.15 p.m. today.', 'He knows.']],
    ['**Bold** and `code`:\n- one thing\n- another thing\n', ['Bold and code:', '- one thing', '- another thing']],
    [
      'Well, that is a long beginning of a sentence, which goes on and on.',
      ['Well, that is a long beginning of a sentence,', 'which goes on and on.'],
    ],
    ['お電話ありがとうございます。ご用件は？', ['お電話ありがとうございます。', 'ご用件は？']],
    ['...', []],
    ['', []],
  ])('%j', (text, expected) => {
    expect(cut(text)).toEqual(expected);
  });

  it('are the same whatever the pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('Yes. ', 'no, ', 'Dr. ', 'a word ', '3.5 ', 'why? ', '\n'), { maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        (words, size) => {
          const text = words.join('');
          // Only where the first clause is given early may the size of pieces show.
          expect(cut(text, size).join(' ')).toBe(cut(text).join(' '));
        },
      ),
    );
  });

  it('never wait for an end that does not come', () => {
    const sentences = new Sentences();
    const found = sentences.push('word '.repeat(1000));
    expect(found.length).toBeGreaterThan(15);
    expect(Math.max(...found.map((sentence) => sentence.length))).toBeLessThanOrEqual(250);
  });
});
