// `npm test`: sets up, then lint, format, types, build and every test. vitest comes last, so that its summary closes the output.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { runSetup } from './run-setup.mjs';

process.chdir(path.resolve(path.dirname(new URL(import.meta.url).pathname), '..'));
// Installs and builds; a build that fails ends it here.
runSetup(['--test']);

const bin = (name) => path.join('node_modules/.bin', name);
const checks = [
  ['lint', bin('eslint'), ['.', '--max-warnings', '0']],
  ['format', bin('prettier'), ['--check', '.']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json', '--noEmit']],
  ['types of the page', bin('tsc'), ['-p', 'tsconfig.web.json']],
];
const failed = checks.filter(([name, command, args]) => {
  process.stdout.write(`\n> ${name}\n`);
  return spawnSync(command, args, { stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) process.stdout.write(`\nFAILED: ${failed.map(([name]) => name).join(', ')}\n`);

// Each parser is fuzzed for as long; longer on demand.
process.env.LINECARD_FUZZ_SECONDS ??= '10';
process.stdout.write('\n> tests\n');
const tests = spawnSync(bin('vitest'), ['run', ...process.argv.slice(2)], { stdio: 'inherit' });
process.exitCode = tests.status !== 0 || failed.length > 0 ? 1 : 0;
