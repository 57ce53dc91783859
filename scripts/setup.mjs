// Makes a clone ready to run: npm packages from the lock file, the build, Debian packages. Idempotent; what is done already
// is not done again. Everything it prints goes to stderr.
//
//   node scripts/setup.mjs                 for `npm start`
//   node scripts/setup.mjs --test          for `npm test`: with the packages of the tests
//   node scripts/setup.mjs --production    for an image: npm packages without development ones, once the build is there
//   node scripts/setup.mjs --only-build    what is in dist/, from npm packages that are there
//   node scripts/setup.mjs --only-packages   Debian packages and nothing else
//   node scripts/setup.mjs --only-asterisk   a private Asterisk now, instead of at the first start; needs the build
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { installPackages, RUN_PACKAGES, TEST_PACKAGES } from './debian.mjs';

const ROOT = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const MODULES_STAMP = path.join(ROOT, 'node_modules/.linecard-stamp');
const BUILD_STAMP = path.join(ROOT, 'dist/.linecard-stamp');
const options = new Set(process.argv.slice(2));

process.chdir(ROOT);
if (Number(process.versions.node.split('.')[0]) < 20)
  fail(`Linecard needs Node.js 20 or later, this is ${process.version}`);
if (options.has('--only-packages')) setUpPackages();
else if (options.has('--only-build')) setUpBuild();
else if (options.has('--only-asterisk')) await setUpAsterisk();
else {
  setUpPackages();
  setUpModules('all');
  setUpBuild();
  if (options.has('--production')) setUpModules('production');
}

function setUpPackages() {
  const wanted = options.has('--test') ? [...RUN_PACKAGES, ...TEST_PACKAGES] : RUN_PACKAGES;
  const missing = installPackages(wanted);
  if (missing.length === 0) return;
  const fix = `sudo apt-get install ${missing.join(' ')}`;
  // Under CI a part that cannot run is a failure, not a shorter test.
  if (options.has('--test') && process.env.CI === 'true')
    fail(`missing Debian packages: ${missing.join(', ')} (${fix})`);
  process.stderr.write(
    [
      '',
      '*'.repeat(100),
      `  NOT INSTALLED: ${missing.join(', ')}`,
      ...(missing.includes('pocketsphinx') || missing.includes('pocketsphinx-en-us')
        ? ['  Without pocketsphinx the embedded agent does not understand speech; callers use the keys.']
        : []),
      ...(options.has('--test') ? ['  The tests that need them will not run.'] : []),
      `  To install by hand:  ${fix}`,
      '*'.repeat(100),
      '',
      '',
    ].join('\n'),
  );
}

/** `which` is all or production. The stamp tells for which lock file and which Node they were installed. */
function setUpModules(which) {
  const lock = readFileSync('package-lock.json', 'utf8');
  const stamp = sha256([lock, process.versions.modules, process.arch, which]);
  const installed = readStamp(MODULES_STAMP);
  if (installed === stamp) return;
  // Someone ran `npm ci` by hand: take it.
  if (installed === null && which === 'all' && matchesLock(JSON.parse(lock))) {
    writeFileSync(MODULES_STAMP, stamp);
    return;
  }
  say(`installing npm packages from the lock file (${which})`);
  run('npm', ['ci', ...(which === 'production' ? ['--omit=dev'] : [])], headers());
  writeFileSync(MODULES_STAMP, stamp);
}

/** Whether node_modules holds each package of the lock file, by npm's own record of what it installed. */
function matchesLock(lock) {
  const record = path.join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  const { packages } = JSON.parse(readFileSync(record, 'utf8'));
  return Object.entries(lock.packages).every(
    ([place, { version, optional }]) => place === '' || optional === true || packages[place]?.version === version,
  );
}

/** Native packages compile against Node's headers; where Node brought its own, nothing needs to be downloaded. */
function headers() {
  const prefix = path.resolve(path.dirname(process.execPath), '..');
  return existsSync(path.join(prefix, 'include/node/node.h')) ? { npm_config_nodedir: prefix } : {};
}

/** Builds into a directory of its own and swaps, so that a Linecard that runs from dist/ never sees half a build. */
function setUpBuild() {
  const sources = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', ...filesIn('src')];
  // An image that was built elsewhere has no sources.
  if (!existsSync('src') && existsSync(BUILD_STAMP)) return;
  const stamp = sha256(sources.flatMap((file) => [file, readFileSync(file)]));
  if (readStamp(BUILD_STAMP) === stamp) return;
  say('building');
  const fresh = `dist.new-${process.pid}`;
  const old = `dist.old-${process.pid}`;
  try {
    run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', fresh]);
    for (const file of filesIn('src').filter((name) => !/\.(ts|md)$/.test(name))) {
      const target = path.join(fresh, path.relative('src', file));
      mkdirSync(path.dirname(target), { recursive: true });
      cpSync(file, target);
    }
    writeFileSync(path.join(fresh, path.basename(BUILD_STAMP)), stamp);
    if (existsSync('dist')) renameSync('dist', old);
    renameSync(fresh, 'dist');
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

async function setUpAsterisk() {
  const { findOrInstallAsterisk } = await import('../dist/demo/asterisk-install.js');
  await findOrInstallAsterisk({ print: say });
}

function filesIn(dir) {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function readStamp(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

function sha256(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { stdio: ['inherit', 2, 2], env: { ...process.env, ...env } });
  if (status !== 0) fail(`${command} ${args.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}`);
}

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

function fail(line) {
  say(line);
  process.exit(1);
}
