#!/usr/bin/env node
// The command `linecard`. It is a file of the repository, so that `npx linecard` finds it before anything was built and
// never asks the registry for a package of that name.
import { existsSync } from 'node:fs';

const program = new URL('../dist/cli/linecard.js', import.meta.url);
if (existsSync(program)) {
  const { main } = await import(program.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.stderr.write('linecard: nothing is built yet. Run "npm start" once: it sets up everything.\n');
  process.exitCode = 1;
}
