import { configNotices, printConfig } from '../config/index.js';
import { findConfig } from './instance.js';
import type { Terminal } from './terminal.js';

/** `linecard config`: what Linecard would run with, defaults and variables filled in, secrets masked. */
export function configCommand(terminal: Terminal, options: { readonly config?: string | undefined }): number {
  const { file, config } = findConfig(terminal, options.config);
  terminal.out(`# ${file}`);
  terminal.out(printConfig(config).trimEnd());
  for (const notice of configNotices(config)) terminal.err(`note: ${notice}`);
  return 0;
}
