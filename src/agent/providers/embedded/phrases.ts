import type { Grammar } from '../../../speech/recognizer.js';

/** What a caller can mean. `digit` is a spoken key of the menu. */
export type Meaning =
  | { readonly kind: 'destination'; readonly key: string }
  | { readonly kind: 'extension'; readonly extension: string }
  | { readonly kind: 'digit'; readonly digit: string }
  | { readonly kind: 'hours' | 'message' | 'operator' | 'yes' | 'no' | 'repeat' | 'goodbye' };

/** What the grammar is made of; only what this agent can do is listened for. */
export type PhraseBook = {
  /** Each with everything it is called. */
  readonly destinations: readonly { readonly key: string; readonly names: readonly string[] }[];
  readonly extensions: readonly string[];
  /** Spoken keys that mean something. */
  readonly digits: readonly string[];
  readonly offers: readonly ('hours' | 'message' | 'operator' | 'goodbye')[];
};

const DIGIT_WORDS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'] as const;

/** What leads up to the name of a place or a person. */
const CONNECT =
  "( i would like | i'd like | i want | i need | can i have | could i have | give me | " +
  '( connect me | put me through | transfer me ) [ to | with ] | ' +
  "( i would like to | i'd like to | i want to | i need to | can i | could i | may i | let me ) " +
  '( speak | talk | be connected ) [ to | with ] )';

/** Whole ways to say the things that are the same everywhere. */
const WAYS = {
  hours: [
    '[ [ what are ] [ your | the ] ( opening | business | office ) ] hours',
    'what are your hours',
    '( when | what time ) ( are you | do you ) ( open | close )',
    'are you open [ now | today ]',
  ],
  message: [
    '[ [ i would like to | i want to | can i | could i | let me ] ( leave | take ) [ a ] ] message',
    '[ leave a ] voice mail',
  ],
  operator: [
    `[ ${CONNECT} ] [ the | an | a ] ( operator | receptionist | person | human | real person | human being | representative )`,
    `${CONNECT} ( someone | somebody )`,
  ],
  yes: [
    'yes',
    'yeah',
    'yep',
    'yes it is',
    "[ yes ] that's ( right | correct )",
    '[ yes ] correct',
    'sure',
    'yes please',
    'okay',
  ],
  no: ['no', 'nope', 'no thanks', 'no thank you', "[ no ] that's wrong", '[ no ] wrong', "no it isn't", 'cancel'],
  repeat: ['repeat [ that ]', '( say | tell me ) that again', 'again', 'pardon', 'what are my options', 'main menu'],
  goodbye: ['[ thank you | thanks ] ( goodbye | good bye | bye | bye bye )', 'hang up', "that's all"],
} as const;

/** The grammar of everything a caller may say to this agent. */
export function buildGrammar(book: PhraseBook): Grammar {
  const rules = new Map<string, string>();
  const destinations = book.destinations.flatMap(names).map((name) => name.join(' '));
  if (destinations.length > 0) {
    rules.set('destination', `[ ${CONNECT} ] [ the | your ] <place> [ department | team ]`);
    rules.set('place', [...new Set(destinations)].join(' | '));
  }
  const extensions = book.extensions.filter((extension) => /^\d+$/.test(extension));
  if (extensions.length > 0) {
    const spelled = extensions.map((extension) =>
      extension.replaceAll(/\d/g, (digit) => ` ${spokenDigit(digit)}`).trim(),
    );
    rules.set('extension', `[ [ ${CONNECT} ] extension [ number ] ] ( ${spelled.join(' | ')} )`);
  }
  const digits = book.digits.filter((digit) => /^\d$/.test(digit));
  if (digits.length > 0) rules.set('digit', `[ press | number ] ( ${digits.map(spokenDigit).join(' | ')} )`);
  for (const kind of [...book.offers, 'yes', 'no', 'repeat'] as const) rules.set(kind, anyOf(WAYS[kind]));
  const commands = [...rules.keys()].filter((name) => name !== 'place').map((name) => `<${name}>`);
  return grammarOf(`( ${commands.join(' | ')} ) [ please ]`, rules);
}

