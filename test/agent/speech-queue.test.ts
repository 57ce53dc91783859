import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeardSpeech } from '../../src/agent/port.js';
import { SampleChunks, SampleQueue } from '../../src/agent/sample-chunks.js';
import { SpeechQueue } from '../../src/agent/speech-queue.js';
import { textHeard } from '../../src/agent/text-heard.js';
import { TurnTaking } from '../../src/agent/turn-taking.js';

const FRAME = 320;

function newQueue(): { queue: SpeechQueue; heard: HeardSpeech[] } {
  const heard: HeardSpeech[] = [];
  return { queue: new SpeechQueue({ pool: new SampleChunks(), onHeard: (speech) => heard.push(speech) }), heard };
}

describe('the speech queue', () => {
  it('cuts by the times of words where the voice gives them', () => {
    const { queue, heard } = newQueue();
    const segment = queue.begin();
    queue.write(segment, new Int16Array(16_000).fill(7));
    queue.text(segment, 'now or never', [
      { word: 'now', endMs: 900 },
      { word: 'or', endMs: 950 },
      { word: 'never', endMs: 1000 },
    ]);
    queue.end(segment);
    for (let i = 0; i < 45; i++) queue.read(new Int16Array(FRAME));
    queue.clear();
    queue.read(new Int16Array(FRAME));
    expect(heard).toEqual([{ segment, heardMs: 905, text: 'now', interrupted: true }]);
  });

  it('fades out over 5 ms and never plays what was cleared', () => {
    const { queue } = newQueue();
    const segment = queue.begin();
    queue.write(segment, new Int16Array(16_000).fill(10_000));
    queue.read(new Int16Array(FRAME));
    queue.clear();
    const frame = new Int16Array(FRAME);
    expect(queue.read(frame)).toBe(80);
    expect(frame[0]).toBe(9877);
    expect(frame[79]).toBeLessThan(250);
    expect(frame.subarray(80).every((sample) => sample === 0)).toBe(true);
    expect(queue.idle).toBe(true);
  });

  it('is held with a fade, and goes on before the place where it stopped, with all that is queued', () => {
    const { queue, heard } = newQueue();
    const segment = queue.begin();
    queue.write(
      segment,
      new Int16Array(16_000).map((_, i) => 1000 + i),
    );
    queue.end(segment);
    const frame = new Int16Array(FRAME);
    for (let i = 0; i < 20; i++) queue.read(frame);
    queue.hold();
    expect(queue.read(frame)).toBe(80);
    expect(frame[79]).toBeLessThan(100);
    const queuedMs = queue.queuedMs;
    for (let i = 0; i < 50; i++) expect(queue.read(frame)).toBe(0);
    expect(queue.held).toBe(true);
    expect(queue.queuedMs).toBe(queuedMs);
    queue.resume();
    expect(queue.queuedMs).toBe(queuedMs + 240);
    queue.read(frame);
    // Faded in, and then as it was 240 ms before the end of the fade.
    expect(frame[0]).toBeLessThan(200);
    expect(frame[100]).toBe(1000 + 20 * FRAME + 80 - 3840 + 100);
    const read: number[] = [...frame];
    while (!queue.idle) read.push(...frame.subarray(0, queue.read(frame)));
    expect(heard).toMatchObject([{ heardMs: 1000, interrupted: false }]);
    expect(read.slice(320, 340)).toEqual(Array.from({ length: 20 }, (_, i) => 1000 + 20 * FRAME + 80 - 3840 + 320 + i));
    expect(read.at(-1)).toBe(1000 + 15_999);
  });

  it('says no sentence again that was heard to its end, and repeats nothing of one that was not begun', () => {
    const { queue } = newQueue();
    const first = queue.begin();
    queue.write(first, new Int16Array(FRAME * 5).fill(1));
    queue.end(first);
    const second = queue.begin();
    queue.write(second, new Int16Array(FRAME * 5).fill(2));
    queue.end(second);
    const frame = new Int16Array(FRAME);
    for (let i = 0; i < 6; i++) queue.read(frame);
    queue.hold();
    queue.read(frame);
    queue.resume();
    let ones = 0;
    let twos = 0;
    while (!queue.idle) {
      const count = queue.read(frame);
      ones += frame.subarray(0, count).filter((sample) => sample === 1).length;
      twos += frame.subarray(0, count).filter((sample) => sample === 2).length;
    }
    expect(ones).toBeLessThan(80); // of the fade
    expect(twos).toBeGreaterThan(FRAME * 5 - 160);
    const third = queue.begin();
    queue.write(third, new Int16Array(FRAME).fill(3));
    queue.end(third);
    queue.hold();
    expect(queue.read(frame)).toBe(0);
    queue.resume();
    expect(queue.queuedMs).toBe(20);
  });

  it('reports what is cleared while it is held at once, and plays nothing of it', () => {
    const { queue, heard } = newQueue();
    const segment = queue.begin();
    queue.write(segment, new Int16Array(16_000).fill(5000));
    const frame = new Int16Array(FRAME);
    queue.read(frame);
    queue.hold();
    queue.read(frame);
    queue.clear();
    expect(heard).toMatchObject([{ heardMs: 25, interrupted: true }]);
    expect(queue.held).toBe(false);
    expect(queue.read(frame)).toBe(0);
    expect(queue.idle).toBe(true);
    queue.hold();
    expect(queue.held).toBe(false);
  });

  it('is never heard for longer than it is, however often it is held', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('read' as const), frames: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ kind: fc.constantFrom('hold' as const, 'resume' as const), frames: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 20_000 }), (steps, samples) => {
        const { queue, heard } = newQueue();
        const segment = queue.begin();
        queue.write(segment, new Int16Array(samples).fill(1));
        queue.end(segment);
        const frame = new Int16Array(FRAME);
        for (const { kind, frames } of steps) {
          if (kind === 'hold') queue.hold();
          else if (kind === 'resume') queue.resume();
          for (let i = 0; i < frames; i++) queue.read(frame);
          expect(queue.queuedMs).toBeLessThanOrEqual(samples / 16);
        }
        queue.resume();
        while (!queue.idle) queue.read(frame);
        expect(heard).toEqual([{ segment, heardMs: samples / 16, text: '', interrupted: false }]);
      }),
    );
  });

  it('keeps what is begun after a clear', () => {
    const { queue, heard } = newQueue();
    const first = queue.begin();
    queue.write(first, new Int16Array(640).fill(1));
    queue.clear();
    const second = queue.begin();
    queue.write(second, new Int16Array(FRAME).fill(2));
    queue.end(second);
    const frame = new Int16Array(FRAME);
    queue.read(frame);
    expect(frame[0]).toBe(2);
    expect(heard.map(({ segment, heardMs }) => [segment, heardMs])).toEqual([
      [first, 0],
      [second, 20],
    ]);
  });

  it('takes two minutes and counts the rest', () => {
    const { queue } = newQueue();
    const segment = queue.begin();
    expect(queue.write(segment, new Int16Array(16 * 119_000))).toBe(16 * 119_000);
    expect(queue.write(segment, new Int16Array(16 * 2000))).toBe(16 * 1000);
    expect(queue.lost).toBe(16 * 1000);
    expect(queue.queuedMs).toBe(120_000);
  });

  it('waits in silence for a voice that is late', () => {
    const { queue, heard } = newQueue();
    const segment = queue.begin();
    queue.write(segment, new Int16Array(100).fill(5));
    const frame = new Int16Array(FRAME).fill(99);
    expect(queue.read(frame)).toBe(100);
    expect(frame[100]).toBe(0);
    expect(queue.underruns).toBe(1);
    expect(heard).toEqual([]);
  });

  it('plays every sample once, in order, and reports exactly what it played', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('say' as const), samples: fc.integer({ min: 0, max: 3000 }) }),
      fc.record({ kind: fc.constant('read' as const), times: fc.integer({ min: 1, max: 12 }) }),
      fc.constant({ kind: 'clear' as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { queue, heard } = newQueue();
        let next = 1;
        let audible = 0;
        let last = 0;
        const read = (fading: boolean): void => {
          const frame = new Int16Array(FRAME);
          const count = queue.read(frame);
          audible += count;
          if (fading) {
            last = next - 1;
            return;
          }
          for (let i = 0; i < count; i++) {
            expect(frame[i]).toBeGreaterThan(last);
            last = frame[i]!;
          }
        };
        for (const now of steps) {
          if (now.kind === 'say' && next + now.samples < 32_000) {
            const segment = queue.begin();
            queue.write(
              segment,
              Int16Array.from({ length: now.samples }, () => next++),
            );
            queue.end(segment);
          } else if (now.kind === 'read') for (let i = 0; i < now.times; i++) read(false);
          else if (now.kind === 'clear') {
            queue.clear();
            read(true);
          }
        }
        while (!queue.idle) read(false);
        const heardSamples = heard.reduce((sum, { heardMs }) => sum + heardMs * 16, 0);
        expect(Math.round(heardSamples)).toBe(audible);
      }),
    );
  });
});

