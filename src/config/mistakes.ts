/** Keys and indexes from the root of the file. */
export type ConfigPath = readonly (string | number)[];

/** One thing that is wrong with a configuration. */
export type ConfigMistake = {
  /** `agents.receptionist.tools[1]`, or the name of an environment variable. */
  readonly path: string;
  /** Line in the file, from 1; null when it is not about a line of it. */
  readonly line: number | null;
  /** What is wrong, what is allowed, and the nearest name that is known. */
  readonly message: string;
};

/** A path as people write it; a key that is no plain word is quoted. */
export function pathText(path: ConfigPath): string {
  const text = path
    .map((part) => {
      if (typeof part === 'number') return `[${part}]`;
      return /^[A-Za-z0-9_-]+$/.test(part) ? `.${part}` : `.${JSON.stringify(part)}`;
    })
    .join('');
  return text.replace(/^\./, '');
}

/** All mistakes of a file as one text, one a line, in the order of the file. */
export function mistakesText(source: string, mistakes: readonly ConfigMistake[]): string {
  const inOrder = [...mistakes].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const title = `${source} has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:`;
  const lines = inOrder.map(({ line, path, message }) => {
    const where = line === null ? path : `line ${line}${path === '' ? '' : `, ${path}`}`;
    return `  ${where === '' ? '' : `${where}: `}${message}`;
  });
  return [title, ...lines].join('\n');
}
