import { access, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LinecardError, toLinecardError } from '../core/errors.js';
import { findDebianMirrors, type DebianMirror } from './apt-sources.js';
import { lastLines, runCommand } from './command.js';
import { withInstallLock } from './install-lock.js';

/** How to run an Asterisk that was found or installed. */
export type AsteriskProgram = {
  readonly version: string;
  readonly command: string;
  /** Come before Asterisk's own arguments: the private prefix brings its own C library and loader. */
  readonly args: readonly string[];
  /** Null: where the program itself looks. */
  readonly moduleDir: string | null;
  readonly dataDir: string | null;
  /** Files for music on hold; null when there are none. */
  readonly musicDir: string | null;
};

export type InstallOptions = {
  /** Where a private Asterisk is, or is put. `ASTERISK_PREFIX`, else `.demo/asterisk` beside package.json. */
  readonly prefix?: string;
  /** Told what is installed, a sentence a line. */
  readonly print?: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
  /** The machine's apt configuration. */
  readonly aptDir?: string;
};

/** Project root: this file is in src/demo or dist/demo. */
export const PROJECT_DIR = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** ARI with externalMedia over AudioSocket begins with 20.17; older ones of 20 still serve the dialplan variant. */
const OLDEST_MAJOR = 20;
const PACKAGES = ['asterisk', 'asterisk-moh-opsound-wav'];
const DOWNLOAD_LIMIT_MS = 600_000;
/** dpkg-deb is bound by one core; more than this many at once only wait for the disk. */
const UNPACK_PARALLEL = 3;

/** Finds an Asterisk of at least version 20 (prefix, then PATH), else installs one of Debian's into the prefix. */
export async function findOrInstallAsterisk(options: InstallOptions = {}): Promise<AsteriskProgram> {
  const env = options.env ?? process.env;
  const print = options.print ?? (() => undefined);
  const prefix = path.resolve(
    options.prefix ?? nonEmpty(env['ASTERISK_PREFIX']) ?? path.join(PROJECT_DIR, '.demo/asterisk'),
  );
  const found = (await findInPrefix(prefix)) ?? (await findOnPath(env));
  if (found !== null) return found;
  return withInstallLock(`${prefix}.lock`, async () => {
    // Someone else may have been faster while we waited for the lock.
    const made = await findInPrefix(prefix);
    if (made !== null) return made;
    await install(prefix, options.aptDir ?? '/etc/apt', print);
    const program = await findInPrefix(prefix);
    if (program === null)
      throw new LinecardError('PBX_UNREACHABLE', `the Asterisk installed in ${prefix} does not run`);
    print(`Asterisk ${program.version} is in ${prefix}`);
    return program;
  });
}

/** Debian's layout with its own loader, or that of `make install` with `--prefix`. */
async function findInPrefix(prefix: string): Promise<AsteriskProgram | null> {
  const binary = await firstExisting([path.join(prefix, 'usr/sbin/asterisk'), path.join(prefix, 'sbin/asterisk')]);
  if (binary === null) return null;
  const loader = await firstExisting(
    ['usr/lib64/ld-linux-x86-64.so.2', 'usr/lib/ld-linux-aarch64.so.1'].map((file) => path.join(prefix, file)),
  );
  if (loader === null) return describeProgram(binary, [], null, null);
  const modules = await findModules(path.join(prefix, 'usr/lib'));
  if (modules === null) return null;
  const libraries = path.dirname(path.dirname(modules));
  const args = ['--library-path', `${libraries}:${path.join(prefix, 'usr/lib')}`, binary];
  return describeProgram(loader, args, modules, path.join(prefix, 'usr/share/asterisk'));
}

