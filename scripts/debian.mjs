// Debian packages that no npm package replaces: what is missing, and how it gets installed.
import { execFileSync, spawnSync } from 'node:child_process';

/** The recognizer of the embedded agent; without it the agent works by keys. */
export const RUN_PACKAGES = ['pocketsphinx', 'pocketsphinx-en-us'];
/** For the tests: a telephone nobody here wrote, a load generator, a browser and a TURN server. */
export const TEST_PACKAGES = ['baresip', 'sip-tester', 'chromium', 'coturn'];

/** Installs what is missing and returns what could not be installed. Prints every step to stderr. */
export function installPackages(names) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return [];
  const prefix = rootPrefix();
  if (prefix === null) {
    say(`cannot install ${missing.join(', ')}: neither root nor sudo, or no apt-get here`);
    return missing;
  }
  say(`installing Debian packages: ${missing.join(', ')}`);
  // A fresh machine has no package lists yet, one of last year has lists whose packages are gone.
  if (!apt(prefix, ['install', '-y', '--no-install-recommends', ...missing])) {
    apt(prefix, ['update']);
    apt(prefix, ['install', '-y', '--no-install-recommends', ...missing]);
  }
  return missing.filter((name) => !isInstalled(name));
}

function isInstalled(name) {
  const { status, stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
  return status === 0 && stdout === 'installed';
}

/** What to put before a command that needs root; null when there is no way. */
function rootPrefix() {
  if (spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0) return null;
  if (process.getuid() === 0) return [];
  // Only a person at a terminal can type a password.
  const ask = process.stdin.isTTY ? [] : ['-n'];
  return spawnSync('sudo', [...ask, 'true'], { stdio: 'inherit' }).status === 0 ? ['sudo', ...ask] : null;
}

function apt(prefix, args) {
  const command = [
    ...prefix,
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-q',
    '-o',
    'DPkg::Lock::Timeout=300',
  ];
  try {
    const [program, ...rest] = [...command, ...args];
    execFileSync(program, rest, { stdio: ['inherit', 2, 2], timeout: 900_000 });
    return true;
  } catch (error) {
    say(`apt-get ${args[0]} failed: ${error.message.split('\n')[0]}`);
    return false;
  }
}

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}