/** The grammar of the answer to a question that wants a yes or a no: with less to choose from, less is mistaken. */
export function buildAnswerGrammar(): Grammar {
  const rules = new Map((['yes', 'no', 'repeat'] as const).map((kind) => [kind, anyOf(WAYS[kind])]));
  return grammarOf('( <yes> | <no> | <repeat> )', rules);
}

/** Any of these whole sentences. */
export function anyOf(ways: readonly string[]): string {
  return ways.map((way) => `( ${way} )`).join(' | ');
}

/** A grammar whose sentences are `said`, made of `rules`. */
export function grammarOf(said: string, rules: ReadonlyMap<string, string>): Grammar {
  const bodies = [said, ...rules.values()].join(' ');
  const words = new Set(bodies.replaceAll(/<[^>]*>|[()[\]|]/g, ' ').split(/\s+/));
  words.delete('');
  const lines = [`public <said> = ${said};`, ...[...rules].map(([name, body]) => `<${name}> = ${body};`)];
  return { rules: lines.join('\n'), words: [...words].sort() };
}

/** What a recognized sentence of `buildGrammar` means; null when it is none. */
export function meaningOf(said: string, book: PhraseBook): Meaning | null {
  const words = said.split(' ').filter((word) => !['uh', 'um', 'please', ''].includes(word));
  const text = ` ${words.join(' ')} `;
  const has = (...candidates: string[]): boolean => candidates.some((candidate) => text.includes(` ${candidate} `));
  const digits = words.map(digitOf).join('');
  const extension = book.extensions.find((candidate) => candidate === digits && candidate.length > 1);
  if (extension !== undefined) return { kind: 'extension', extension };
  const byLength = book.destinations
    .flatMap((destination) => names(destination).map((name) => ({ key: destination.key, name: name.join(' ') })))
    .sort((a, b) => b.name.length - a.name.length);
  const destination = byLength.find(({ name }) => has(name));
  if (destination !== undefined) return { kind: 'destination', key: destination.key };
  if (digits.length === 1 && book.digits.includes(digits)) return { kind: 'digit', digit: digits };
  if (has('message', 'voice mail')) return { kind: 'message' };
  if (has('hours', 'open', 'close')) return { kind: 'hours' };
  if (has('goodbye', 'bye', 'hang up', "that's all")) return { kind: 'goodbye' };
  if (has('operator', 'receptionist', 'person', 'human', 'representative', 'someone', 'somebody'))
    return { kind: 'operator' };
  if (has('repeat', 'again', 'pardon', 'options', 'menu')) return { kind: 'repeat' };
  if (has('no', 'nope', 'wrong', 'cancel')) return { kind: 'no' };
  if (has('yes', 'yeah', 'yep', 'right', 'correct', 'sure', 'okay')) return { kind: 'yes' };
  return null;
}

/** The ways a destination is called, in words. */
function names(destination: { readonly names: readonly string[] }): string[][] {
  return destination.names.map(spokenWords).filter((words) => words.length > 0);
}

/** A configured name in lower-case words without marks: `R&D (Köln)` is `r and d koln`. */
export function spokenWords(name: string): string[] {
  return name
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replaceAll('&', ' and ')
    .replaceAll(/\d/g, (digit) => ` ${DIGIT_WORDS[Number(digit)] ?? ''} `)
    .replaceAll(/[^a-z']+/g, ' ')
    .split(' ')
    .map((word) => word.replaceAll(/^'+|'+$/g, ''))
    .filter((word) => word !== '');
}

function spokenDigit(digit: string): string {
  return digit === '0' ? '( zero | oh )' : (DIGIT_WORDS[Number(digit)] ?? '');
}

function digitOf(word: string): string {
  if (word === 'oh') return '0';
  const digit = DIGIT_WORDS.indexOf(word as (typeof DIGIT_WORDS)[number]);
  return digit < 0 ? '' : String(digit);
}
