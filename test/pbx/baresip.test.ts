import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeWav } from '../../src/core/wav.js';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere } from '../support/linecard.js';
import { rms, toneShare } from '../support/phone/recording.js';

/** A phone that nobody here wrote. */
const isThere = spawnSync('baresip', ['-h'], { stdio: 'ignore' }).error === undefined;
if (!isThere) process.stderr.write('SKIPPED: baresip is not installed, no call of a foreign phone is tested\n');
const MODULES = '/usr/lib/baresip/modules';
const TONE_HZ = 800;
const SECONDS = 2;

describe.skipIf(!isThere && process.env['CI'] !== 'true')('baresip', () => {
  let asterisk: TestAsterisk;
  let linecard: LinecardHere;
  beforeAll(async () => {
    asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
    linecard = await startLinecardHere({ asterisk });
  });
  afterAll(async () => {
    await linecard.close();
    await asterisk.stop();
  });

  test.each([
    { codec: 'PCMU/8000/1', rateHz: 8000 },
    { codec: 'G722/16000/1', rateHz: 16_000 },
  ])('hears its own tone from 7009 in $codec', async ({ codec, rateHz }) => {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'linecard-baresip-'));
    try {
      const samples = await echoOf(directory, codec, rateHz);
      // What it recorded last: a second.
      const end = samples.subarray(-rateHz);
      expect(rms(end)).toBeGreaterThan(300);
      expect(toneShare(end, TONE_HZ, rateHz)).toBeGreaterThan(0.9);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    await expectNothingLeft(asterisk);
    expect(linecard.takeComplaints()).toEqual([]);
  });

  /** Calls 7009, talks for two seconds, hangs up; returns what baresip's own recorder kept of what it heard. */
  async function echoOf(directory: string, codec: string, rateHz: number): Promise<Int16Array> {
    await writePhone(directory, codec, rateHz);
    const phone = spawn('baresip', ['-f', directory, '-e', `/dial 7009`], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    for (const stream of [phone.stdout, phone.stderr]) stream.on('data', (chunk) => (printed += String(chunk)));
    const ended = new Promise((resolve) => phone.once('exit', resolve));
    try {
      const heardBytes = async (): Promise<number> => {
        const file = await heardFile(directory);
        return file === null ? 0 : (await stat(file)).size;
      };
      await expect.poll(heardBytes, { timeout: 15_000 }).toBeGreaterThan(SECONDS * rateHz * 2);
    } catch (error) {
      throw new Error(`baresip recorded no call; it printed:\n${printed}`, { cause: error });
    } finally {
      // It hangs up and unregisters.
      phone.kill('SIGTERM');
      await ended;
    }
    const wav = await readFile((await heardFile(directory)) ?? '');
    expect([wav.toString('latin1', 0, 4), wav.readUInt32LE(24)]).toEqual(['RIFF', rateHz]);
    const dataAt = wav.indexOf('data') + 8;
    return Int16Array.from({ length: (wav.length - dataAt) >> 1 }, (_, i) => wav.readInt16LE(dataAt + 2 * i));
  }

  async function writePhone(directory: string, codec: string, rateHz: number): Promise<void> {
    const { sipPort } = asterisk.config;
    const modules = ['g711', 'g722', 'aufile', 'sndfile', 'account', 'menu'];
    const config = [
      `sip_listen 127.0.0.1:${await findPortPair()}`,
      'net_interface 127.0.0.1',
      `module_path ${MODULES}`,
      ...modules.map((name) => `module ${name}.so`),
      `audio_source aufile,${directory}/tone.wav`,
      `snd_path ${directory}`,
      'rtp_ports 20000-29999',
    ];
    const account = `<sip:6001@127.0.0.1:${sipPort}>;auth_pass=secret6001;regint=60;audio_codecs=${codec}\n`;
    // Long enough: it hangs up at the end of the file.
    const tone = Int16Array.from(
      { length: 30 * rateHz },
      (_, i) => 8000 * Math.sin((2 * Math.PI * TONE_HZ * i) / rateHz),
    );
    await writeFile(path.join(directory, 'tone.wav'), encodeWav(tone, rateHz));
    await writeFile(path.join(directory, 'config'), `${config.join('\n')}\n`);
    await writeFile(path.join(directory, 'accounts'), account);
  }
});

/** It takes the port after its own, too: for SIP over TLS, unasked. A test run failed for somebody else's port. */
async function findPortPair(): Promise<number> {
  for (;;) {
    const port = await findFreePort();
    const next = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      next.once('error', () => resolve(false));
      next.listen(port + 1, '127.0.0.1', () => next.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** The file of what was decoded; there is another one of what was encoded. */
async function heardFile(directory: string): Promise<string | null> {
  const name = (await readdir(directory)).find((file) => file.endsWith('-dec.wav'));
  return name === undefined ? null : path.join(directory, name);
}
