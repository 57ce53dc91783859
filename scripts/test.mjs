// `npm test`: sets up, then lint, format, types, build and every test. vitest comes last, so that its summary closes the output.
import { spawn, spawnSync } from 'node:child_process';
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
// Lint takes as long as the others together, one after the other: two processors are busy, and memory holds both.
const [lint, ...others] = checks;
const failed = (await Promise.all([inOrder([lint]), inOrder(others)])).flat();
if (failed.length > 0) process.stdout.write(`\nFAILED: ${failed.map(([name]) => name).join(', ')}\n`);

// Each parser is fuzzed for as long; longer on demand.
process.env.LINECARD_FUZZ_SECONDS ??= '10';
process.stdout.write('\n> tests\n');
const tests = spawnSync(bin('vitest'), ['run', ...process.argv.slice(2)], { stdio: 'inherit' });
process.exitCode = tests.status !== 0 || failed.length > 0 ? 1 : 0;

/** Runs checks one after the other; returns those that failed. What each has to say comes in one piece. */
async function inOrder(some) {
  const bad = [];
  for (const check of some) {
    const [name, command, args] = check;
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(chunk));
    const status = await new Promise((resolve) => {
      child.once('error', (error) => {
        said.push(Buffer.from(`${error.message}\n`));
        resolve(1);
      });
      child.once('close', resolve);
    });
    process.stdout.write(`\n> ${name}\n${Buffer.concat(said).toString()}`);
    if (status !== 0) bad.push(check);
  }
  return bad;
}
