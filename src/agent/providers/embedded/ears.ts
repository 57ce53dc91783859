import type { LoadedGrammar, Recognizer } from '../../../speech/recognizer.js';
import type { Menu } from './menu.js';
import type { Meaning, PhraseBook } from './phrases.js';
import { buildAnswerGrammar, buildGrammar, meaningOf, spokenWords } from './phrases.js';

/** Below this a grammar's best sentence is what the sound was forced into, not what was said. */
const MIN_SCORE = -36;

export type Understood = { readonly text: string; readonly meaning: Meaning };

/** What an attendant can understand: the grammars of its menu, and the meaning of what was said in them. */
export class Ears {
  readonly #recognizer: Recognizer;
  readonly #book: PhraseBook;
  readonly #grammars: Readonly<Record<'choice' | 'yes or no', LoadedGrammar>>;
  /** Names that have no pronunciation in the dictionary: callers reach them by key. */
  readonly unpronounceable: readonly string[];

  private constructor(options: {
    readonly recognizer: Recognizer;
    readonly book: PhraseBook;
    readonly grammars: Readonly<Record<'choice' | 'yes or no', LoadedGrammar>>;
    readonly unpronounceable: readonly string[];
  }) {
    this.#recognizer = options.recognizer;
    this.#book = options.book;
    this.#grammars = options.grammars;
    this.unpronounceable = options.unpronounceable;
  }

  /** Makes the grammars of a menu. Rejects when they cannot be written. */
  static async open(recognizer: Recognizer, menu: Menu): Promise<Ears> {
    const { phraseBook } = menu;
    const unknown = new Set(await recognizer.unknownWords(buildGrammar(phraseBook).words));
    const isKnown = (name: string): boolean => spokenWords(name).every((word) => !unknown.has(word));
    const destinations = menu.offers.places.flatMap(({ key, label }) => {
      // A label or a key that cannot be pronounced is left out; the other one may do.
      const names = [label, key].filter(isKnown);
      return names.length === 0 ? [] : [{ key, names }];
    });
    const book = { ...phraseBook, destinations };
    return new Ears({
      recognizer,
      book,
      grammars: {
        choice: await recognizer.load(buildGrammar(book)),
        'yes or no': await recognizer.load(buildAnswerGrammar()),
      },
      unpronounceable: menu.offers.places.map(({ label }) => label).filter((label) => !isKnown(label)),
    });
  }

  /** Resolves with null when it was nothing that we listen for, or fits too badly. Rejects as `Recognizer.recognize`. */
  async understand(utterance: Int16Array, expected: 'choice' | 'yes or no'): Promise<Understood | null> {
    const recognized = await this.#recognizer.recognize(utterance, this.#grammars[expected]);
    if (recognized === null || recognized.score < MIN_SCORE) return null;
    const meaning = meaningOf(recognized.text, this.#book);
    return meaning === null ? null : { text: recognized.text, meaning };
  }
}
