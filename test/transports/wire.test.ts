import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SampleRateHz } from '../../src/core/units.js';
import { samplesPerFrame } from '../../src/core/units.js';
import {
  AudioFrameBuffer,
  FrameParser,
  KIND_AUDIO_FIRST,
  KIND_DIGIT,
  KIND_ERROR,
  KIND_HANG_UP,
  KIND_UUID,
  encodeFrame,
  kindOfRate,
  maxAudioBytes,
  rateOfKind,
  uuidBytes,
  uuidText,
} from '../../src/transports/audiosocket/wire.js';
import { fuzz } from '../support/fuzz.js';

const RATES: readonly SampleRateHz[] = [8000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

/** Parses chunks and writes down what was found, in a form that can be compared. */
function parse(chunks: readonly Uint8Array[]): { found: string[]; fault: string | null; midFrame: boolean } {
  const found: string[] = [];
  const parser = new FrameParser({
    uuid: (bytes, offset) => found.push(`uuid ${uuidText(bytes, offset)}`),
    digit: (code) => found.push(`digit ${code}`),
    audio: (rateHz, bytes, offset, length) =>
      found.push(`audio ${rateHz} ${Buffer.from(bytes.subarray(offset, offset + length)).toString('hex')}`),
    hangUp: () => found.push('hangUp'),
    error: (code) => found.push(`error ${code ?? 'without code'}`),
  });
  let fault: string | null = null;
  for (const chunk of chunks) fault = parser.push(chunk);
  return { found, fault, midFrame: parser.midFrame };
}

/** Cuts bytes at the given places (taken modulo the length, any order). */
function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(places[i - 1] ?? 0, end));
}

const audioFrame = fc.tuple(fc.constantFrom(...RATES), fc.integer({ min: 0, max: 700 })).chain(([rateHz, samples]) =>
  fc
    .uint8Array({
      minLength: Math.min(samples * 2, maxAudioBytes(rateHz)),
      maxLength: Math.min(samples * 2, maxAudioBytes(rateHz)),
    })
    .map((payload) => encodeFrame(kindOfRate(rateHz), payload)),
);
const anyFrame = fc.oneof(
  audioFrame,
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((payload) => encodeFrame(KIND_UUID, payload)),
  fc.uint8Array({ minLength: 1, maxLength: 1 }).map((payload) => encodeFrame(KIND_DIGIT, payload)),
  fc.uint8Array({ maxLength: 16 }).map((payload) => encodeFrame(KIND_ERROR, payload)),
  fc.constant(encodeFrame(KIND_HANG_UP)),
);
const cuts = fc.array(fc.nat(100_000), { maxLength: 12 });