async function findOnPath(env: NodeJS.ProcessEnv): Promise<AsteriskProgram | null> {
  const directories = [...(env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  const binary = await firstExisting(directories.filter((dir) => dir !== '').map((dir) => path.join(dir, 'asterisk')));
  if (binary === null) return null;
  // A build without AudioSocket would start and then serve nobody.
  const modules = (await findModules('/usr/lib')) ?? (await findModules('/usr/local/lib'));
  return modules === null ? null : describeProgram(binary, [], null, null);
}

async function describeProgram(
  command: string,
  args: readonly string[],
  moduleDir: string | null,
  dataDir: string | null,
): Promise<AsteriskProgram | null> {
  const { exitCode, stdout } = await runCommand(command, [...args, '-V'], { limitMs: 10_000 });
  const version = /^Asterisk (?:certified[-/])?(\d+)(\S*)/.exec(stdout);
  if (exitCode !== 0 || version === null || Number(version[1]) < OLDEST_MAJOR) return null;
  const music = dataDir === null ? ['/usr/share/asterisk/moh', '/var/lib/asterisk/moh'] : [path.join(dataDir, 'moh')];
  return {
    version: `${version[1] ?? ''}${(version[2] ?? '').replace(/[+~].*$/, '')}`,
    command,
    args,
    moduleDir,
    dataDir,
    musicDir: await firstExisting(music),
  };
}

/** The modules directory below a library directory: directly or in the one of the architecture. */
async function findModules(libraryDir: string): Promise<string | null> {
  const names = await readdir(libraryDir).catch(() => []);
  const candidates = ['', ...names.filter((name) => name.includes('linux-gnu'))];
  const proof = candidates.map((name) => path.join(libraryDir, name, 'asterisk/modules/app_audiosocket.so'));
  const module = await firstExisting(proof);
  return module === null ? null : path.dirname(module);
}

/** Unpacks into a directory beside the prefix and renames it, so that a prefix is whole or not there. */
async function install(prefix: string, aptDir: string, print: (line: string) => void): Promise<void> {
  const mirrors = await findDebianMirrors(aptDir);
  const fix = 'install Asterisk 20 or later yourself, or set ASTERISK_PREFIX to where one is';
  if (mirrors.length === 0)
    throw new LinecardError(
      'PBX_UNREACHABLE',
      `the apt sources in ${aptDir} name no Debian mirror to take Asterisk from: ${fix}`,
    );
  const occupied = await readdir(prefix).catch(() => []);
  if (occupied.length > 0)
    throw new LinecardError(
      'CONFIG_INVALID',
      `${prefix} has files but no Asterisk of version 20 or later: empty it, or ${fix}`,
    );
  const work = await mkdtemp(`${prefix}.new-`);
  try {
    print(
      `installing a private Asterisk from Debian into ${prefix} (about 95 MB to download, 290 MB on disk, no root)`,
    );
    let failure: unknown = null;
    for (const mirror of mirrors) {
      try {
        await download(path.join(work, 'apt'), mirror);
        failure = null;
        break;
      } catch (error) {
        failure = error;
      }
    }
    if (failure !== null) throw toLinecardError(failure);
    const root = path.join(work, 'root');
    await unpack(path.join(work, 'apt/cache/archives'), root);
    // The package's postinst would do this.
    await symlink('en_US_f_Allison', path.join(root, 'usr/share/asterisk/sounds/en'));
    await rm(prefix, { recursive: true, force: true });
    await rename(root, prefix);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Downloads Asterisk and all it depends on by an apt that has a state of its own: nothing of the machine's is touched. */
async function download(dir: string, mirror: DebianMirror): Promise<void> {
  await mkdir(path.join(dir, 'state/lists/partial'), { recursive: true });
  await mkdir(path.join(dir, 'cache/archives/partial'), { recursive: true });
  await writeFile(path.join(dir, 'status'), '');
  const options = mirror.options.length === 0 ? '' : `[${mirror.options.join(' ')}] `;
  await writeFile(path.join(dir, 'sources.list'), `deb ${options}${mirror.uri} sid main\n`);
  const settings = {
    'Dir::State': path.join(dir, 'state'),
    'Dir::State::status': path.join(dir, 'status'),
    'Dir::Cache': path.join(dir, 'cache'),
    'Dir::Etc::sourcelist': path.join(dir, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': '-',
    'Dir::Etc::preferencesparts': '-',
    'APT::Sandbox::User': '',
    'APT::Install-Recommends': 'false',
    'Acquire::Check-Valid-Until': 'false',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  for (const command of [['update'], ['-y', 'install', '--download-only', ...PACKAGES]]) {
    const { exitCode, output } = await runCommand('apt-get', [...args, ...command], { limitMs: DOWNLOAD_LIMIT_MS });
    if (exitCode !== 0)
      throw new LinecardError(
        'PBX_UNREACHABLE',
        `Asterisk could not be downloaded from ${mirror.uri}:\n${lastLines(output)}`,
      );
  }
}

async function unpack(archiveDir: string, root: string): Promise<void> {
  const archives = (await readdir(archiveDir)).filter((name) => name.endsWith('.deb'));
  const unpackOne = async (name: string): Promise<void> => {
    const { exitCode, output } = await runCommand('dpkg-deb', ['-x', path.join(archiveDir, name), root], {
      limitMs: 120_000,
    });
    if (exitCode !== 0)
      throw new LinecardError('STORAGE_FAILED', `${name} could not be unpacked:\n${lastLines(output)}`);
  };
  const worker = async (): Promise<void> => {
    for (let name = archives.shift(); name !== undefined; name = archives.shift()) await unpackOne(name);
  };
  await Promise.all(Array.from({ length: UNPACK_PARALLEL }, worker));
}

async function firstExisting(files: readonly string[]): Promise<string | null> {
  for (const file of files) {
    const there = await access(file).then(
      () => true,
      () => false,
    );
    if (there) return file;
  }
  return null;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
