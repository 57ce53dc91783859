import { describe, expect, it } from 'vitest';
import { FLITE_VOICES, Flite } from '../../src/speech/flite/flite.js';
import { estimatedWordEnds, parsePhones, wordEnds } from '../../src/speech/flite/words.js';

const PROMPT = 'Thank you for calling Acme. For sales, press 1 or say sales.';

describe('flite', () => {
  const flite = new Flite();

  it.each(FLITE_VOICES)('speaks with %s at telephone level, at once and without clipping', (voice) => {
    const { pcm, words } = flite.speak(PROMPT, voice);
    expect(pcm.length / 16_000).toBeGreaterThan(2.5);
    expect(pcm.length / 16_000).toBeLessThan(7);
    expect(speechLevelDb(pcm)).toBeGreaterThan(-22);
    expect(speechLevelDb(pcm)).toBeLessThan(-18);
    expect(peakDb(pcm)).toBeLessThan(-1);
    expect(leadingSilenceMs(pcm)).toBeLessThanOrEqual(30);
    expect(leadingSilenceMs(pcm.slice().reverse())).toBeLessThanOrEqual(80);
    expect(words.map(({ word }) => word)).toEqual(PROMPT.split(' '));
  });

  it('knows when each word has been heard', () => {
    const { pcm, words } = flite.speak(PROMPT, 'slt');
    const ends = words.map(({ endMs }) => endMs);
    expect(ends).toEqual([...ends].sort((a, b) => a - b));
    expect(new Set(ends).size).toBe(ends.length);
    expect(ends.at(-1)).toBeGreaterThan(pcm.length / 16 - 150);
    // The pause of the full stop lies behind "Acme.".
    const acme = ends[4]!;
    expect(rms(pcm.subarray((acme + 20) * 16, (acme + 80) * 16))).toBeLessThan(rms(pcm) / 5);
  });

  it('says what is not plain English text, or stays silent, and never fails', () => {
    expect(flite.speak('', 'slt').pcm.length).toBe(0);
    expect(flite.speak('— … 你好', 'slt').pcm.length).toBe(0);
    const { pcm, words } = flite.speak('José & Zoë — 9:00-17:30', 'slt');
    expect(pcm.length).toBeGreaterThan(16_000);
    expect(words.map(({ word }) => word)).toEqual(['José', '&', 'Zoë', '—', '9:00-17:30']);
    expect(flite.speak('-o /etc/passwd -voice kal <break/>\0 "\\', 'slt').pcm.length).toBeGreaterThan(16_000);
  });
});

describe('words of sounds', () => {
  it('share a sentence out although it is said another way than word by word', () => {
    const sentence = parsePhones('pau:0.1 dh:0.2 iy:0.3 ow:0.4 p:0.5 ax:0.6 n:0.7 pau:0.9');
    const oneByOne = parsePhones('pau:0.2 dh:0.3 ax:0.4 pau:0.6 ow:0.7 p:0.8 ax:0.9 n:1.0 pau:1.2');
    expect(wordEnds(sentence, oneByOne, 2)).toEqual([0.3, 0.7]);
    expect(wordEnds(sentence, oneByOne, 3)).toBeNull();
    expect(estimatedWordEnds(sentence, ['the', 'open'])).toEqual([0.4, 0.7]);
  });
});

function rms(pcm: Int16Array): number {
  return Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / pcm.length);
}

function speechLevelDb(pcm: Int16Array): number {
  const windows: number[] = [];
  for (let at = 0; at + 320 <= pcm.length; at += 320) windows.push(rms(pcm.subarray(at, at + 320)));
  const loudest = Math.max(...windows);
  const speech = windows.filter((level) => level > loudest / 30);
  return 20 * Math.log10(Math.sqrt(speech.reduce((sum, level) => sum + level * level, 0) / speech.length) / 32_768);
}

function peakDb(pcm: Int16Array): number {
  return 20 * Math.log10(pcm.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0) / 32_768);
}

/** Until the first millisecond over -45 dBFS. */
function leadingSilenceMs(pcm: Int16Array): number {
  for (let ms = 0; ms * 16 < pcm.length; ms++) {
    if (rms(pcm.subarray(ms * 16, ms * 16 + 16)) > 32_768 * 10 ** (-45 / 20)) return ms;
  }
  return Infinity;
}
