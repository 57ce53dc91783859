import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WordStream } from '../../src/agent/word-stream.js';

describe('a transcript that comes in pieces', () => {
  it('gives whole words as soon as they are whole', () => {
    const words = new WordStream();
    expect(['Hel', 'lo th', 'ere. ', 'Bye'].map((piece) => words.push(piece))).toEqual(['', 'Hello', 'there.', '']);
    expect(words.end()).toBe('Bye');
    expect(words.end()).toBe('');
  });

  it('is the same text however it is cut', () => {
    const piece = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', '.') });
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const words = new WordStream();
        const got = [...pieces.map((each) => words.push(each)), words.end()].filter((each) => each !== '').join(' ');
        expect(got.split(/\s+/)).toEqual(pieces.join('').trim().split(/\s+/));
      }),
    );
  });
});
