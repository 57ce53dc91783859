/** What a command may touch of the process that runs it. */
export type Terminal = {
  /** Results: to stdout. */
  readonly out: (line: string) => void;
  /** Everything else: to stderr. */
  readonly err: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether a person sits there who can be asked. */
  readonly interactive: boolean;
};

/** A command that cannot do what it was asked to, with a sentence for the user. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(message: string, options: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The terminal of this process. A reader that goes away (`| head`) ends the output, not the command. */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    env: process.env,
    cwd: process.cwd(),
    interactive: process.stdin.isTTY && process.stdout.isTTY,
  };
}

/** Rows in columns, two spaces apart; the last column keeps its length. Control characters of callers do not reach the terminal. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const clean = rows.map((row) => row.map(printable));
  const widths = (clean[0] ?? []).map((_, index) => Math.max(...clean.map((row) => (row[index] ?? '').length)));
  return clean.map((row) =>
    row
      .map((text, index) => (index === row.length - 1 ? text : text.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** A text from outside, on one line. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
