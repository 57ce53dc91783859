import { describe, expect, it } from 'vitest';
import { answerInWords, reasonByKey, reasonInWords } from '../../../src/call/transfer/answer-words.js';

const MEETING = { kind: 'known', text: 'they are in a meeting' };
const CALL_BACK = { kind: 'known', text: 'they will call you back' };
const WRONG = { kind: 'known', text: 'somebody else is in charge of it' };

describe('what somebody says who is asked whether they take a call', () => {
  it.each([
    'yes',
    'Yes, please.',
    'okay put them through',
    "Sure, I'll take it.",
    'No problem, put her through.',
    "I don't mind, go ahead",
    'Yeah, why not.',
  ])('is a yes: %s', (said) => {
    expect(answerInWords(said)).toEqual({ kind: 'accept' });
  });

  // The caller is never given to somebody who did not mean it.
  it.each([
    'Okay, what is it about?',
    'hello',
    'Hello, Jones and Partners, good morning.',
    'Okay and you are calling from which company exactly, I have only just come in',
    'hmm let me think',
  ])('is no answer: %s', (said) => {
    expect(answerInWords(said)).toBeNull();
  });

  it.each(['say that again', 'Pardon?', 'Who is it?', "Sorry, who's calling?"])('is asked for again: %s', (said) => {
    expect(answerInWords(said)).toEqual({ kind: 'repeat' });
  });

  it.each([
    ['No.', null],
    ['no, not okay', null],
    ['Not now, please.', null],
    ["no I'm in a meeting", MEETING],
    ["I'll call them back", CALL_BACK],
    ['wrong department', WRONG],
  ])('is a no: %s', (said, reason) => {
    expect(answerInWords(said)).toEqual({ kind: 'decline', reason });
  });

  it.each([
    "Not now, I'm with a client.",
    'Tell him I call back at four.',
    "Sorry, I'm in a meeting until three, ask her to send an email.",
    'Yes, but I can only take it in five minutes',
    "I'm on another call",
    'No, that is one for Peter in the warehouse.',
  ])('is a no with a reason in their own words: %s', (said) => {
    expect(answerInWords(said)).toEqual({ kind: 'decline', reason: { kind: 'said', text: said } });
  });

  it.each([
    'Please leave a message after the tone.',
    'Hi, you have reached Anna Miller. I am not at my desk.',
    'The person you are calling is not available.',
    "I can't come to the phone right now, I'll get back to you as soon as I can.",
    'voicemail signal',
    'Welcome to the voicemail of extension six zero zero two.',
  ])('is a machine: %s', (said) => {
    expect(answerInWords(said)).toEqual({ kind: 'machine' });
  });
});

describe('why somebody declined', () => {
  it('is one of three things by key', () => {
    expect(['1', '2', '3', '9'].map(reasonByKey)).toEqual([MEETING, CALL_BACK, WRONG, null]);
  });

  it('is what they say, and not longer than anybody listens to', () => {
    expect(reasonInWords('I am on holiday')).toEqual({ kind: 'said', text: 'I am on holiday' });
    expect(reasonInWords('no')).toBeNull();
    expect(reasonInWords(`because ${'very '.repeat(100)}`)?.text).toHaveLength(200);
  });
});
