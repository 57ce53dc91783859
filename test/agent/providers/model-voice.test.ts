import { beforeEach, describe, expect, it } from 'vitest';
import type { HeardSpeech } from '../../../src/agent/port.js';
import { ModelVoice } from '../../../src/agent/providers/model-voice.js';
import { SampleChunks } from '../../../src/agent/sample-chunks.js';
import { SpeechQueue } from '../../../src/agent/speech-queue.js';

const WORDS = 'one two three four five six seven eight nine ten';

let heard: HeardSpeech[];
let queue: SpeechQueue;
let voice: ModelVoice;
const frame = new Int16Array(320);

beforeEach(() => {
  heard = [];
  queue = new SpeechQueue({
    pool: new SampleChunks(),
    onHeard: (speech) => {
      heard.push(speech);
      voice.heard(speech);
    },
  });
  voice = new ModelVoice(queue, { coding: 'pcm', rateHz: 24_000 });
});

/** As many milliseconds at 24 kHz, at one level. */
function audio(ms: number): string {
  return Buffer.from(new Int16Array(ms * 24).fill(6000).buffer).toString('base64');
}

function ticks(count: number): number {
  let samples = 0;
  for (let i = 0; i < count; i++) {
    voice.work();
    samples += queue.read(frame);
  }
  return samples;
}

describe('an answer that comes in a burst', () => {
  it('is converted as it is needed, and heard whole', () => {
    const spoken = voice.begin();
    spoken.audio(audio(10_000));
    spoken.text(WORDS);
    spoken.endText();
    spoken.end();
    expect(queue.queuedMs).toBeGreaterThan(500);
    expect(queue.queuedMs).toBeLessThan(700);
    expect(spoken.receivedMs).toBe(10_000);
    expect(ticks(520)).toBeGreaterThanOrEqual(159_990);
    expect(queue.underruns).toBe(0);
    expect(heard).toMatchObject([{ text: WORDS, interrupted: false }]);
    expect(spoken.lost).toBe(0);
  });

  it('that is cut was heard as far as it was, of the whole', () => {
    const spoken = voice.begin();
    spoken.audio(audio(10_000));
    spoken.text(WORDS);
    spoken.endText();
    ticks(150);
    queue.clear();
    ticks(2);
    expect(heard).toHaveLength(1);
    // Three of ten seconds.
    expect(heard[0]?.text).toBe('one two three');
    expect(heard[0]?.heardMs).toBeGreaterThan(2990);
    spoken.audio(audio(1000));
    spoken.end();
    expect(ticks(10)).toBe(0);
  });

  it('waits for the one before it', () => {
    const first = voice.begin();
    const second = voice.begin();
    first.audio(audio(2000));
    second.audio(audio(2000));
    first.end();
    second.end();
    expect(ticks(210)).toBeGreaterThanOrEqual(63_980);
    expect(queue.underruns).toBe(0);
    expect(heard.map(({ interrupted }) => interrupted)).toEqual([false, false]);
  });
});

describe('a model that does not stop', () => {
  it('loses what nobody would wait for', () => {
    const spoken = voice.begin();
    for (let i = 0; i < 15; i++) spoken.audio(audio(10_000));
    expect(spoken.lost).toBeGreaterThan(0);
    expect(queue.queuedMs).toBeLessThan(700);
  });
});
