// Makes the golden recordings anew: `npx tsx test/golden/make.ts`. Listen to what changed before it is committed: the test
// only says that it sounds as it did.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodeWav } from '../../src/core/wav.js';
import { GOLDEN_CASES, GOLDEN_FOLDER } from '../support/golden.js';
import { speech } from '../support/speech.js';

const spoken = speech(['Sales or support?'], 'slt', 800);
const input = spoken.subarray(0, spoken.length - (spoken.length % 320));
const recordings: Record<string, Int16Array> = { speech: input };
for (const [name, process] of Object.entries(GOLDEN_CASES)) recordings[name] = process(input);

mkdirSync(GOLDEN_FOLDER, { recursive: true });
const sums = Object.entries(recordings).map(([name, pcm]) => {
  const wav = encodeWav(pcm, 16_000);
  writeFileSync(path.join(GOLDEN_FOLDER, `${name}.wav`), wav);
  return `${createHash('sha256').update(wav).digest('hex')}  ${name}.wav\n`;
});
writeFileSync(path.join(GOLDEN_FOLDER, 'SHA256SUMS'), sums.join(''));
