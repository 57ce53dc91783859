/**
 * `${NAME}` in the file. YAML gives `{` and `}` a meaning of their own in `{ key: ${NAME} }`, so references are marked by
 * characters of the same number before YAML reads the text, and replaced in the values it found: a value cannot break
 * the file, and a reference in a comment is none. `$${` stands for `${` itself.
 */
export function markVariables(text: string): string {
  return text.replace(/\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string | undefined) =>
    name === undefined ? ESCAPED : `${OPEN}${name}${CLOSE}`,
  );
}

// Private use characters: no text means anything by them (Unicode 15, chapter 23.5).
const OPEN = '\uE000';
const CLOSE = '\uE001\uE002';
const ESCAPED = '\uE003\uE003\uE003';
const MARKED = /\uE000([A-Za-z0-9_]+)\uE001\uE002|\uE003\uE003\uE003/g;

/** A value with its variables replaced, and what is wrong with them. */
export type Replaced = { readonly text: string; readonly mistakes: readonly string[] };

/** Replaces what `markVariables` marked. */
export function replaceVariables(marked: string, env: Readonly<Record<string, string | undefined>>): Replaced {
  const mistakes: string[] = [];
  if (marked.includes('${')) {
    mistakes.push(
      '"${" must be followed by the name of an environment variable and "}"; write "$${" for the characters',
    );
  }
  const text = marked.replace(MARKED, (_, name: string | undefined) => {
    if (name === undefined) return '${';
    const value = env[name];
    if (value === undefined) mistakes.push(`the environment variable ${name} is not set`);
    return value ?? '';
  });
  return { text, mistakes };
}

/** The text as it was before `markVariables`, for messages. */
export function unmarkVariables(marked: string): string {
  return marked.replace(MARKED, (_, name: string | undefined) => (name === undefined ? '$${' : `\${${name}}`));
}
