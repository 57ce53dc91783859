import type { WordTiming } from '../../port.js';

/** When each character of a piece of speech is said, milliseconds from its beginning. */
export type Alignment = {
  readonly chars: readonly string[];
  readonly char_start_times_ms: readonly number[];
  readonly char_durations_ms: readonly number[];
};

/** Times of characters, in pieces that end anywhere, as times of words. */
export class AlignedWords {
  #word = '';
  #endMs = 0;

  /** @param startMs of the piece in its segment. @returns the words that are complete */
  push({ chars, char_start_times_ms: starts, char_durations_ms: durations }: Alignment, startMs: number): WordTiming[] {
    const words: WordTiming[] = [];
    for (const [i, char] of chars.entries()) {
      if (char.trim() === '') {
        words.push(...this.end());
        continue;
      }
      this.#word += char;
      this.#endMs = startMs + (starts[i] ?? 0) + (durations[i] ?? 0);
    }
    return words;
  }

  /** The last word, which nothing follows. */
  end(): WordTiming[] {
    if (this.#word === '') return [];
    const word = { word: this.#word, endMs: this.#endMs };
    this.#word = '';
    return [word];
  }
}
