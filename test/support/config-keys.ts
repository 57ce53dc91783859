import { z } from 'zod';

/** A key of the configuration as an admin looks it up. */
export type ConfigKey = {
  /** From the table's own block on, `ari.url`; `<name>` stands for a name that the admin chooses. */
  readonly path: string;
  /** What is allowed: "one of all, relay". */
  readonly takes: string;
  /** Null where the key has to be there, empty where nothing stands for it. */
  readonly default: string | null;
};

/** The keys of one top-level key; of its variants (`pbx asterisk`) there is a table each beside the one of what they share. */
export type KeyTable = { readonly name: string; readonly keys: readonly ConfigKey[] };

/** Every key there is, in the order of the schema. */
export function keyTables(schema: z.core.$ZodType): KeyTable[] {
  const top = Object.entries(shapeOf(unwrap(schema)));
  const scalars = top.filter(([, below]) => !isBlock(unwrap(below)));
  const blocks = top.filter(([, below]) => isBlock(unwrap(below)));
  return [
    { name: 'top', keys: scalars.map(([key, below]) => describe(key, below)) },
    ...blocks.flatMap(([key, below]) => blockTables(key, elementOf(unwrap(below)))),
  ];
}

function blockTables(name: string, block: z.core.$ZodType): KeyTable[] {
  if (!(block instanceof z.ZodDiscriminatedUnion)) return [{ name, keys: keysBelow(block, '') }];
  const { discriminator } = block.def;
  const variants = block.options.map((option) => ({
    label: literal(shapeOf(option)[discriminator]),
    keys: keysBelow(option, '').filter(({ path }) => path !== discriminator),
  }));
  const choice: ConfigKey = {
    path: discriminator,
    takes: `one of ${variants.map(({ label }) => label).join(', ')}`,
    default: null,
  };
  const [only, ...others] = variants;
  if (only !== undefined && others.length === 0) return [{ name, keys: [choice, ...only.keys] }];
  const isShared = ({ path, takes }: ConfigKey): boolean =>
    variants.every(({ keys }) => keys.some((key) => key.path === path && key.takes === takes));
  const shared = (only?.keys ?? []).filter(isShared).map((key) => ({ ...key, default: sharedDefault(key, variants) }));
  return [
    { name, keys: [choice, ...shared] },
    ...variants
      .map(({ label, keys }) => ({ name: `${name} ${label}`, keys: keys.filter((key) => !isShared(key)) }))
      .filter(({ keys }) => keys.length > 0),
  ];
}

type Variant = { readonly label: string; readonly keys: readonly ConfigKey[] };

/** One default, or each with the variants that have it. */
function sharedDefault({ path }: ConfigKey, variants: readonly Variant[]): string | null {
  const labels = new Map<string | null, string[]>();
  for (const { label, keys } of variants) {
    const value = keys.find((key) => key.path === path)?.default ?? null;
    labels.set(value, [...(labels.get(value) ?? []), label]);
  }
  const [first] = labels.keys();
  if (labels.size === 1) return first ?? null;
  return [...labels]
    .filter(([value]) => value !== '')
    .map(([value, who]) => `${value ?? 'required'} (${who.join(', ')})`)
    .join('; ');
}

/** The keys of a block with those of the blocks in it. */
function keysBelow(block: z.core.$ZodType, prefix: string): ConfigKey[] {
  return Object.entries(shapeOf(unwrap(block))).flatMap(([key, below]) => {
    const path = `${prefix}${key}`;
    const plain = unwrap(below);
    // A property of a tool's input may hold properties again: told once.
    const [, again] = /^(.*\bproperties)\.<name>\.(?:properties|items)$/.exec(path) ?? [];
    if (again !== undefined) {
      return [{ path, takes: `as ${again}${key === 'items' ? '.<name>' : ''}`, default: '' }];
    }
    const inner = elementOf(plain);
    if (!isBlock(inner)) return [describe(path, below)];
    if (plain instanceof z.ZodArray) return [describe(path, below), ...keysBelow(inner, `${path}[].`)];
    if (plain instanceof z.ZodRecord) return [describe(path, below), ...keysBelow(inner, `${path}.<name>.`)];
    return keysBelow(inner, `${path}.`);
  });
}

function describe(path: string, schema: z.core.$ZodType): ConfigKey {
  const takes = takesOf(schema);
  return { path, takes: isSecret(schema) ? `${takes}; secret` : takes, default: defaultOf(schema) };
}

function takesOf(schema: z.core.$ZodType): string {
  const plain = bare(schema);
  const takes = metaOf(plain, 'takes');
  if (plain instanceof z.ZodArray) {
    return isBlock(plain.element)
      ? `a list of blocks, ${String(takes)}`
      : `a list, ${String(takes)}: ${takesOf(plain.element)}`;
  }
  if (plain instanceof z.ZodRecord) {
    return `a block of ${String(takes)}${isBlock(plain.valueType) ? '' : `; each ${takesOf(plain.valueType)}`}`;
  }
  if (plain instanceof z.ZodLiteral) return literal(plain);
  if (typeof takes !== 'string') throw new Error('a field of the configuration has no meta "takes"');
  return takes;
}

function defaultOf(schema: z.core.$ZodType): string | null {
  if (schema instanceof z.ZodOptional) return '';
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) return flow(schema.def.defaultValue);
  return null;
}

/** As YAML writes it on one line. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  return typeof value === 'object' ? '{}' : JSON.stringify(value).replace(/^"|"$/g, '');
}

function isSecret(schema: z.core.$ZodType): boolean {
  const plain = bare(schema);
  return plain instanceof z.ZodRecord ? isSecret(plain.valueType) : metaOf(plain, 'secret') === true;
}

/** What the schema says of itself, or of what it is a transformation of. */
function metaOf(schema: z.core.$ZodType, key: 'takes' | 'secret'): unknown {
  const value = z.globalRegistry.get(schema)?.[key];
  return value === undefined && schema instanceof z.ZodPipe ? metaOf(schema.in, key) : value;
}

function isBlock(schema: z.core.$ZodType): boolean {
  if (schema instanceof z.ZodArray || schema instanceof z.ZodRecord) return isBlock(elementOf(schema));
  return schema instanceof z.ZodObject || schema instanceof z.ZodDiscriminatedUnion;
}

function elementOf(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodArray) return unwrap(schema.element);
  if (schema instanceof z.ZodRecord) return unwrap(schema.valueType);
  return schema;
}

function shapeOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> {
  return schema instanceof z.ZodObject ? schema.shape : {};
}

function literal(schema: z.core.$ZodType | undefined): string {
  return schema instanceof z.ZodLiteral ? [...schema.values].map(String).join(', ') : '';
}

/** Without optional and default: what `meta` was said of. */
function bare(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return isWrapper ? bare(schema.unwrap()) : schema;
}

/** Without a transform behind it, too: what the file has to look like. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const plain = bare(schema);
  return plain instanceof z.ZodPipe ? unwrap(plain.in) : plain;
}
