import type { Terminal } from '../../src/cli/terminal.js';

/** A terminal that keeps what it is told. Nobody sits at it. */
export class TestTerminal implements Terminal {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly env: Record<string, string | undefined>;
  readonly cwd: string;
  readonly interactive = false;

  constructor(options: { readonly cwd: string; readonly env?: Record<string, string> }) {
    this.cwd = options.cwd;
    this.env = options.env ?? {};
  }

  readonly out = (line: string): void => {
    this.lines.push(line);
  };

  readonly err = (line: string): void => {
    this.errors.push(line);
  };

  /** All of stdout. */
  get text(): string {
    return this.lines.join('\n');
  }

  get errorText(): string {
    return this.errors.join('\n');
  }
}
