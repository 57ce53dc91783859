import { connect } from 'node:net';
import { z } from 'zod';
import type { Clock } from '../../../core/clock.js';
import { LinecardError } from '../../../core/errors.js';
import { SAMPLE_RATE_HZ } from '../../../core/units.js';
import { Resampler } from '../../../media/resample.js';
import { PcmReader, pcmBytes } from '../../pcm-bytes.js';
import type { SpeechToText, TextToSpeech } from './port.js';
import { Patience, serverError } from './timed.js';
import type { WyomingEvent } from './wyoming-wire.js';
import { WyomingReader, writeEvent } from './wyoming-wire.js';

const TRANSCRIBE_LIMIT_MS = 8000;
/** Between two pieces of speech; the first included. */
const SPEAK_LIMIT_MS = 5000;
/** What servers expect: 64 ms a chunk. */
const CHUNK_SAMPLES = 1024;
const OUR_FORMAT = { rate: SAMPLE_RATE_HZ, width: 2, channels: 1 };

const transcript = z.object({ text: z.string() });
const format = z.object({ rate: z.number().int().min(8000).max(48_000), width: z.literal(2), channels: z.literal(1) });

/** A server of Home Assistant's voice protocol (faster-whisper, piper and others), each request a connection of its own. */
export type WyomingOptions = {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
};

/** `transcribe`: the utterance in chunks, then its text. */
export class WyomingTranscriber implements SpeechToText {
  readonly #options: WyomingOptions & { readonly language: string | null };

  constructor(options: WyomingOptions & { readonly language: string | null }) {
    this.#options = options;
  }

  async transcribe(utterance: Int16Array, signal: AbortSignal): Promise<string> {
    const { language } = this.#options;
    const events = [
      writeEvent('transcribe', language === null ? {} : { language }),
      writeEvent('audio-start', OUR_FORMAT),
    ];
    for (let at = 0; at < utterance.length; at += CHUNK_SAMPLES) {
      events.push(writeEvent('audio-chunk', OUR_FORMAT, pcmBytes(utterance.subarray(at, at + CHUNK_SAMPLES))));
    }
    events.push(writeEvent('audio-stop', {}));
    const request = {
      bytes: Buffer.concat(events),
      limitMs: TRANSCRIBE_LIMIT_MS,
      what: 'the speech recognizer',
      signal,
    };
    let text = '';
    await ask(this.#options, request, (event) => {
      if (event.type !== 'transcript') return 'more';
      text = transcript.parse(event.data).text.trim();
      return 'enough';
    });
    return text;
  }
}

/** `synthesize`: the audio in chunks, at the rate of the voice. */
export class WyomingSpeaker implements TextToSpeech {
  readonly #options: WyomingOptions & { readonly voice: string | null };

  constructor(options: WyomingOptions & { /** Null: the server's own. */ readonly voice: string | null }) {
    this.#options = options;
  }

  async speak(text: string, signal: AbortSignal, onAudio: (pcm: Int16Array) => void): Promise<void> {
    const { voice } = this.#options;
    const bytes = writeEvent('synthesize', { text, ...(voice === null ? {} : { voice: { name: voice } }) });
    const reader = new PcmReader();
    let rateHz = 0;
    let resampler: Resampler | null = null;
    await ask(
      this.#options,
      { bytes, limitMs: SPEAK_LIMIT_MS, what: 'the voice', signal },
      ({ type, data, payload }) => {
        if (type === 'audio-stop') return 'enough';
        if (type !== 'audio-chunk') return 'more';
        const { rate } = format.parse(data);
        if (resampler === null || rate !== rateHz) resampler = new Resampler(rate, SAMPLE_RATE_HZ);
        rateHz = rate;
        const samples = reader.read(payload);
        const converted = new Int16Array(Math.ceil((samples.length * SAMPLE_RATE_HZ) / rate) + 1);
        const count = resampler.process(samples, converted);
        if (!signal.aborted) onAudio(converted.subarray(0, count));
        return 'more';
      },
    );
  }
}

type Request = {
  readonly bytes: Buffer;
  /** For each sign of life. */
  readonly limitMs: number;
  readonly what: string;
  readonly signal: AbortSignal;
};

/** Sends a request and reads until it is `enough`. Rejects with AGENT_FAILED, or with the signal's reason. */
async function ask(
  { host, port, clock }: WyomingOptions,
  { bytes, limitMs, what, signal }: Request,
  onEvent: (event: WyomingEvent) => 'more' | 'enough',
): Promise<void> {
  const patience = new Patience({ clock, limitMs, what, signal });
  const socket = connect({ host, port, signal: patience.signal });
  // Stays for as long as the socket; the loop below is told of the same.
  socket.on('error', () => undefined);
  const reader = new WyomingReader();
  try {
    socket.write(bytes);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      patience.renew();
      for (const event of reader.push(chunk)) {
        if (event.type === 'error') {
          throw new LinecardError('AGENT_FAILED', `${what} says: ${String(event.data['text']).slice(0, 300)}`);
        }
        if (onEvent(event) === 'enough') return;
      }
    }
    throw new LinecardError('AGENT_FAILED', `${what} closed the connection`);
  } catch (error) {
    throw serverError(what, patience.signal.aborted ? patience.signal.reason : error);
  } finally {
    socket.destroy();
    patience.end();
  }
}
