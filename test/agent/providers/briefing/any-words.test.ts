import { beforeEach, expect, it } from 'vitest';
import { AnyWordsEars } from '../../../../src/agent/providers/briefing/any-words.js';
import { LinecardError } from '../../../../src/core/errors.js';
import { silentLogger } from '../../../../src/core/logger.js';
import { FakeClock, settle } from '../../../support/fake-clock.js';

const UTTERANCE = new Int16Array(320);
const LIMIT_MS = 4000;

/** What the recognizer of a few sentences made of it. */
let few: string | null;
/** What the speech to text understood; null: nothing comes. */
let words: string | null | LinecardError;
let clock: FakeClock;
let ears: AnyWordsEars;

beforeEach(() => {
  clock = new FakeClock();
  ears = new AnyWordsEars({
    few: () => ({ understand: () => Promise.resolve(few) }),
    stt: {
      transcribe: (_, signal) => {
        if (words instanceof LinecardError) return Promise.reject(words);
        if (words !== null) return Promise.resolve(words);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
      },
    },
    clock,
    log: silentLogger,
  });
});

it('takes a plain yes at once', async () => {
  [few, words] = ['yes please', null];
  expect(await ears.understand(UTTERANCE)).toBe('yes please');
});

it('hears everything else whole: a few sentences make "not now" of it', async () => {
  [few, words] = ['not now', " Not now, I'm with a client.\n"];
  expect(await ears.understand(UTTERANCE)).toBe("Not now, I'm with a client.");
});

it.each([
  ['not now', ''],
  ['not now', new LinecardError('AGENT_FAILED', 'not today')],
  [null, ''],
])('is content with the few sentences when nothing more is understood: %j, %j', async (said, text) => {
  [few, words] = [said, text];
  expect(await ears.understand(UTTERANCE)).toBe(said);
});

it('waits no longer than a caller should', async () => {
  [few, words] = ['not now', null];
  const understood = ears.understand(UTTERANCE);
  await settle();
  clock.advance(LIMIT_MS);
  expect(await understood).toBe('not now');
  expect(clock.pendingAlarms).toBe(0);
});

it('understands without a recognizer of a few sentences, too', async () => {
  const alone = new AnyWordsEars({
    few: () => null,
    stt: { transcribe: () => Promise.resolve('Yes.') },
    clock,
    log: silentLogger,
  });
  expect(await alone.understand(UTTERANCE)).toBe('Yes.');
});
