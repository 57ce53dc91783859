import { SAMPLES_PER_MS } from '../../../core/units.js';
import type { Grammar, LoadedGrammar, Recognizer } from '../../../speech/recognizer.js';
import { anyOf, grammarOf } from '../embedded/phrases.js';

/**
 * Below this a grammar's best sentence is what the sound was forced into, not what was said. A caller is given away on better grounds than they are
 * kept: synthetic voices say yes at -27 and better, and of a voicemail's sentences every sixth passes for one at -36.
 */
const MIN_SCORE = { accept: -30, other: -36 } as const;
/** Words of a yes alone. */
const YES = /\b(yes|yeah|yep|sure|okay|take|through)\b/;
/** Who takes longer than this to say so few words has said something else. */
const MAX_ANSWER_MS = { start: 1200, eachWord: 400 } as const;

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
  decline: ['no', 'nope', 'no sorry', 'no thanks', 'no thank you', 'not now', 'no not now', 'decline', "i can't"],
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

/** The same for machines that answer it. */
const MACHINES = [
  '[ hello | hi ] you have reached',
  'you have reached the voicemail of',
  '[ please ] leave [ me ] ( a | your ) message [ after the ( tone | beep ) ]',
  'at the tone please record your message',
  'i am not ( available | here ) right now',
  "( i cannot | i can't ) come to the phone [ right now ]",
  'the person you are calling is not available',
  'your call has been forwarded to',
  'thank you for calling [ our office is closed ]',
  "( i'll | i will ) get back to you [ as soon as i can ]",
  'please hold',
] as const;

/** Words of a machine alone. */
const MACHINE = /\b(reached|message|available|here|phone|forwarded|calling|hold|get back)\b/;

/** The grammar of everything such a person may say. */
export function buildAnswers(): Grammar {
  const kinds = ['accept', 'decline', 'repeat', 'reason'] as const;
  const rules = new Map<string, string>(kinds.map((kind) => [kind, anyOf(WAYS[kind])]));
  rules.set('filler', anyOf(FILLERS));
  rules.set('machine', anyOf(MACHINES));
  return grammarOf('( <accept> | <decline> [ <reason> ] | <repeat> | <reason> | <filler> | <machine> )', rules);
}

/** Of what `AnswerEars` understands: whether the caller is taken. */
export function isYes(text: string): boolean {
  return YES.test(text);
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
    if (recognized === null) return null;
    const { text, score } = recognized;
    const isFiller = (FILLERS as readonly string[]).includes(text) || MACHINE.test(text);
    if (text === '' || isFiller || score < (isYes(text) ? MIN_SCORE.accept : MIN_SCORE.other)) return null;
    const { start, eachWord } = MAX_ANSWER_MS;
    return utterance.length / SAMPLES_PER_MS > start + eachWord * text.split(' ').length ? null : text;
  }
}
