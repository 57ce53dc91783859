import type { Grammar, LoadedGrammar, Recognizer } from '../../../speech/recognizer.js';
import { anyOf, grammarOf } from '../embedded/phrases.js';

/** Below this a grammar's best sentence is what the sound was forced into, not what was said. */
const MIN_SCORE = -36;

/** What people say who are asked whether they take a call. Control makes sense of it. */
const WAYS = {
  accept: [
    'yes',
    'yeah',
    'yep',
    'sure',
    'okay',
    'yes please',
    '[ yes ] put ( them | him | her | it ) through',
    "[ yes ] ( i will | i'll ) take ( it | the call )",
  ],
  decline: ['no', 'nope', 'no thanks', 'no thank you', 'not now', 'no not now', 'decline', "i can't"],
  repeat: ['repeat [ that ]', '[ say that ] again', 'pardon'],
  reason: [
    "( i'm | i am ) in a meeting",
    "( i'm | i am ) busy",
    "( i will | i'll ) call [ them | him | her ] back",
    'call [ me ] back later',
    'later',
    'somebody else',
    'someone else',
    'wrong department',
  ],
} as const;

/** How people answer a telephone: without these in the grammar each would be taken for a yes or a no. */
const FILLERS = ['hello', 'hi', 'good morning', 'hello who is this', 'who is this', 'speaking', 'hello hello'] as const;

/** The grammar of everything such a person may say. */
export function buildAnswers(): Grammar {
  const kinds = ['accept', 'decline', 'repeat', 'reason'] as const;
  const rules = new Map<string, string>(kinds.map((kind) => [kind, anyOf(WAYS[kind])]));
  rules.set('filler', anyOf(FILLERS));
  return grammarOf('( <accept> | <decline> | <repeat> | <reason> | <filler> )', rules);
}

/** Understands answers to a briefing. */
export class AnswerEars {
  readonly #recognizer: Recognizer;
  readonly #grammar: LoadedGrammar;

  private constructor(recognizer: Recognizer, grammar: LoadedGrammar) {
    this.#recognizer = recognizer;
    this.#grammar = grammar;
  }

  /** Rejects when the grammar cannot be written. */
  static async open(recognizer: Recognizer): Promise<AnswerEars> {
    return new AnswerEars(recognizer, await recognizer.load(buildAnswers()));
  }

  /** Resolves with null when it was no answer. Rejects as `Recognizer.recognize`. */
  async understand(utterance: Int16Array): Promise<string | null> {
    const recognized = await this.#recognizer.recognize(utterance, this.#grammar);
    if (recognized === null || recognized.score < MIN_SCORE) return null;
    const isFiller = (FILLERS as readonly string[]).includes(recognized.text);
    return isFiller || recognized.text === '' ? null : recognized.text;
  }
}
