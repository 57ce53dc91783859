/** A sound and when it ends, seconds; `pau` is a pause. */
export type Phone = { readonly name: string; readonly endSeconds: number };

const PAUSE = 'pau';
const VOWELS = new Set('aa ae ah ao aw ax axr ay eh er ey ih iy ow oy uh uw'.split(' '));

/** Costs of the alignment: a vowel said another way is cheap, a sound that is missing dearer, a vowel for a consonant dearest. */
const SIMILAR_COST = 1;
const GAP_COST = 1.5;
const DIFFERENT_COST = 3.5;

/** Reads what `flite -psdur` prints: `pau:0.195 th:0.242 …`. */
export function parsePhones(printed: string): Phone[] {
  const phones: Phone[] = [];
  for (const [, name, seconds] of printed.matchAll(/([a-z]+):([0-9.]+)/g)) {
    phones.push({ name: name ?? PAUSE, endSeconds: Number(seconds) });
  }
  return phones;
}

/**
 * The end of each word in seconds. flite prints sounds, not words, so `oneByOne` is the same words said with a pause after
 * each: its sounds tell which word a sound belongs to, and both are aligned. Null when the pauses do not tell the words apart.
 */
export function wordEnds(phones: readonly Phone[], oneByOne: readonly Phone[], wordCount: number): number[] | null {
  const groups = splitAtPauses(oneByOne);
  if (groups.length !== wordCount) return null;
  const reference = groups.flatMap((group, word) => group.map((name) => ({ name, word })));
  const spoken = phones.filter((phone) => phone.name !== PAUSE);
  const ends = new Array<number>(wordCount).fill(0);
  for (const { spokenIndex, referenceIndex } of align(
    spoken.map((phone) => phone.name),
    reference.map((phone) => phone.name),
  )) {
    const word = reference[referenceIndex]?.word ?? 0;
    ends[word] = Math.max(ends[word] ?? 0, spoken[spokenIndex]?.endSeconds ?? 0);
  }
  return ascending(ends);
}

/** Without the words' sounds: the sounds are shared out by the length of the words. */
export function estimatedWordEnds(phones: readonly Phone[], words: readonly string[]): number[] {
  const spoken = phones.filter((phone) => phone.name !== PAUSE);
  const letters = words.map((word) => Math.max(1, word.length));
  const total = letters.reduce((sum, length) => sum + length, 0);
  let before = 0;
  return letters.map((length) => {
    before += length;
    const index = Math.round((before / total) * spoken.length) - 1;
    return spoken[Math.max(0, index)]?.endSeconds ?? 0;
  });
}

function splitAtPauses(phones: readonly Phone[]): string[][] {
  const groups: string[][] = [];
  let open: string[] = [];
  for (const { name } of phones) {
    if (name !== PAUSE) open.push(name);
    else if (open.length > 0) {
      groups.push(open);
      open = [];
    }
  }
  if (open.length > 0) groups.push(open);
  return groups;
}

/** Levenshtein alignment; both are a few hundred sounds at most. */
function align(
  spoken: readonly string[],
  reference: readonly string[],
): { readonly spokenIndex: number; readonly referenceIndex: number }[] {
  const width = reference.length + 1;
  const costs = new Float64Array((spoken.length + 1) * width);
  const at = (row: number, column: number): number => costs[row * width + column] ?? Infinity;
  for (let row = 0; row <= spoken.length; row++) {
    for (let column = 0; column <= reference.length; column++) {
      if (row === 0 || column === 0) costs[row * width + column] = (row + column) * GAP_COST;
      else {
        const both = at(row - 1, column - 1) + difference(spoken[row - 1], reference[column - 1]);
        costs[row * width + column] = Math.min(both, at(row - 1, column) + GAP_COST, at(row, column - 1) + GAP_COST);
      }
    }
  }
  const pairs: { spokenIndex: number; referenceIndex: number }[] = [];
  let row = spoken.length;
  let column = reference.length;
  while (row > 0 && column > 0) {
    if (at(row, column) === at(row - 1, column - 1) + difference(spoken[row - 1], reference[column - 1])) {
      pairs.push({ spokenIndex: --row, referenceIndex: --column });
    } else if (at(row, column) === at(row - 1, column) + GAP_COST) row--;
    else column--;
  }
  return pairs.reverse();
}

function difference(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) return DIFFERENT_COST;
  if (one === other) return 0;
  return VOWELS.has(one) === VOWELS.has(other) ? SIMILAR_COST : DIFFERENT_COST;
}

/** A word without a sound of its own ends with the word before it. */
function ascending(ends: readonly number[]): number[] {
  let last = 0;
  return ends.map((end) => (last = Math.max(last, end)));
}
