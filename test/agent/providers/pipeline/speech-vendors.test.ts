import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deepgramListening, deepgramSpeaking } from '../../../../src/agent/providers/pipeline/deepgram.js';
import { elevenLabsListening, elevenLabsSpeaking } from '../../../../src/agent/providers/pipeline/elevenlabs.js';
import { SocketSpeaker } from '../../../../src/agent/providers/pipeline/socket-speaker.js';
import { SocketTranscriber } from '../../../../src/agent/providers/pipeline/socket-transcriber.js';
import { until } from '../../../support/agent-call.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { FakeSpeechVendor, VENDOR_MS_PER_CHARACTER } from '../../../support/fake-speech-vendor.js';

const SECOND = new Int16Array(16_000).fill(3000);

describe.each(['deepgram', 'elevenlabs'] as const)('speech by %s', (kind) => {
  let vendor: FakeSpeechVendor;
  let clock: FakeClock;
  const never = new AbortController().signal;

  beforeEach(async () => {
    vendor = new FakeSpeechVendor(kind);
    await vendor.server.start();
    clock = new FakeClock();
  });

  afterEach(async () => {
    await until(() => vendor.server.connections.every(({ closedWith }) => closedWith !== null));
    await vendor.server.stop();
    expect(vendor.mistakes).toEqual([]);
    expect(clock.pendingAlarms).toBe(0);
  });

  function transcriber(): SocketTranscriber {
    const at = { baseUrl: vendor.baseUrl, apiKey: 'key-test', language: 'en' };
    const dialect =
      kind === 'deepgram'
        ? deepgramListening({ ...at, model: 'nova-3' })
        : elevenLabsListening({ ...at, model: 'scribe-test' });
    return new SocketTranscriber(dialect, clock);
  }

  function speaker(): SocketSpeaker {
    const at = { baseUrl: vendor.baseUrl, apiKey: 'key-test' };
    const dialect =
      kind === 'deepgram'
        ? deepgramSpeaking({ ...at, model: 'aura-test' })
        : elevenLabsSpeaking({ ...at, model: 'flash-test', voice: 'rachel' });
    return new SocketSpeaker(dialect, clock);
  }

  describe('that is heard', () => {
    it('is understood piece by piece over one connection', async () => {
      vendor.transcripts.push('Are you open', 'on Sundays?');
      const ear = transcriber().listen(() => undefined);
      ear.hear(SECOND);
      expect(await ear.finish()).toBe('Are you open');
      expect(await ear.finish()).toBe('');
      ear.hear(SECOND.subarray(0, 8000));
      expect(await ear.finish()).toBe('on Sundays?');
      expect(vendor.piecesMs).toEqual([1000, 500]);
      expect(vendor.server.connections).toHaveLength(1);
      ear.close();
      ear.close();
    });

    it('keeps the order of two questions for the last words', async () => {
      vendor.transcripts.push('One', 'two');
      const ear = transcriber().listen(() => undefined);
      ear.hear(SECOND);
      const first = ear.finish();
      ear.hear(SECOND);
      expect(await Promise.all([first, ear.finish()])).toEqual(['One', 'two']);
      ear.close();
    });

    it('is understood whole where only the whole is there', async () => {
      vendor.transcripts.push('Hello there.');
      expect(await transcriber().transcribe(SECOND, never)).toBe('Hello there.');
      expect(vendor.piecesMs).toEqual([1000]);
    });

    it('is what it was guessed to be when the last words do not come', async () => {
      vendor.transcripts.push('Yes please');
      vendor.ears = 'quiet';
      const ear = transcriber().listen(() => undefined);
      ear.hear(SECOND);
      const asked = ear.finish();
      await until(() => clock.pendingAlarms >= 2);
      await clock.advanceAsync(100);
      await until(() => vendor.server.connections.length === 1);
      let text: string | null = null;
      void asked.then((said) => (text = said));
      await until(() => {
        clock.advance(20);
        return text !== null;
      });
      expect(text).toBe('Yes');
      ear.close();
    });

    it('is not understood by a recognizer that says nothing', async () => {
      vendor.ears = 'deaf';
      const ear = transcriber().listen(() => undefined);
      await until(() => vendor.server.connections.length === 1);
      ear.hear(SECOND);
      const asked = ear.finish();
      clock.advance(2600);
      await expect(asked).rejects.toMatchObject({ code: 'AGENT_FAILED' });
      expect(ear.broken).toBe(true);
      await expect(ear.finish()).rejects.toMatchObject({ code: 'AGENT_FAILED' });
    });

    it('fails with the connection', async () => {
      vendor.ears = 'cut';
      await expect(transcriber().transcribe(SECOND, never)).rejects.toMatchObject({ code: 'AGENT_FAILED' });
    });

    it('is not understood where we are refused', async () => {
      vendor.server.welcome = { kind: 'refuse', status: 401 };
      await expect(transcriber().transcribe(SECOND, never)).rejects.toMatchObject({ code: 'AGENT_UNAVAILABLE' });
    });

    it('is given up when the call ends', async () => {
      vendor.ears = 'deaf';
      const controller = new AbortController();
      const asked = transcriber().transcribe(SECOND, controller.signal);
      await until(() => vendor.server.connections.length === 1);
      controller.abort(new Error('over'));
      await expect(asked).rejects.toThrow('over');
    });
  });

  describe('that is said', () => {
    it('comes as it is made', async () => {
      const pieces: number[] = [];
      await speaker().speak('We are open.', never, (pcm) => {
        pieces.push(pcm.length);
        expect(pcm.every((sample) => sample === 6000)).toBe(true);
      });
      expect(vendor.spoken).toEqual(['We are open.']);
      expect(pieces.length).toBeGreaterThan(1);
      expect(pieces.reduce((sum, length) => sum + length, 0)).toBe(12 * VENDOR_MS_PER_CHARACTER * 16);
    });

    it('fails when it breaks off', async () => {
      vendor.voice = 'half';
      let samples = 0;
      const spoken = speaker().speak('We are open.', never, (pcm) => (samples += pcm.length));
      await expect(spoken).rejects.toMatchObject({ code: 'AGENT_FAILED' });
      expect(samples).toBeGreaterThan(0);
    });

    it('fails with what the vendor says about it', async () => {
      vendor.voice = 'error';
      const spoken = speaker().speak('We are open.', never, () => undefined);
      await expect(spoken).rejects.toThrow(/no such voice/);
    });

    it('fails when nothing comes', async () => {
      vendor.voice = 'mute';
      const spoken = speaker().speak('We are open.', never, () => undefined);
      await until(() => vendor.server.connections.length === 1);
      clock.advance(5100);
      await expect(spoken).rejects.toMatchObject({ code: 'AGENT_FAILED' });
    });

    it('ends with its signal', async () => {
      vendor.voice = 'mute';
      const controller = new AbortController();
      const spoken = speaker().speak('We are open.', controller.signal, () => undefined);
      await until(() => vendor.server.connections.length === 1);
      controller.abort(new Error('over'));
      await expect(spoken).rejects.toThrow('over');
    });
  });
});

describe('a recognizer', () => {
  it('is kept from hanging up on a caller who is silent', async () => {
    const vendor = new FakeSpeechVendor('deepgram');
    await vendor.server.start();
    const clock = new FakeClock();
    const at = { baseUrl: vendor.baseUrl, apiKey: 'key-test', language: 'en', model: 'nova-3' };
    const ear = new SocketTranscriber(deepgramListening(at), clock).listen(() => undefined);
    await until(() => {
      clock.advance(100);
      return vendor.keepAlives >= 2;
    });
    ear.close();
    await vendor.server.stop();
    expect(vendor.mistakes).toEqual([]);
  });

  it('that is out of quota is not asked again', async () => {
    const vendor = new FakeSpeechVendor('elevenlabs');
    vendor.ears = 'out of quota';
    await vendor.server.start();
    const at = { baseUrl: vendor.baseUrl, apiKey: 'key-test', language: 'en', model: 'scribe-test' };
    const asked = new SocketTranscriber(elevenLabsListening(at), new FakeClock()).transcribe(
      SECOND,
      new AbortController().signal,
    );
    await expect(asked).rejects.toMatchObject({ code: 'AGENT_UNAVAILABLE' });
    await vendor.server.stop();
  });
});
