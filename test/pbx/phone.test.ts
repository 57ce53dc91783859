import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { G722Decoder, G722Encoder } from '../support/phone/g722.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import { gaps, heardTone, rms } from '../support/phone/recording.js';
import type { CodecName } from '../support/phone/sdp.js';
import { tone } from '../support/phone/sources.js';

/** Less than any of it, and more than the noise of a telephone's silence: the music has quiet passages, and a run failed in one. */
const MUSIC_RMS = 15;

let asterisk: TestAsterisk;
let phones: Phone[] = [];

beforeAll(async () => {
  asterisk = await startAsterisk();
});
afterEach(async () => {
  await Promise.all(phones.map((phone) => phone.close()));
  phones = [];
  await expect.poll(() => asterisk.cli('core show channels count'), { timeout: 15_000 }).toMatch(/^0 active channels/m);
});
afterAll(() => asterisk.stop());

async function open(
  user: string,
  options: { codecs?: readonly CodecName[]; incoming?: 'answer' | 'ring' | 486 | 603; password?: string } = {},
): Promise<Phone> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  const phone = await Phone.open({ server, user, password: `secret${user}`, ...options });
  phones.push(phone);
  await phone.register();
  return phone;
}

/** 6001 talks with 6002. */
async function connect(codecs: readonly CodecName[] = ['PCMU']): Promise<{ caller: PhoneCall; callee: PhoneCall }> {
  const [one, two] = [await open('6001', { codecs }), await open('6002', { codecs })];
  const caller = await one.dial('6002');
  await caller.answered();
  const callee = await two.rung();
  await callee.answered();
  return { caller, callee };
}

test('the G.722 of the phone is bit exact with that of Asterisk', async () => {
  const [plain, coded, decoded] = ['a.sln16', 'b.g722', 'c.sln16'].map((name) => path.join(asterisk.runDir, name));
  const sweep = Int16Array.from({ length: 32_000 }, (_, i) =>
    Math.round(6000 * Math.sin(0.3 * i + 1e-5 * i * i) + 4000 * Math.sin(i * Math.sin(i)) + (i > 16_000 ? 20_000 : 0)),
  );
  await writeFile(plain!, new Uint8Array(sweep.buffer));
  await asterisk.cli('module load res_convert.so');
  await asterisk.cli(`file convert ${plain} ${coded}`);
  await asterisk.cli(`file convert ${coded} ${decoded}`);
  const theirs = await readFile(coded!);
  expect(Buffer.compare(Buffer.from(new G722Encoder().encode(sweep)), theirs)).toBe(0);
  const ours = new G722Decoder().decode(theirs);
  expect(Buffer.compare(Buffer.from(ours.buffer), await readFile(decoded!))).toBe(0);
});

test('a wrong password is refused', async () => {
  await expect(open('6001', { password: 'wrong' })).rejects.toThrow('REGISTER was answered 401');
});

describe.each(['PCMU', 'PCMA', 'G722'] as const)('in %s', (codec) => {
  test('each hears the tone of the other, every 20 ms', async () => {
    const { caller, callee } = await connect([codec]);
    expect([caller.rtp.codec, callee.rtp.codec]).toEqual([codec, codec]);
    caller.play(tone(440));
    callee.play(tone(1000));
    await Promise.all([callee.recording.hears(440), caller.recording.hears(1000)]);
    const fromMs = performance.now();
    await caller.recording.receives(50);
    expect(heardTone(caller.recording, 1000, fromMs)).toBe(true);
    expect(heardTone(caller.recording, 440, fromMs)).toBe(false);
    const between = gaps(caller.recording, fromMs);
    expect(between.reduce((sum, gap) => sum + gap, 0) / between.length).toBeCloseTo(20, 0);
  });
});

test('5.5 kHz passes in G.722', async () => {
  const { caller, callee } = await connect(['G722']);
  caller.play(tone(5500));
  await callee.recording.hears(5500);
});

test('5.5 kHz does not pass in PCMU', async () => {
  const { caller, callee } = await connect(['PCMU']);
  caller.play(tone(440));
  await callee.recording.hears(440);
  caller.play(tone(5500));
  await callee.recording.hearsSilence();
});

test('digits in both directions', async () => {
  const { caller, callee } = await connect();
  await Promise.all([caller.sendDigits('1234567890*#'), callee.sendDigits('55#')]);
  await callee.rtp.receivesDigits('1234567890*#');
  await caller.rtp.receivesDigits('55#');
});

test('hold plays music to the other, resume brings the caller back', async () => {
  const { caller, callee } = await connect();
  caller.play(tone(440));
  await callee.recording.hears(440);
  await caller.hold();
  const heldAtMs = performance.now();
  await callee.recording.receives(50);
  expect(heardTone(callee.recording, 440, heldAtMs + 100)).toBe(false);
  expect(rms(callee.recording.samples(heldAtMs + 100))).toBeGreaterThan(MUSIC_RMS);
  await caller.resume();
  await callee.recording.hears(440);
});

test('the caller hangs up', async () => {
  const { caller, callee } = await connect();
  await caller.hangUp();
  expect(await callee.ends()).toMatchObject({ by: 'them', cause: 16 });
});

test('the called phone hangs up', async () => {
  const { caller, callee } = await connect();
  await callee.hangUp();
  expect(await caller.ends()).toMatchObject({ by: 'them', cause: 16 });
});

test.each([
  { refusal: 486, cause: 17 },
  { refusal: 603, cause: 21 },
] as const)('the called phone refuses by $refusal', async ({ refusal, cause }) => {
  await open('6002', { incoming: refusal });
  const caller = await (await open('6001')).dial('6002');
  expect(await caller.ends()).toMatchObject({ by: 'them', cause });
});

test('the caller gives up while it rings', async () => {
  const two = await open('6002', { incoming: 'ring' });
  const caller = await (await open('6001')).dial('6002');
  await caller.rings();
  const callee = await two.rung();
  await caller.hangUp();
  expect(await callee.ends()).toMatchObject({ by: 'them', status: 487 });
});

test('the caller hangs up right after the INVITE', async () => {
  const caller = await (await open('6001')).dial('7007');
  await caller.hangUp();
  expect(caller.state).toBe('ended');
});

test('the transfer key sends the other to a third extension', async () => {
  const { caller, callee } = await connect();
  caller.play(tone(440));
  await callee.recording.hears(440);
  expect(await callee.transfer('7007')).toBe(200);
  // 7007 is Asterisk's own echo.
  await caller.recording.hears(440);
});
