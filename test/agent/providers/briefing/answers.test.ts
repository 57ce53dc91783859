import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnswerEars } from '../../../../src/agent/providers/briefing/answers.js';
import { foregroundClock } from '../../../../src/core/clock.js';
import { silentLogger } from '../../../../src/core/logger.js';
import { FLITE_VOICES } from '../../../../src/speech/flite/flite.js';
import { Recognizer, findRecognizer } from '../../../../src/speech/recognizer.js';
import { Synthesizer } from '../../../../src/speech/synthesizer.js';
import { decodeMuLaw, encodeMuLaw } from '../../../support/phone/g711.js';

const files = await findRecognizer();

describe.skipIf(files === null && process.env.CI !== 'true')('an answer by voice', () => {
  const synthesizer = new Synthesizer({ clock: foregroundClock, log: silentLogger });
  let recognizer: Recognizer;
  let ears: AnswerEars;
  beforeAll(async () => {
    if (files === null) throw new Error('pocketsphinx is not installed: run "npm start" once, or install it');
    recognizer = new Recognizer({ files, clock: foregroundClock, log: silentLogger });
    ears = await AnswerEars.open(recognizer);
  });
  afterAll(async () => {
    await Promise.all([recognizer.close(), synthesizer.close()]);
  });

  it.each([
    ['yes please', /yes/],
    ['put them through', /put them through/],
    ['no thank you', /^no/],
    ["I'm in a meeting", /meeting/],
    ["no, I'm in a meeting", /^no.* meeting/],
  ])('"%s" is understood through a telephone', async (text, answer) => {
    const { pcm } = await synthesizer.speak(text, 'rms');
    expect(await ears.understand(throughTelephone(pcm))).toMatch(answer);
  });

  it('"hello" is the way to answer a telephone, and no answer', async () => {
    const { pcm } = await synthesizer.speak('hello', 'rms');
    expect(await ears.understand(throughTelephone(pcm))).toBeNull();
  });

  it.each([
    'You have reached the voicemail of Acme.',
    'Please leave a message after the tone.',
    'Hi, this is Bob. I am not at my desk right now.',
    'Sure enough, you have missed me again.',
    'Yes, this is the answering machine of the Smiths.',
    'We are sorry, there is no one to answer your call.',
  ])('"%s" is a voicemail, which takes no call', async (greeting) => {
    for (const voice of FLITE_VOICES) {
      const { pcm } = await synthesizer.speak(greeting, voice);
      expect(await ears.understand(throughTelephone(pcm)), voice).toBeNull();
    }
  });
});

/** Every second sample through µ-law, as a PBX in narrowband gives it to us; 300 ms of silence around it. */
function throughTelephone(pcm: Int16Array): Int16Array {
  const heard = new Int16Array(pcm.length + 9600);
  for (let i = 0; i + 1 < pcm.length; i += 2) {
    const sample = decodeMuLaw(encodeMuLaw(((pcm[i] ?? 0) + (pcm[i + 1] ?? 0)) / 2));
    heard[4800 + i] = sample;
    heard[4800 + i + 1] = sample;
  }
  return heard;
}
