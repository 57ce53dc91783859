import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WyomingSpeaker, WyomingTranscriber } from '../../../../src/agent/providers/pipeline/wyoming.js';
import type { WyomingEvent } from '../../../../src/agent/providers/pipeline/wyoming-wire.js';
import { WyomingReader, writeEvent } from '../../../../src/agent/providers/pipeline/wyoming-wire.js';
import { until } from '../../../support/agent-call.js';
import { FakeClock } from '../../../support/fake-clock.js';

const { signal } = new AbortController();
const received: WyomingEvent[] = [];
const sockets: Socket[] = [];
let answer: (event: WyomingEvent, socket: Socket) => void;
let clock: FakeClock;

const server = createServer((socket) => {
  const reader = new WyomingReader();
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    for (const event of reader.push(chunk)) {
      received.push(event);
      answer(event, socket);
    }
  });
});

beforeEach(async () => {
  received.length = 0;
  clock = new FakeClock();
  answer = () => undefined;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  expect(clock.pendingAlarms).toBe(0);
});

const place = () => ({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, clock });
const understand = (utterance = new Int16Array(3000).fill(7)) =>
  new WyomingTranscriber({ ...place(), language: 'en' }).transcribe(utterance, signal);

describe('events of the Wyoming protocol', () => {
  it('are read whatever their pieces, with data behind the line or in it', () => {
    const more = Buffer.from('{"text":"hi"}');
    const bytes = Buffer.concat([
      writeEvent('audio-chunk', { rate: 16_000 }, Buffer.from('\n\n{}\n')),
      Buffer.from(`{"type":"transcript","data":{"a":1},"data_length":${more.length},"payload_length":null}\n`),
      more,
      writeEvent('audio-stop', {}),
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (size) => {
        const reader = new WyomingReader();
        const events: WyomingEvent[] = [];
        for (let at = 0; at < bytes.length; at += size) events.push(...reader.push(bytes.subarray(at, at + size)));
        expect(events.map(({ type }) => type)).toEqual(['audio-chunk', 'transcript', 'audio-stop']);
        expect(events[0]?.payload.toString()).toBe('\n\n{}\n');
        expect(events[1]?.data).toEqual({ a: 1, text: 'hi' });
      }),
    );
  });

  it.each(['nonsense\n', '{"type":1}\n', '{"type":"x","payload_length":99999999}\n', 'x'.repeat(70_000)])(
    'are not %.20j',
    (text) => {
      expect(() => new WyomingReader().push(Buffer.from(text))).toThrow('does not speak the Wyoming protocol');
    },
  );
});

describe('a Wyoming recognizer', () => {
  it('is given the whole utterance, and its text is taken', async () => {
    answer = ({ type }, socket) => {
      if (type === 'audio-stop') socket.write(writeEvent('transcript', { text: ' Are you open? ' }));
    };
    expect(await understand()).toBe('Are you open?');
    expect(received[0]).toMatchObject({ type: 'transcribe', data: { language: 'en' } });
    const chunks = received.filter(({ type }) => type === 'audio-chunk');
    expect(Buffer.concat(chunks.map(({ payload }) => payload))).toHaveLength(6000);
    expect(chunks[0]?.data).toEqual({ rate: 16_000, width: 2, channels: 1 });
  });

  it.each([
    [
      'says that it cannot',
      (socket: Socket) => socket.write(writeEvent('error', { text: 'no model' })),
      'says: no model',
    ],
    ['closes', (socket: Socket) => socket.end(), 'closed the connection'],
    ['speaks another protocol', (socket: Socket) => socket.write('HTTP/1.1 400\r\n\r\n'), 'Wyoming protocol'],
  ])('that %s fails', async (_how, misbehave, words) => {
    answer = ({ type }, socket) => {
      if (type === 'audio-stop') misbehave(socket);
    };
    await expect(understand()).rejects.toMatchObject({
      code: 'AGENT_FAILED',
      message: expect.stringContaining(words) as string,
    });
  });

  it('that says nothing is given up in time', async () => {
    const understanding = understand();
    const failed = expect(understanding).rejects.toThrow('gave no answer within 8000 ms');
    await until(() => received.length > 4);
    clock.advance(8000);
    await failed;
  });
});

describe('a Wyoming voice', () => {
  it('is heard at our rate, piece by piece', async () => {
    answer = (_, socket) => {
      const format = { rate: 22_050, width: 2, channels: 1 };
      socket.write(writeEvent('audio-start', format));
      const pcm = Buffer.from(new Int16Array(22_050).fill(5000).buffer);
      for (let at = 0; at < pcm.length; at += 4410)
        socket.write(writeEvent('audio-chunk', format, pcm.subarray(at, at + 4410)));
      socket.write(writeEvent('audio-stop', {}));
    };
    const heard: Int16Array[] = [];
    await new WyomingSpeaker({ ...place(), voice: 'amy' }).speak('Hello.', signal, (pcm) => heard.push(pcm));
    expect(received[0]?.data).toEqual({ text: 'Hello.', voice: { name: 'amy' } });
    expect(heard.length).toBeGreaterThan(1);
    const samples = heard.flatMap((pcm) => [...pcm]);
    expect(Math.abs(samples.length - 16_000)).toBeLessThan(20);
    expect(samples[8000]).toBeGreaterThan(4900);
  });

  it('stops when nobody listens any more', async () => {
    const listening = new AbortController();
    const speaking = new WyomingSpeaker({ ...place(), voice: null }).speak('Hello.', listening.signal, () => undefined);
    const stopped = expect(speaking).rejects.toThrow();
    await until(() => received.length === 1);
    listening.abort();
    await stopped;
    await until(() => sockets.every((socket) => socket.destroyed || socket.readableEnded));
  });
});
