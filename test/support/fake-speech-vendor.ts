import type { listen, speak } from '@deepgram/sdk';
import { z } from 'zod';
import type { FakeConnection } from './fake-socket-server.js';
import { FakeSocketServer } from './fake-socket-server.js';

/** Milliseconds of audio that a voice makes of a character. */
export const VENDOR_MS_PER_CHARACTER = 20;
/** What was recognized before anything is said about it. */
const FIRST_WORDS_MS = 200;

const deepgramListen = z.strictObject({ type: z.enum(['Finalize', 'KeepAlive', 'CloseStream']) }) satisfies z.ZodType<
  listen.ListenV1Finalize | listen.ListenV1KeepAlive | listen.ListenV1CloseStream
>;
const deepgramSpeak = z.union([
  z.strictObject({ type: z.literal('Speak'), text: z.string().min(1) }),
  z.strictObject({ type: z.literal('Flush') }),
]) satisfies z.ZodType<speak.SpeakV1Text | speak.SpeakV1Flush>;
const elevenLabsListen = z.strictObject({
  message_type: z.literal('input_audio_chunk'),
  audio_base_64: z.union([z.base64(), z.literal('')]),
  commit: z.boolean(),
  sample_rate: z.literal(16_000),
});
const elevenLabsSpeak = z.strictObject({ text: z.string() });

const PATHS = {
  deepgram: {
    listen:
      '/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&channels=1&interim_results=true&smart_format=true&endpointing=false&language=en',
    speak: '/v1/speak?model=aura-test&encoding=linear16&sample_rate=16000',
  },
  elevenlabs: {
    listen:
      '/v1/speech-to-text/realtime?model_id=scribe-test&audio_format=pcm_16000&commit_strategy=manual&language_code=en',
    speak: '/v1/text-to-speech/rachel/stream-input?model_id=flash-test&output_format=pcm_16000&auto_mode=true',
  },
} as const;

/** A vendor's recognizer and voice behind WebSockets, by the published protocol: understands and says what the test wants, and checks what it is sent. */
export class FakeSpeechVendor {
  readonly server: FakeSocketServer;
  readonly mistakes: string[] = [];
  /** What is understood of the pieces to come, each up to where its last words are asked for. */
  readonly transcripts: string[] = [];
  /** Milliseconds of each such piece. */
  readonly piecesMs: number[] = [];
  readonly spoken: string[] = [];
  keepAlives = 0;
  /** Of the recognizer. `quiet`: guesses, and never last words. */
  ears: 'normal' | 'deaf' | 'quiet' | 'cut' | 'out of quota' = 'normal';
  /** Of the voice. `half`: breaks in the middle. */
  voice: 'normal' | 'mute' | 'half' | 'error' = 'normal';
  /** From the end of an utterance to its last words, and from a text to its sound. */
  readonly delaysMs = { ears: 0, voice: 0 };
  readonly #kind: 'deepgram' | 'elevenlabs';

  constructor(kind: 'deepgram' | 'elevenlabs') {
    this.#kind = kind;
    this.server = new FakeSocketServer((connection) => {
      const key = kind === 'deepgram' ? connection.headers.authorization : connection.headers['xi-api-key'];
      if (key !== (kind === 'deepgram' ? 'Token key-test' : 'key-test')) this.mistakes.push('key');
      if (connection.path === PATHS[kind].listen) this.#listen(connection);
      else if (connection.path === PATHS[kind].speak) this.#speak(connection);
      else this.mistakes.push(`path ${connection.path}`);
    });
  }

  get baseUrl(): string {
    return `http://${this.server.host}`;
  }

