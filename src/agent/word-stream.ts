/** Transcripts come in pieces that end anywhere: gives whole words only, and the rest when there is no more. */
export class WordStream {
  #rest = '';

  /** Takes the next piece; returns the words that are complete now, with spaces between, or an empty text. */
  push(piece: string): string {
    const text = this.#rest + piece;
    const end = text.search(/\s\S*$/);
    this.#rest = text.slice(end + 1);
    return text.slice(0, end + 1).trim();
  }

  /** The last word, which nothing follows. */
  end(): string {
    const text = this.#rest.trim();
    this.#rest = '';
    return text;
  }
}
