/** A Q.850 cause: they do not answer, and that is why. */
export type WhatTheyDo = number | 'answers' | 'answers and presses 1' | 'lets it ring';

/** What the people at the extensions of `callers` do when they are rung. */
export const PEOPLE: Readonly<Record<string, WhatTheyDo>> = {
  human: 'answers',
  presses: 'answers and presses 1',
  rings: 'lets it ring',
  busy: 17,
  rejects: 21,
  nobody: 20,
  silent: 19,
};
