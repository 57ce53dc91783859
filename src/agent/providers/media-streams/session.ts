import { createHmac, randomUUID } from 'node:crypto';
import { assertNever } from '../../../core/assert-never.js';
import { LinecardError } from '../../../core/errors.js';
import { FRAME_SAMPLES } from '../../../core/units.js';
import { pcmu } from '../../../media/g711.js';
import { RateHalver } from '../../../media/half-band.js';
import type { AgentContext, AgentSession, HeardSpeech } from '../../port.js';
import { AgentSocket } from '../agent-socket.js';
import { Downlink } from './downlink.js';
import type { MediaStreamsOptions } from './provider.js';
import { StreamWriter, readBotMessage } from './wire.js';

/** A bot that says this many things we do not know speaks another protocol. */
const MAX_UNKNOWN_MESSAGES = 100;

/** One call with a bot: connects while the phone rings, begins the stream when the caller can hear. */
export class MediaStreamsSession implements AgentSession {
  readonly #options: MediaStreamsOptions;
  readonly #context: AgentContext;
  readonly #socket: AgentSocket;
  readonly #downlink: Downlink;
  readonly #writer: StreamWriter;
  readonly #halver = new RateHalver();
  readonly #narrow = new Int16Array(FRAME_SAMPLES / 2);
  readonly #codes = Buffer.alloc(FRAME_SAMPLES / 2);
  /** When the bot was sent `start`; null before. */
  #streamingSinceMs: number | null = null;
  /** The caller can hear. */
  #started = false;
  /** The bot has closed; its reason, until what it said is on its way. */
  #finished: string | null = null;
  #closed = false;
  #unknownMessages = 0;

  constructor(options: MediaStreamsOptions, context: AgentContext) {
    const { url, authToken } = options;
    this.#options = options;
    this.#context = context;
    this.#writer = new StreamWriter({
      streamSid: `MZ${hex(randomUUID())}`,
      callSid: `CA${hex(context.call.callId)}`,
      accountSid: `AC${'0'.repeat(32)}`,
    });
    this.#downlink = new Downlink({
      speech: context.speech,
      onMark: (name) => this.#socket.send(this.#writer.mark(name)),
    });
    this.#socket = new AgentSocket({
      url,
      headers: authToken === null ? {} : { 'X-Twilio-Signature': signature(url, authToken) },
      listener: {
        opened: () => this.#begin(),
        text: (message) => this.#message(message),
        binary: () => this.#unknown(),
        finished: (reason) => {
          this.#finished = reason === '' ? 'the bot ended the stream' : reason;
        },
        failed: (error) => this.#failed(error),
      },
      clock: context.clock,
    });
  }

  start(): void {
    this.#started = true;
    this.#begin();
  }

  hear(frame: Int16Array): void {
    if (!this.#downlink.idle) this.#downlink.work();
    if (this.#finished !== null && this.#downlink.idle) this.#done(this.#finished);
    if (this.#streamingSinceMs === null) return;
    this.#halver.process(frame, this.#narrow);
    pcmu.encode(this.#narrow, this.#codes);
    const payload = this.#codes.toString('base64');
    const atMs = Math.round(this.#context.clock.nowMs() - this.#streamingSinceMs);
    this.#socket.sendMedia(this.#writer.media(payload, atMs));
  }

  digit(digit: string): void {
    this.#downlink.cut();
    if (this.#streamingSinceMs !== null) this.#socket.send(this.#writer.digit(digit));
  }

  callerStarted(): void {
    // The bot finds turns itself.
  }

  callerFinished(): void {
    // The bot finds turns itself.
  }

  heard(speech: HeardSpeech): void {
    this.#downlink.heard(speech.segment);
  }

  say(): void {
    this.#context.log.warn({}, 'a Media Streams bot cannot be told what to say');
  }

  instruct(): void {
    this.#context.log.warn({}, 'a Media Streams bot cannot be told anything');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#streamingSinceMs !== null) this.#socket.send(this.#writer.stop());
    this.#socket.close();
    const lostMs = this.#downlink.lost / 8;
    const unsentMs = this.#socket.dropped * 20;
    if (lostMs > 0 || unsentMs > 0) this.#context.log.warn({ lostMs, unsentMs }, 'audio of a bot was lost');
  }

  /** The stream begins when the caller hears and the bot is there: a bot greets as soon as it is told. */
  #begin(): void {
    if (!this.#started || !this.#socket.open || this.#streamingSinceMs !== null) return;
    const { caller, extension } = this.#context.call;
    this.#streamingSinceMs = this.#context.clock.nowMs();
    this.#socket.send(this.#writer.connected());
    const about = { from: caller.number, callerName: caller.name, to: extension ?? '' };
    this.#socket.send(this.#writer.start({ ...about, ...this.#options.parameters }));
  }

  #message(text: string): void {
    if (this.#closed) return;
    const message = readBotMessage(text);
    if (message === null) {
      this.#unknown();
      return;
    }
    switch (message.event) {
      case 'media':
        this.#downlink.media(Buffer.from(message.media.payload, 'base64'));
        break;
      case 'mark':
        this.#downlink.mark(message.mark.name);
        break;
      case 'clear':
        this.#downlink.clear();
        break;
      default:
        assertNever(message);
    }
  }

  #unknown(): void {
    this.#unknownMessages += 1;
    if (this.#unknownMessages === 1)
      this.#context.log.warn({}, 'a bot sent a message that Media Streams does not know');
    if (this.#unknownMessages < MAX_UNKNOWN_MESSAGES) return;
    throw new LinecardError('AGENT_FAILED', 'the bot does not speak Twilio Media Streams');
  }

  #done(reason: string): void {
    this.#finished = null;
    this.#downlink.end();
    this.#context.events.done(reason);
  }

  #failed(error: LinecardError): void {
    if (!this.#closed) this.#context.events.failed(error);
  }
}

function hex(uuid: string): string {
  return uuid.replaceAll('-', '');
}

/** Twilio, "Validating requests": HMAC-SHA1 of the URL as it is configured at the bot. */
function signature(url: string, authToken: string): string {
  return createHmac('sha1', authToken).update(url, 'utf8').digest('base64');
}
