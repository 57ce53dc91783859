// `npm run bench [-- part-of-a-name]`: runs every bench/*.bench.ts, each in a process of its own, one after the other. Their
// JSON lines go to stdout, one object a line; whatever else they print goes to stderr.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { runSetup } from './run-setup.mjs';

process.chdir(path.resolve(path.dirname(new URL(import.meta.url).pathname), '..'));
runSetup();

const wanted = process.argv.slice(2);
const files = existsSync('bench') ? readdirSync('bench').filter((name) => /\.bench\.(ts|mjs)$/.test(name)) : [];
const chosen = files.filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part))).sort();
if (chosen.length === 0) process.stderr.write('bench: there is no such benchmark\n');
for (const name of chosen) {
  const exitCode = await runBench(path.join('bench', name));
  if (exitCode === 0) continue;
  process.stderr.write(`bench: ${name} failed (${exitCode})\n`);
  process.exitCode = 1;
}

function runBench(file) {
  return new Promise((resolve) => {
    const args = ['--expose-gc', '--import', 'tsx', file];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', (line) => {
      (isJsonObject(line) ? process.stdout : process.stderr).write(`${line}\n`);
    });
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
}

function isJsonObject(line) {
  try {
    const value = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
