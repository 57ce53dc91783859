import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findDebianMirrors } from '../../src/demo/apt-sources.js';

let aptDir: string;
beforeEach(async () => {
  aptDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-apt-'));
  await mkdir(path.join(aptDir, 'sources.list.d'));
});
afterEach(() => rm(aptDir, { recursive: true }));

const write = (name: string, text: string): Promise<void> => writeFile(path.join(aptDir, name), text);

test('an image of Debian 12: deb822, with a security archive and somebody else beside it', async () => {
  await write(
    'sources.list.d/debian.sources',
    `Types: deb
# a comment between the fields
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`,
  );
  await write('sources.list.d/other.list', 'deb [signed-by=/k.gpg] https://other.example/apt bookworm main\n');
  const mirrors = await findDebianMirrors(aptDir);
  expect(mirrors).toEqual([
    { uri: 'http://mirror.example/debian', options: ['signed-by=/usr/share/keyrings/debian-archive-keyring.gpg'] },
    { uri: 'https://other.example/apt', options: ['signed-by=/k.gpg'] },
  ]);
});

test('an installed Debian 12: one-line sources', async () => {
  await write(
    'sources.list',
    `# deb cdrom:[Debian]/ bookworm main
deb http://mirror.example/debian/ bookworm main non-free-firmware # ours
deb-src http://mirror.example/debian/ bookworm main
deb http://security.example/debian-security bookworm-security main
`,
  );
  expect(await findDebianMirrors(aptDir)).toEqual([{ uri: 'http://mirror.example/debian/', options: [] }]);
});

test('what is switched off, holds a key inline or is trusted without one', async () => {
  await write(
    'sources.list.d/a.sources',
    `Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb deb-src
URIs: http://inline.example/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 AAAA
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: file:/mirror
Suites: stable
Components: main
Trusted: yes
`,
  );
  expect(await findDebianMirrors(aptDir)).toEqual([
    { uri: 'http://inline.example/debian', options: [] },
    { uri: 'file:/mirror', options: ['trusted=yes'] },
  ]);
});

test('a machine that is no Debian has none', async () => {
  await write('sources.list', 'deb http://archive.example/ubuntu noble main universe\n');
  expect(await findDebianMirrors(aptDir)).toEqual([]);
  expect(await findDebianMirrors('/nonexistent')).toEqual([]);
});