  #listen({ socket }: FakeConnection): void {
    let heardMs = 0;
    let said: 'nothing' | 'a guess' = 'nothing';
    const heard = (bytes: number): void => {
      heardMs += bytes / 32;
      if (said === 'a guess' || heardMs < FIRST_WORDS_MS || this.ears === 'deaf') return;
      said = 'a guess';
      const guess = (this.transcripts[0] ?? '').split(' ')[0] ?? '';
      if (this.ears === 'cut') socket.terminate();
      else socket.send(JSON.stringify(this.#recognized(guess, 'partial')));
    };
    const finish = (): void => {
      if (this.ears === 'deaf' || this.ears === 'quiet') return;
      if (heardMs === 0) this.mistakes.push('the last words of nothing');
      this.piecesMs.push(heardMs);
      heardMs = 0;
      said = 'nothing';
      const words = JSON.stringify(this.#recognized(this.transcripts.shift() ?? '', 'last'));
      after(this.delaysMs.ears, () => socket.send(words));
    };
    if (this.#kind === 'elevenlabs') {
      const problem = { message_type: 'quota_exceeded', error: 'You have used all of it.' };
      socket.send(JSON.stringify(this.ears === 'out of quota' ? problem : { message_type: 'session_started' }));
    }
    socket.on('message', (data, isBinary) => {
      const bytes = data as Buffer;
      if (this.#kind === 'deepgram' && isBinary) heard(bytes.length);
      else if (this.#kind === 'deepgram') {
        const message = this.#checked(deepgramListen, bytes);
        if (message?.type === 'Finalize') finish();
        if (message?.type === 'KeepAlive') this.keepAlives += 1;
      } else {
        const message = this.#checked(elevenLabsListen, bytes);
        if (message === null) return;
        heard(Buffer.from(message.audio_base_64, 'base64').length);
        if (message.commit) finish();
      }
    });
  }

  #recognized(text: string, kind: 'partial' | 'last'): object {
    if (this.#kind === 'elevenlabs') {
      return { message_type: kind === 'partial' ? 'partial_transcript' : 'committed_transcript', text };
    }
    return {
      type: 'Results',
      channel_index: [0, 1],
      duration: 1,
      start: 0,
      is_final: kind === 'last',
      speech_final: false,
      from_finalize: kind === 'last',
      channel: { alternatives: [{ transcript: text, confidence: 1, words: [] }] },
      metadata: { request_id: 'r', model_uuid: 'm', model_info: { name: 'n', version: '1', arch: 'a' } },
    } satisfies listen.ListenV1Results;
  }

  #speak({ socket }: FakeConnection): void {
    let text = '';
    socket.on('message', (data) => {
      if (this.#kind === 'deepgram') {
        const message = this.#checked(deepgramSpeak, data as Buffer);
        if (message?.type === 'Speak') text += message.text;
        else if (message !== null) after(this.delaysMs.voice, () => this.#say(socket, text));
      } else {
        const message = this.#checked(elevenLabsSpeak, data as Buffer);
        if (message === null) return;
        if (message.text === '') after(this.delaysMs.voice, () => this.#say(socket, text.trim()));
        else if (!message.text.endsWith(' ')) this.mistakes.push('a text that does not end in a space');
        text += message.text;
      }
    });
  }

  #say(socket: FakeConnection['socket'], text: string): void {
    if (this.voice === 'mute') return;
    if (this.voice === 'error') {
      const problem = {
        type: 'Error',
        description: 'no such voice',
        error: 'voice_not_found',
        message: 'no such voice',
      };
      socket.send(JSON.stringify(problem));
      return;
    }
    this.spoken.push(text);
    const bytes = Buffer.alloc(text.length * VENDOR_MS_PER_CHARACTER * 32);
    for (let at = 0; at < bytes.length; at += 2) bytes.writeInt16LE(6000, at);
    // An odd number: samples are cut in two.
    for (let at = 0; at < bytes.length; at += 3201) {
      if (this.voice === 'half' && at > bytes.length / 2) {
        socket.terminate();
        return;
      }
      const piece = bytes.subarray(at, at + 3201);
      socket.send(
        this.#kind === 'deepgram' ? piece : JSON.stringify({ audio: piece.toString('base64'), isFinal: null }),
      );
    }
    const end = { type: 'Flushed', sequence_id: 0 } satisfies speak.SpeakV1Flushed;
    socket.send(JSON.stringify(this.#kind === 'deepgram' ? end : { audio: null, isFinal: true }));
  }

  #checked<Message>(schema: z.ZodType<Message>, bytes: Buffer): Message | null {
    const result = schema.safeParse(JSON.parse(bytes.toString()));
    if (result.success) return result.data;
    this.mistakes.push(`${bytes.toString().slice(0, 200)}: ${z.prettifyError(result.error)}`);
    return null;
  }
}

/** At once without a delay: a test's time is not the machine's. */
function after(delayMs: number, act: () => void): void {
  if (delayMs === 0) act();
  else setTimeout(act, delayMs);
}