describe('samples in chunks', () => {
  it('are the same whatever the sizes of writes and reads', () => {
    const op = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 9000 }));
    fc.assert(
      fc.property(fc.array(op, { maxLength: 40 }), (ops) => {
        const queue = new SampleQueue(new SampleChunks(), 20_000);
        const model: number[] = [];
        let next = 0;
        for (const [isWrite, count] of ops) {
          if (isWrite) {
            const samples = Int16Array.from({ length: count }, () => next++ % 30_000);
            const taken = queue.write(samples);
            model.push(...samples.subarray(0, taken));
            expect(taken).toBe(Math.min(count, 20_000 - (model.length - taken)));
          } else {
            const dst = new Int16Array(count);
            const got = queue.read(dst, 0, count);
            expect([...dst.subarray(0, got)]).toEqual(model.splice(0, count));
          }
          expect(queue.length).toBe(model.length);
        }
      }),
    );
  });
});

describe('the text that was heard', () => {
  it('is always a beginning of the text that was said', () => {
    const word = fc.record({ word: fc.stringMatching(/^[a-z]{1,9}$/), endMs: fc.constant(null) });
    fc.assert(
      fc.property(
        fc.array(word),
        fc.integer({ min: 0, max: 9000 }),
        fc.integer({ min: 1, max: 9000 }),
        (words, heardMs, totalMs) => {
          const all = words.map((said) => said.word).join(' ');
          expect(all.startsWith(textHeard(words, heardMs, totalMs))).toBe(true);
          expect(textHeard(words, totalMs, totalMs)).toBe(all);
        },
      ),
    );
  });
});

