import type { Document } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { ConfigMistake, ConfigPath } from './mistakes.js';
import { pathText } from './mistakes.js';
import { markVariables, replaceVariables, unmarkVariables } from './variables.js';

/** Anchors let a short file say a lot; a configuration needs neither depth nor size. */
const MAX_DEPTH = 20;
const MAX_NODES = 50_000;

/** What a file says, without its meaning. */
export type ConfigDocument = {
  /** Blocks (without prototype), lists and texts; variables replaced. */
  readonly tree: unknown;
  readonly mistakes: readonly ConfigMistake[];
  /** `broken`: YAML could not read it to its end, so what is missing from the tree means nothing. */
  readonly state: 'whole' | 'broken';
  /** The line of a path, or of the nearest part above it that is in the file. */
  readonly lineOf: (path: ConfigPath) => number | null;
};

/** Reads YAML with every scalar as text: what it is, the schema knows better than the way it looks. */
export function readDocument(source: string, env: Readonly<Record<string, string | undefined>>): ConfigDocument {
  const lineCounter = new LineCounter();
  const document = parseDocument(markVariables(source), {
    schema: 'failsafe',
    lineCounter,
    prettyErrors: false,
    uniqueKeys: true,
  });
  const problems = [...document.errors, ...document.warnings];
  const reader = new TreeReader(document, lineCounter, env);
  const tree = reader.read();
  return {
    tree,
    mistakes: [
      ...problems.map((problem) => ({
        path: '',
        line: lineCounter.linePos(problem.pos[0]).line,
        message: yamlMessage(problem.code, unmarkVariables(problem.message)),
      })),
      ...reader.mistakes,
    ],
    state: document.errors.some((error) => error.code !== 'DUPLICATE_KEY') ? 'broken' : 'whole',
    lineOf: (path) => reader.lineOf(path),
  };
}

class TreeReader {
  readonly mistakes: ConfigMistake[] = [];
  readonly #document: Document;
  readonly #lineCounter: LineCounter;
  readonly #env: Readonly<Record<string, string | undefined>>;
  /** Keyed by the path as JSON. */
  readonly #lines = new Map<string, number>();
  #nodes = 0;

  constructor(document: Document, lineCounter: LineCounter, env: Readonly<Record<string, string | undefined>>) {
    this.#document = document;
    this.#lineCounter = lineCounter;
    this.#env = env;
  }

  read(): unknown {
    return this.#value(this.#document.contents, []) ?? Object.create(null);
  }

  lineOf(path: ConfigPath): number | null {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(JSON.stringify(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return null;
  }

  /** Undefined for a key with nothing behind it: as if it were not there. */
  #value(node: unknown, path: ConfigPath): unknown {
    this.#nodes += 1;
    if (path.length > MAX_DEPTH || this.#nodes > MAX_NODES) {
      if (this.#nodes <= MAX_NODES + 1) this.#mistake(path, 'is too deep or too large for a configuration');
      this.#nodes = MAX_NODES + 1;
      return undefined;
    }
    if (isAlias(node)) return this.#value(node.resolve(this.#document), path);
    if (isMap(node)) return this.#block(node.items, path);
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        this.#note([...path, index], item);
        return this.#value(item, [...path, index]) ?? '';
      });
    }
    if (!isScalar(node)) return undefined;
    const text = typeof node.value === 'string' ? node.value : '';
    if (text === '' && (node.type === 'PLAIN' || node.type === undefined)) return undefined;
    const replaced = replaceVariables(text, this.#env);
    for (const message of replaced.mistakes) this.#mistake(path, message);
    return replaced.text;
  }

  #block(pairs: readonly { readonly key: unknown; readonly value: unknown }[], path: ConfigPath): unknown {
    const block = Object.create(null) as Record<string, unknown>;
    for (const pair of pairs) {
      if (!isScalar(pair.key) || typeof pair.key.value !== 'string') {
        this.#mistake(path, 'a key must be a word');
        continue;
      }
      const key = pair.key.value;
      this.#note([...path, key], pair.key);
      const value = this.#value(pair.value, [...path, key]);
      if (value !== undefined) block[key] = value;
    }
    return block;
  }

  #note(path: ConfigPath, node: unknown): void {
    const range = (node as { readonly range?: readonly number[] | null } | null)?.range;
    const start = range?.[0];
    if (start !== undefined) this.#lines.set(JSON.stringify(path), this.#lineCounter.linePos(start).line);
  }

  #mistake(path: ConfigPath, message: string): void {
    this.mistakes.push({ path: pathText(path), line: this.lineOf(path), message });
  }
}

/** YAML's own words, with the fix where they do not name it. */
function yamlMessage(code: string, message: string): string {
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'a tab cannot indent in YAML: use spaces';
    case 'DUPLICATE_KEY':
      return 'this key is there twice: remove one of them';
    case 'MULTIPLE_DOCS':
      return 'the file must be one document: remove the line ---';
    default:
      return `is no valid YAML here: ${message}`;
  }
}