describe('audiosocket frames', () => {
  it('knows the nine rates by their kinds', () => {
    expect(RATES.map(kindOfRate)).toEqual([0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18]);
    expect(RATES.map((_, i) => rateOfKind(KIND_AUDIO_FIRST + i))).toEqual(RATES);
    expect([0x0f, 0x19, 0x00, 0xff].map(rateOfKind)).toEqual([null, null, null, null]);
  });

  it('reads what Asterisk sends at the start of a call', () => {
    const stream = Buffer.from('01001040325ec25efd4bd3805fc0e14d9a0cf7' + '0300012a' + '100004fffe0100', 'hex');
    expect(parse([stream]).found).toEqual([
      'uuid 40325ec2-5efd-4bd3-805f-c0e14d9a0cf7',
      'digit 42',
      'audio 8000 fffe0100',
    ]);
  });

  it('reads the same, however the stream was split', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), cuts, (frames, places) => {
        const stream = Buffer.concat(frames);
        const whole = parse([stream]);
        expect(whole.fault).toBeNull();
        expect(whole.found).toHaveLength(frames.length);
        expect(parse(split(stream, places))).toEqual(whole);
      }),
    );
  });

  it('reads the same byte by byte', () => {
    const frames = RATES.map((rateHz) =>
      encodeFrame(kindOfRate(rateHz), new Uint8Array(maxAudioBytes(rateHz)).fill(7)),
    );
    const stream = Buffer.concat(frames);
    expect(parse([...stream].map((byte) => Uint8Array.of(byte)))).toEqual(parse([stream]));
  });

  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 3000 }),
    // Sound frames with something wrong amid them go deeper than noise does.
    fc
      .tuple(
        fc.array(anyFrame, { maxLength: 4 }),
        fc.uint8Array({ maxLength: 6 }),
        fc.array(anyFrame, { maxLength: 2 }),
      )
      .map(([before, noise, after]) => Buffer.concat([...before, noise, ...after])),
  );
  fuzz('survives any bytes in any split, and finds the same in them', fc.tuple(anyBytes, cuts), ([stream, places]) => {
    expect(parse(split(stream, places))).toEqual(parse([stream]));
  });

  it.each([
    ['0200013f', 'frame of kind 0x02 with 1 bytes: known kinds are 0x00, 0x01, 0x03, 0x10 to 0x18 and 0xff'],
    ['01000f', 'frame of kind 0x01 with 15 bytes: a UUID has 16 bytes'],
    ['000001', 'frame of kind 0x00 with 1 bytes: a hang-up has no payload'],
    ['030002', 'frame of kind 0x03 with 2 bytes: a digit has 1 byte'],
    ['100141', 'frame of kind 0x10 with 321 bytes: audio at 8000 Hz has an even length'],
    ['1003c2', 'frame of kind 0x10 with 962 bytes: audio at 8000 Hz has at most 960 bytes'],
    ['12ffff', 'frame of kind 0x12 with 65535 bytes: audio at 16000 Hz has an even length'],
    ['ff0011', 'frame of kind 0xff with 17 bytes: an error has at most 16 bytes'],
    ['474554', 'frame of kind 0x47 with 17748 bytes: known kinds are 0x00, 0x01, 0x03, 0x10 to 0x18 and 0xff'],
  ])('names what is wrong with %s before its payload is there', (hex, expected) => {
    const bytes = Buffer.from(hex, 'hex').subarray(0, 3);
    expect(parse([bytes]).fault).toBe(expected);
    // Nothing is read behind a fault: the border of the next frame is unknown.
    expect(parse([bytes, encodeFrame(KIND_HANG_UP)]).found).toEqual([]);
  });

  it('takes an interpolated frame of Asterisk, which has no data', () => {
    expect(parse([encodeFrame(0x10)])).toEqual({ found: ['audio 8000 '], fault: null, midFrame: false });
  });

  it('knows a connection that was cut amid a frame', () => {
    const frame = encodeFrame(0x10, new Uint8Array(320));
    expect(parse([frame]).midFrame).toBe(false);
    expect(parse([frame.subarray(0, 100)]).midFrame).toBe(true);
    expect(parse([frame.subarray(0, 1)]).midFrame).toBe(true);
  });

  it('reads an error with and without a code', () => {
    const stream = Buffer.concat([encodeFrame(KIND_ERROR), encodeFrame(KIND_ERROR, Uint8Array.of(4))]);
    expect(parse([stream]).found).toEqual(['error without code', 'error 4']);
  });

  it('writes audio as it reads it, at every rate', () => {
    for (const rateHz of RATES) {
      const frame = new AudioFrameBuffer(rateHz);
      frame.samples.forEach((_, i) => (frame.samples[i] = i - 100));
      expect(frame.samples).toHaveLength(samplesPerFrame(rateHz));
      const { found } = parse([frame.bytes]);
      expect(found).toEqual([`audio ${rateHz} ${Buffer.from(frame.samples.buffer, 4).toString('hex')}`]);
    }
  });

  it('turns UUIDs into bytes and back', () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        expect(uuidText(uuidBytes(uuid), 0)).toBe(uuid);
      }),
    );
  });

  it('stops amid a chunk when its leg was closed by a frame in it', () => {
    const found: string[] = [];
    const parser = new FrameParser({
      uuid: () => undefined,
      digit: () => found.push('digit'),
      audio: () => undefined,
      hangUp: () => {
        found.push('hangUp');
        parser.stop();
      },
      error: () => undefined,
    });
    parser.push(Buffer.concat([encodeFrame(KIND_HANG_UP), encodeFrame(KIND_DIGIT, Uint8Array.of(49))]));
    expect(found).toEqual(['hangUp']);
  });
});
