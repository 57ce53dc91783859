import { findFreePort } from '../src/demo/ports.js';
import { startAsterisk } from '../test/support/asterisk.js';
import { GOLDEN_CASES, readGolden } from '../test/support/golden.js';
import { startLinecardProcess } from '../test/support/linecard.js';
import { Phone } from '../test/support/phone/phone.js';
import type { CodecName } from '../test/support/phone/sdp.js';
import { once } from '../test/support/phone/sources.js';
import { printResult, round, sleep } from './support/media-bench.js';
import { NAIVE_CASES } from './support/naive-sound.js';
import type { SoundFigures } from './support/sound-figures.js';
import { callFigures, clickDb, soundFigures } from './support/sound-figures.js';
import { conversation } from './support/speech.js';

/** Of the golden recordings, where a filter is all that delays; of a call, there and back. */
const MOST_FILTER_DELAY_MS = 6;
const MOST_CALL_DELAY_MS = 500;
const CALL_SECONDS = Number(process.env['LINECARD_BENCH_SECONDS'] ?? '20');
/** Of a telephone, and of what is more. */
const NARROW_HZ = 3400;
const WIDE_HZ = 7000;
/** In these the pace changes, so that there is no delay to compare at. */
const PACED = new Set(['fast-clock', 'slow-clock']);

/** What becomes of speech: each golden recording, beside what a naive way makes of the same, and calls through a real Asterisk. */
const speech = readGolden('speech');
for (const name of Object.keys(GOLDEN_CASES)) {
  const golden = readGolden(name);
  if (PACED.has(name)) {
    printResult({ name: `sound of ${name}`, value: round(clickDb(speech, golden), 1), unit: 'dB, sharpest bend' });
    continue;
  }
  const upToHz = name === 'narrowband-and-back' ? NARROW_HZ : WIDE_HZ;
  print(name, soundFigures(speech, golden, MOST_FILTER_DELAY_MS, upToHz));
  const naive = NAIVE_CASES[name];
  if (naive !== undefined) print(`${name}, naive`, soundFigures(speech, naive(speech), MOST_FILTER_DELAY_MS, upToHz));
}

const asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
try {
  const linecard = await startLinecardProcess({ asterisk });
  try {
    const said = conversation(CALL_SECONDS);
    for (const codec of ['PCMU', 'G722'] as const) {
      const upToHz = codec === 'PCMU' ? NARROW_HZ : WIDE_HZ;
      for (const [whose, extension] of [
        ["Asterisk's", '7007'],
        ["Linecard's", '7009'],
      ] as const) {
        const heard = await echoed(said, extension, codec);
        print(`a call, ${codec}, ${whose} echo`, callFigures(said, heard, MOST_CALL_DELAY_MS, upToHz));
      }
    }
  } finally {
    await linecard.close();
  }
} finally {
  await asterisk.stop();
}

/** What a phone hears of what it says, from the packet on that arrived after it had begun. */
async function echoed(said: Int16Array, extension: string, codec: CodecName): Promise<Int16Array> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  const phone = await Phone.open({ server, user: '6001', password: 'secret6001', codecs: [codec] });
  try {
    const call = await phone.dial(extension);
    await call.answered();
    // What is learned in the first seconds is not judged.
    await sleep(5000);
    const beganAtMs = performance.now();
    await new Promise<void>((resolve) => call.play(once(said, resolve)));
    await sleep(MOST_CALL_DELAY_MS);
    return call.recording.samples(beganAtMs);
  } finally {
    await phone.close();
  }
}

function print(name: string, figures: SoundFigures): void {
  const rounded = Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, round(value, 2)]));
  printResult({ name: `sound of ${name}`, value: round(figures.spectralDistanceDb, 2), unit: 'dB', ...rounded });
}
