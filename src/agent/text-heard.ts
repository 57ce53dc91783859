/** A word and when it has been heard, milliseconds from the start of its segment; null where nobody said. */
export type TimedWord = { readonly word: string; readonly endMs: number | null };

/**
 * The words that were heard to their end. Words without times are spread over the audio by their length, one more for the space: within a
 * word of the truth for speech at an even pace.
 * @param heardMs how much of the segment was audible
 * @param totalMs how much of it there is
 */
export function textHeard(words: readonly TimedWord[], heardMs: number, totalMs: number): string {
  let characters = 0;
  for (const { word } of words) characters += word.length + 1;
  const heard: string[] = [];
  let before = 0;
  for (const { word, endMs } of words) {
    before += word.length + 1;
    const end = endMs ?? (totalMs * before) / characters;
    if (end > heardMs) break;
    heard.push(word);
  }
  return heard.join(' ');
}
