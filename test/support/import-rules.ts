import ts from 'typescript';

/** A source file as the rules see it: a path relative to `src/`, with `/`, and its text. */
export type SourceFile = { readonly path: string; readonly text: string };

/** Which folders of `src/` a folder may import from; `ports` stands for files named `port.ts` (and `media/leg.ts`) anywhere. */
export type FolderRules = Readonly<Record<string, readonly string[]>>;

/** Packages that more than one folder may import, with the folders. */
export type PackageExceptions = Readonly<Record<string, readonly string[]>>;

/** Every module that a text imports, statically, by `import()`, by `export from`, by `import type` or by `require`. */
export function importsOf(file: SourceFile): string[] {
  const specifiers: string[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier !== null) specifiers.push(specifier);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, false, ts.ScriptKind.TS));
  return specifiers;
}

/** Sentences for imports that go against the direction of the house; empty when there are none. */
export function directionMistakes(files: readonly SourceFile[], rules: FolderRules): string[] {
  return files.flatMap((file) => {
    const folder = folderOf(file.path);
    if (folder === null) return []; // compose.ts, main.ts and their like see all
    const allowed = rules[folder];
    if (allowed === undefined) return [`${file.path}: the folder ${folder}/ has no rule`];
    return importsOf(file)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => resolve(file.path, specifier))
      .filter((target) => !mayImport({ file: file.path, target, allowed }))
      .map((target) => `${file.path} imports ${target}`);
  });
}

/** Sentences for packages that are imported from more folders than one. */
export function packageMistakes(files: readonly SourceFile[], exceptions: PackageExceptions): string[] {
  const users = new Map<string, Set<string>>();
  for (const file of files) {
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      const name = packageOf(specifier);
      users.set(name, (users.get(name) ?? new Set()).add(folderOf(file.path) ?? file.path));
    }
  }
  return [...users].flatMap(([name, folders]) => {
    const allowed = exceptions[name];
    const inOrder = [...folders].sort();
    if (allowed === undefined) return folders.size > 1 ? [`${name} is imported from ${inOrder.join(' and ')}`] : [];
    return inOrder.filter((folder) => !allowed.includes(folder)).map((folder) => `${name} is imported from ${folder}`);
  });
}

function specifierOf(node: ts.Node): string | null {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return textOf(node.argument.literal);
  if (ts.isExternalModuleReference(node)) return textOf(node.expression);
  if (!ts.isCallExpression(node)) return null;
  const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword;
  const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require';
  return isImport || isRequire ? textOf(node.arguments[0]) : null;
}

function textOf(node: ts.Node | undefined): string | null {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : null;
}

function folderOf(path: string): string | null {
  return path.includes('/') ? (path.split('/')[0] ?? null) : null;
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1).replace(/\.js$/, '.ts');
}

function mayImport(options: {
  readonly file: string;
  readonly target: string;
  readonly allowed: readonly string[];
}): boolean {
  const { file, target, allowed } = options;
  const folder = folderOf(target);
  if (folder === null) return false; // nobody imports the composition
  if (folder === folderOf(file) || allowed.includes(folder)) return true;
  return isPort(target) && (isPort(file) || allowed.includes('ports'));
}

/** Interfaces without an implementation, that others may build on. */
function isPort(path: string): boolean {
  return path.endsWith('/port.ts') || path === 'media/leg.ts';
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}
