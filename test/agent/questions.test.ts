import { describe, expect, it } from 'vitest';
import { Questions } from '../../src/agent/questions.js';

/** Words of 500 ms each. */
function said(text: string): { word: string; endMs: number }[] {
  return text.split(' ').map((word, index) => ({ word, endMs: (index + 1) * 500 }));
}

describe('what a caller says into an agent', () => {
  it.each([
    ['long before a question', 1800, false],
    ['when its end can be guessed', 2000, true],
    ['at its end', 2500, true],
    ['a moment after it', 3900, true],
    ['when the agent has been on another subject for long', 4100, false],
  ])('may answer it or not: %s', (_, heardMs, may) => {
    const words = said('Shall I put you through? There is somebody in the office now.');
    expect(words[4]).toEqual({ word: 'through?', endMs: 2500 });
    expect(new Questions().mayBeAnswered(words, heardMs, 6000)).toBe(may);
  });

  it('may answer a question that was heard in the segment before', () => {
    const questions = new Questions();
    questions.heard(said('Shall I connect you?'), 2000);
    const next = said('She is in her office.');
    expect(questions.mayBeAnswered(next, 1000, 2500)).toBe(true);
    expect(questions.mayBeAnswered(next, 1600, 2500)).toBe(false);
    questions.heard(next, 2500);
    expect(questions.mayBeAnswered(next, 0, 2500)).toBe(false);
  });

  it('answers nothing that was cut off with all the rest', () => {
    const questions = new Questions();
    questions.heard(said('Really?'), 500);
    questions.forget();
    expect(questions.mayBeAnswered(said('I see.'), 0, 1000)).toBe(false);
  });

  it('are waited for after a question, and the breath behind it, only', () => {
    const questions = new Questions();
    expect(questions.open).toBe(false);
    questions.heard(said('Shall I connect you?'), 2300);
    expect(questions.open).toBe(true);
    questions.heard(said('One moment.'), 1000);
    expect(questions.open).toBe(false);
  });

  it.each(['Sure?"', '(Yes?)', '¿Qué?', '本当？', 'لماذا؟'])('knows a question by its mark: %s', (word) => {
    expect(new Questions().mayBeAnswered([{ word, endMs: 300 }], 300, 300)).toBe(true);
  });

  it('spreads words without times over the sound', () => {
    const words = ['May', 'I?', 'Thanks', 'for', 'calling', 'us', 'here', 'today'].map((word) => ({
      word,
      endMs: null,
    }));
    expect(new Questions().mayBeAnswered(words, 1500, 10_000)).toBe(true);
    expect(new Questions().mayBeAnswered(words, 5000, 10_000)).toBe(false);
  });
});
