import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { RecordingNotes } from '../../src/call/port.js';
import { newLegId } from '../../src/core/ids.js';
import { findFreePort } from '../../src/demo/ports.js';
import type { LinecardProcess } from '../support/linecard.js';
import { startLinecardProcess } from '../support/linecard.js';
import { RawPeer } from '../support/raw-peer.js';

const LEVEL = 5000;
const FRAMES = 150;
/** Speech of flite is far above this, what else is played far below. */
const ONSET = 500;
/** On a busy machine the ticker skips turns, which are missing in the sound and not in the clock. */
const NEAR_MS = 400;

let linecard: LinecardProcess;
let peer: RawPeer;

afterEach(() => linecard.close());

async function call(agent: 'loop' | 'host'): Promise<void> {
  const port = await findFreePort();
  linecard = await startLinecardProcess({
    config: {
      audiosocket: { port, direct: agent },
      recording: { enabled: true },
      agents: { loop: { provider: 'echo' }, host: { provider: 'embedded', greeting: 'Thank you for calling Acme.' } },
    },
  });
  peer = await RawPeer.call(port, newLegId());
}

/** As fast as Linecard sends: in step with its clock. */
async function talk(level: number, isOver: (sent: number) => boolean | Promise<boolean>): Promise<void> {
  for (let sent = 0; !(await isOver(sent)); sent++) {
    peer.sendAudio(8000, level);
    await peer.until(({ frames }) => frames.length > sent);
  }
}

test('kill -9 in the middle of a call leaves a recording that can be played, but for the last second', async () => {
  await call('loop');
  await talk(LEVEL, (sent) => sent === FRAMES);
  await linecard.kill();
  peer.destroy();
  const { caller, agent, frames } = await recording();
  expect(frames).toBeGreaterThan(FRAMES - 50);
  expect(caller).toBeGreaterThan(0.9);
  // The echo.
  expect(agent).toBeGreaterThan(0.8);
  expect(await notes()).toMatchObject({ agent: 'loop', outcome: null });
});

test('kill -9 leaves the turns before it, each at the place in the recording where it is heard', async () => {
  await call('host');
  await talk(0, async () => (await notesIfAny())?.turns.length === 1);
  await linecard.kill();
  peer.destroy();
  const { durationMs, turns } = await notes();
  expect(turns).toMatchObject([{ who: 'agent', interrupted: false }]);
  const onsetMs = await onsetOfAgent();
  expect(Math.abs(onsetMs - (turns[0]?.offsetMs ?? NaN))).toBeLessThan(NEAR_MS);
  expect((await recording()).frames * 20).toBeGreaterThanOrEqual(durationMs);
});

test('a call that ends leaves all of it, and its notes', async () => {
  await call('loop');
  await talk(LEVEL, (sent) => sent === FRAMES);
  peer.hangUp();
  await expect.poll(async () => (await notes()).outcome, { timeout: 15_000 }).not.toBeNull();
  const { frames } = await recording();
  expect(frames).toBeGreaterThanOrEqual(FRAMES - 2);
  expect(await notes()).toMatchObject({ agent: 'loop', transport: 'audiosocket', lostChunks: 0 });
});

/** The only recording, as its header says; of both sides, the part in which there was sound. */
async function recording(): Promise<{ readonly caller: number; readonly agent: number; readonly frames: number }> {
  const bytes = await readFile(await file('.wav'));
  const samples = bytes.readUInt32LE(40) / 4;
  expect(bytes.length).toBeGreaterThanOrEqual(44 + samples * 4);
  const sound = { caller: 0, agent: 0 };
  for (let i = 0; i < samples; i++) {
    if (bytes.readInt16LE(44 + i * 4) > LEVEL / 2) sound.caller += 1 / samples;
    if (bytes.readInt16LE(46 + i * 4) > LEVEL / 2) sound.agent += 1 / samples;
  }
  return { ...sound, frames: samples / 320 };
}

/** When the agent is first heard, from the first sample. */
async function onsetOfAgent(): Promise<number> {
  const bytes = await readFile(await file('.wav'));
  const samples = bytes.readUInt32LE(40) / 4;
  for (let i = 0; i < samples; i++) if (Math.abs(bytes.readInt16LE(46 + i * 4)) > ONSET) return i / 16;
  return NaN;
}

/** Looked at now and then while the call goes on: before the first piece of sound there are none. */
async function notesIfAny(): Promise<RecordingNotes | null> {
  const names = await readdir(path.join(linecard.dataDir, 'recordings')).catch(() => []);
  return names.some((name) => name.endsWith('.json')) ? notes() : null;
}

async function notes(): Promise<RecordingNotes> {
  return JSON.parse(await readFile(await file('.json'), 'utf8')) as RecordingNotes;
}

async function file(ending: string): Promise<string> {
  const directory = path.join(linecard.dataDir, 'recordings');
  const name = (await readdir(directory)).find((each) => each.endsWith(ending));
  return path.join(directory, name ?? `none that ends in ${ending}`);
}
