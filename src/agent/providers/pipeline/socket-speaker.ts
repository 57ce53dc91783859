import type { Clock } from '../../../core/clock.js';
import { LinecardError } from '../../../core/errors.js';
import { PcmReader } from '../../pcm-bytes.js';
import { AgentSocket } from '../agent-socket.js';
import type { TextToSpeech } from './port.js';
import { Patience } from './timed.js';

/** Between two pieces of speech; the first included. */
const SPEAK_LIMIT_MS = 5000;

/** What a voice's message says, in words that are the same for all of them. */
export type Voiced =
  | { readonly kind: 'audio'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'failed'; readonly error: LinecardError }
  | { readonly kind: 'other' };

/** How one vendor speaks: everything that differs between voices behind a WebSocket. They make samples at 16 kHz. */
export interface SpeakerDialect {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What is sent to have one text spoken, in order. */
  request(text: string): readonly string[];
  readText(message: string): Voiced;
  readBinary(message: Uint8Array): Voiced;
}

/**
 * A voice behind a WebSocket of a vendor's: a connection a sentence, as vendors limit how often, and how many at a time, one connection may be
 * asked to speak.
 */
export class SocketSpeaker implements TextToSpeech {
  readonly #dialect: SpeakerDialect;
  readonly #clock: Clock;

  constructor(dialect: SpeakerDialect, clock: Clock) {
    this.#dialect = dialect;
    this.#clock = clock;
  }

  async speak(text: string, signal: AbortSignal, onAudio: (pcm: Int16Array) => void): Promise<void> {
    const { url, headers } = this.#dialect;
    const clock = this.#clock;
    const patience = new Patience({ clock, limitMs: SPEAK_LIMIT_MS, what: 'the voice', signal });
    const reader = new PcmReader();
    let socket: AgentSocket | null = null;
    try {
      await new Promise<void>((resolve, reject) => {
        const heard = (voiced: Voiced): void => {
          patience.renew();
          if (voiced.kind === 'audio') {
            const samples = reader.read(voiced.bytes);
            if (!signal.aborted && samples.length > 0) onAudio(samples);
          } else if (voiced.kind === 'end') resolve();
          else if (voiced.kind === 'failed') reject(voiced.error);
        };
        const opened = new AgentSocket({
          url,
          headers,
          clock,
          listener: {
            opened: () => {
              for (const message of this.#dialect.request(text)) opened.send(message);
            },
            text: (message) => heard(this.#dialect.readText(message)),
            binary: (message) => heard(this.#dialect.readBinary(message)),
            finished: () => reject(new LinecardError('AGENT_FAILED', 'the voice closed the connection')),
            failed: reject,
          },
        });
        socket = opened;
        const { signal: given } = patience;
        if (given.aborted) reject(given.reason as Error);
        given.addEventListener('abort', () => reject(given.reason as Error), { once: true });
      });
    } finally {
      (socket as AgentSocket | null)?.close();
      patience.end();
    }
  }
}
