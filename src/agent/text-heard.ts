/** A word and when it has been heard, milliseconds from the start of its segment; null where nobody said. */
export type TimedWord = { readonly word: string; readonly endMs: number | null };

/** When each word has been heard to its end. Words without times are spread over the audio by their length, one more for the space. */
export function wordEnds(words: readonly TimedWord[], totalMs: number): number[] {
  let characters = 0;
  for (const { word } of words) characters += word.length + 1;
  let before = 0;
  return words.map(({ word, endMs }) => {
    before += word.length + 1;
    return endMs ?? (totalMs * before) / characters;
  });
}

/**
 * The words that were heard to their end, within a word of the truth for speech at an even pace.
 * @param heardMs how much of the segment was audible
 * @param totalMs how much of it there is
 */
export function textHeard(words: readonly TimedWord[], heardMs: number, totalMs: number): string {
  const unheard = wordEnds(words, totalMs).findIndex((end) => end > heardMs);
  const heard = unheard < 0 ? words : words.slice(0, unheard);
  return heard.map(({ word }) => word).join(' ');
}
