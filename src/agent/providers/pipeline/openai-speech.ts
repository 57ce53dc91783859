import { randomUUID } from 'node:crypto';
import { setImmediate as otherCalls } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../../../core/clock.js';
import { SAMPLE_RATE_HZ } from '../../../core/units.js';
import { Resampler } from '../../../media/resample.js';
import { PcmReader, pcmBytes } from '../../pcm-bytes.js';
import type { SpeechToText, TextToSpeech } from './port.js';
import { Patience, serverError, statusError } from './timed.js';

/** An utterance is understood at once, or the caller asks whether anybody is there. */
const TRANSCRIBE_LIMIT_MS = 8000;
/** Between two pieces of speech; the first included. */
const SPEAK_LIMIT_MS = 5000;

/** A body that is there reads itself without a pause: in pieces of this length, with the turns of other calls between them, a long answer makes nobody's tick late. */
const PIECE_MS = 100;

/** A server with OpenAI's audio endpoints: OpenAI itself, or speaches, Kokoro-FastAPI, LocalAI and the like on one's own machine. */
export type OpenAiAudioOptions = {
  /** Ends before `/audio/…`. */
  readonly baseUrl: string;
  /** Null: the server asks for none. */
  readonly apiKey: string | null;
  readonly model: string;
  readonly clock: Clock;
};

const transcription = z.object({ text: z.string() });

/** `POST /audio/transcriptions`: the utterance as a WAV file. */
export class OpenAiTranscriber implements SpeechToText {
  readonly #options: OpenAiAudioOptions & { readonly language: string | null };

  constructor(
    options: OpenAiAudioOptions & { /** ISO 639-1; null: the model finds out. */ readonly language: string | null },
  ) {
    this.#options = options;
  }

  async transcribe(utterance: Int16Array, signal: AbortSignal): Promise<string> {
    const { baseUrl, apiKey, model, language, clock } = this.#options;
    const about = { model, response_format: 'json', ...(language === null ? {} : { language }) };
    const patience = new Patience({ clock, limitMs: TRANSCRIBE_LIMIT_MS, what: WHAT.stt, signal });
    try {
      const response = await fetch(`${baseUrl}/audio/transcriptions`, {
        method: 'POST',
        headers: { ...authorization(apiKey), 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` },
        body: formOf(about, utterance),
        signal: patience.signal,
      });
      if (!response.ok) throw statusError(WHAT.stt, response.status, await response.text());
      return transcription.parse(await response.json()).text.trim();
    } catch (error) {
      throw serverError(WHAT.stt, error);
    } finally {
      patience.end();
    }
  }
}

/** `POST /audio/speech`: raw samples as they are made. */
export class OpenAiSpeaker implements TextToSpeech {
  readonly #options: OpenAiAudioOptions & { readonly voice: string; readonly rateHz: number };

  constructor(
    options: OpenAiAudioOptions & {
      readonly voice: string;
      /** Of the samples the server calls `pcm`. */ readonly rateHz: number;
    },
  ) {
    this.#options = options;
  }

  async speak(text: string, signal: AbortSignal, onAudio: (pcm: Int16Array) => void): Promise<void> {
    const { baseUrl, apiKey, model, voice, rateHz, clock } = this.#options;
    const patience = new Patience({ clock, limitMs: SPEAK_LIMIT_MS, what: WHAT.tts, signal });
    try {
      const response = await fetch(`${baseUrl}/audio/speech`, {
        method: 'POST',
        headers: { ...authorization(apiKey), 'Content-Type': 'application/json' },
        body: JSON.stringify({ model, voice, input: text, response_format: 'pcm' }),
        signal: patience.signal,
      });
      if (!response.ok || response.body === null) throw statusError(WHAT.tts, response.status, await response.text());
      const reader = new PcmReader();
      const resampler = new Resampler(rateHz, SAMPLE_RATE_HZ);
      const pieceSamples = (PIECE_MS * rateHz) / 1000;
      for await (const bytes of response.body as AsyncIterable<Uint8Array>) {
        patience.renew();
        const samples = reader.read(bytes);
        for (let at = 0; at < samples.length && !signal.aborted; at += pieceSamples) {
          const piece = samples.subarray(at, at + pieceSamples);
          const converted = new Int16Array(Math.ceil((piece.length * SAMPLE_RATE_HZ) / rateHz) + 1);
          onAudio(converted.subarray(0, resampler.process(piece, converted)));
          await otherCalls();
        }
        if (signal.aborted) break;
      }
    } catch (error) {
      throw serverError(WHAT.tts, error);
    } finally {
      patience.end();
    }
  }
}

const WHAT = { stt: 'the speech recognizer', tts: 'the voice' } as const;

function authorization(apiKey: string | null): Record<string, string> {
  return apiKey === null ? {} : { Authorization: `Bearer ${apiKey}` };
}

const BOUNDARY = `linecard-${randomUUID()}`;

/** A form with a recording (RFC 7578), in one piece: `FormData` goes through a stream of streams, which costs more than all else that is done for an utterance. */
function formOf(fields: Readonly<Record<string, string>>, utterance: Int16Array): Buffer {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const file = 'Content-Disposition: form-data; name="file"; filename="utterance.wav"\r\nContent-Type: audio/wav';
  return Buffer.concat([
    Buffer.from(`${parts.join('')}--${BOUNDARY}\r\n${file}\r\n\r\n`),
    wavHeader(utterance.length),
    pcmBytes(utterance),
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);
}

/** RIFF header of mono s16 at our rate ("Multimedia Programming Interface and Data Specifications 1.0", WAVE). */
function wavHeader(samples: number): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'ascii');
  header.writeUInt32LE(36 + samples * 2, 4);
  header.write('WAVEfmt ', 8, 'ascii');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE_HZ, 24);
  header.writeUInt32LE(SAMPLE_RATE_HZ * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'ascii');
  header.writeUInt32LE(samples * 2, 40);
  return header;
}
