import { afterAll, describe, expect, it } from 'vitest';
import { foregroundClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { sentences, spokenForm } from '../../src/speech/speakable.js';
import { Synthesizer } from '../../src/speech/synthesizer.js';
import { Voice } from '../../src/speech/voice.js';
import { FakeClock } from '../support/fake-clock.js';

describe('a voice', () => {
  const synthesizer = new Synthesizer({ clock: foregroundClock, log: silentLogger });
  afterAll(() => synthesizer.close());

  it('keeps its prompts and has them at once', async () => {
    const voice = new Voice(synthesizer, 'slt');
    expect(voice.ready('Hello there.')).toBeNull();
    await voice.keep('Hello there. How are you?');
    expect(voice.ready('Hello there.')?.pcm.length).toBeGreaterThan(4000);
    expect(voice.ready('How are you?')?.words.map(({ word }) => word)).toEqual(['How', 'are', 'you?']);
  });

  it('says a sentence twice with one synthesis', async () => {
    const voice = new Voice(synthesizer, undefined);
    const first = await voice.speak('One moment.');
    expect(await voice.speak('One moment.')).toBe(first);
    expect(voice.ready('One moment.')).toBe(first);
  });

  it('refuses a name it does not know', () => {
    expect(() => new Voice(synthesizer, 'siri')).toThrow("there is no voice 'siri'; there are slt, rms, awb, kal16");
  });
});

describe('the synthesizer', () => {
  it('rejects what it cannot queue, and what waits when it is closed', async () => {
    const synthesizer = new Synthesizer({ clock: new FakeClock(), log: silentLogger });
    const answers = Array.from({ length: 105 }, () => synthesizer.speak('Hello.', 'slt').then(() => 'spoken', String));
    await synthesizer.close();
    const messages = await Promise.all(answers);
    expect(messages.filter((message) => message.includes('100 texts wait already')).length).toBe(4);
    expect(messages.filter((message) => message.includes('was closed')).length).toBe(101);
    await expect(synthesizer.speak('Hello.', 'slt')).rejects.toMatchObject({ code: 'AGENT_UNAVAILABLE' });
  });

  it('goes on with another worker after one that hung', async () => {
    const clock = new FakeClock();
    const synthesizer = new Synthesizer({ clock, log: silentLogger });
    const hung = synthesizer.speak('Hello.', 'slt');
    const next = synthesizer.speak('And on.', 'slt');
    clock.advance(15_000);
    await expect(hung).rejects.toMatchObject({ code: 'AGENT_UNAVAILABLE' });
    expect((await next).pcm.length).toBeGreaterThan(4000);
    expect(clock.pendingAlarms).toBe(0);
    await synthesizer.close();
  });
});

describe('text for speech', () => {
  it('is cut into sentences, and long sentences at commas or spaces', () => {
    expect(sentences('One. Two! Three?  Four')).toEqual(['One.', 'Two!', 'Three?', 'Four']);
    expect(sentences('  ')).toEqual([]);
    const long = sentences(`${'word '.repeat(90)}end.`);
    expect(long.every((piece) => piece.length <= 200)).toBe(true);
    expect(long.join(' ')).toBe(`${'word '.repeat(90)}end.`);
    expect(sentences('x'.repeat(450)).map((piece) => piece.length)).toEqual([200, 200, 50]);
  });

  it('is spelled in letters the synthesizer has', () => {
    expect(spokenForm('Müller’s')).toBe("Muller's");
    expect(spokenForm('9:00–17:30,')).toBe("9 o'clock to 17 30,");
    expect(spokenForm('4:05')).toBe('4 oh 5');
    expect(spokenForm('—')).toBe('');
  });
});
