import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { OpenAiSpeaker } from '../../../../src/agent/providers/pipeline/openai-speech.js';
import { FakeClock } from '../../../support/fake-clock.js';

const ANSWER_MS = 8000;

let server: Server;

/** A voice whose whole answer is there at once. */
beforeEach(async () => {
  server = createServer((_, response) => response.end(Buffer.alloc(ANSWER_MS * 48, 1)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function voice(): OpenAiSpeaker {
  const { port } = server.address() as AddressInfo;
  const where = { baseUrl: `http://127.0.0.1:${port}/v1`, apiKey: 'sk-test', model: 'tts-test' };
  return new OpenAiSpeaker({ ...where, voice: 'nova', rateHz: 24_000, clock: new FakeClock() });
}

/*
 * A hundred calls with a pipeline had ticks that were 29 ms late: the body of an answer that is there already was read and resampled in one go, as reading it
 * takes no turn of the event loop.
 */
it('lets other calls have their turns while a long answer comes at once', async () => {
  let turn = 0;
  const count = (): void => {
    turn += 1;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  const samplesOfTurns = new Map<number, number>();
  await voice().speak('A long story.', new AbortController().signal, (pcm) => {
    samplesOfTurns.set(turn, (samplesOfTurns.get(turn) ?? 0) + pcm.length);
  });
  clearImmediate(next);
  const samples = [...samplesOfTurns.values()];
  expect(samples.reduce((sum, part) => sum + part, 0)).toBe(ANSWER_MS * 16);
  // A tenth of a second each; two where one came in the last moment of a turn.
  expect(Math.max(...samples)).toBeLessThanOrEqual(2 * 1600 + 2);
});

it('makes no more of an answer that nobody wants any more', async () => {
  const controller = new AbortController();
  let samples = 0;
  const speaking = voice().speak('A long story.', controller.signal, (pcm) => {
    samples += pcm.length;
    controller.abort();
  });
  await speaking.catch(() => undefined);
  expect(samples).toBeLessThanOrEqual(1601);
});
