/** Shorter ones sound chopped: they wait for the next. */
const MIN_CHARACTERS = 10;
/** The first words of an answer are worth an early start: a clause will do. */
const FIRST_CLAUSE_CHARACTERS = 40;
/** No sentence is longer than a breath or two; a list without an end is cut at a word. */
const MAX_CHARACTERS = 250;

const END = /[.!?…]["')\]]*\s|[。！？]|\n/g;
const CLAUSE = /[,;:–—]\s/g;
/** What a dot follows that is not the end of a sentence. */
const ABBREVIATION =
  /(?:^|[\s(])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|No|Nr|approx|etc|vs|e\.g|i\.e|a\.m|p\.m|z\.B|bzw|ca|Tel|ext)\.\s$/;
/** Marks for the eye; nobody speaks them. */
const MARKS = /[*_`#]+/g;

/** Cuts a text that comes in pieces into what a voice is given at a time: sentences, the first of them as early as one may. */
export class Sentences {
  #rest = '';
  #given = 0;

  /** Sentences so far. */
  get count(): number {
    return this.#given;
  }

  /** Takes the next piece; returns what is complete now. */
  push(piece: string): string[] {
    this.#rest += piece;
    const found: string[] = [];
    for (let end = this.#nextEnd(); end > 0; end = this.#nextEnd()) this.#give(end, found);
    return found;
  }

  /** What is left at the end of the text. */
  end(): string[] {
    const found: string[] = [];
    this.#give(this.#rest.length, found);
    return found;
  }

  #give(end: number, found: string[]): void {
    const sentence = this.#rest.slice(0, end).replace(MARKS, '').replace(/\s+/g, ' ').trim();
    this.#rest = this.#rest.slice(end);
    if (!/[\p{L}\p{N}]/u.test(sentence)) return;
    this.#given += 1;
    found.push(sentence);
  }

  /** Where the first sentence ends; 0 when it does not yet. */
  #nextEnd(): number {
    for (const match of this.#rest.matchAll(END)) {
      const end = match.index + match[0].length;
      if (end >= MIN_CHARACTERS && !ABBREVIATION.test(this.#rest.slice(0, end))) return end;
    }
    if (this.#given === 0 || this.#rest.length > MAX_CHARACTERS) {
      const least = this.#given === 0 ? FIRST_CLAUSE_CHARACTERS : MIN_CHARACTERS;
      for (const match of this.#rest.matchAll(CLAUSE)) if (match.index >= least) return match.index + match[0].length;
    }
    return this.#rest.length > MAX_CHARACTERS ? this.#rest.lastIndexOf(' ', MAX_CHARACTERS) + 1 : 0;
  }
}