describe('turn taking', () => {
  it('never ends a turn that did not begin, and never begins one twice', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 3000 }), (frames) => {
        const turns = new TurnTaking();
        let speaking = false;
        frames.forEach((speech, i) => {
          const signal = turns.feed(speech ? 'speech' : 'none', i * 20);
          if (signal === 'started') {
            expect(speaking).toBe(false);
            expect(turns.onsetAtMs).toBeLessThanOrEqual(i * 20);
            speaking = true;
          } else if (signal === 'finished') {
            expect(speaking).toBe(true);
            speaking = false;
          }
          expect(turns.speaking).toBe(speaking);
        });
      }),
    );
  });

  it('waits longer for a caller who pauses in the middle of sentences', () => {
    const turns = new TurnTaking();
    let atMs = 0;
    const feed = (speech: 'speech' | 'none', ms: number): string[] => {
      const signals: string[] = [];
      for (let i = 0; i < ms; i += 20) signals.push(turns.feed(speech, (atMs += 20)));
      return signals.filter((signal) => signal !== 'none');
    };
    expect(feed('speech', 500)).toEqual(['started']);
    expect(feed('none', 640)).toEqual(['finished']);
    expect(feed('speech', 500)).toEqual(['started']); // it was not the end
    expect(feed('none', 640)).toEqual([]);
    expect(feed('none', 100)).toEqual(['finished']);
  });
});
