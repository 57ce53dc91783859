import type { Socket } from 'node:net';
import type { Alarm, Clock } from '../../core/clock.js';
import type { LegCloseReason } from '../../media/leg.js';
import type { WireHandler } from './wire.js';
import { FrameParser, KIND_ERROR, KIND_HANG_UP, encodeFrame } from './wire.js';

/** Frames that may wait in the socket. A peer that does not read gets old audio later, so it gets none instead. */
const MAX_WAITING_FRAMES = 2;
/** How long a peer may take to close after we did; Asterisk takes milliseconds. */
const LINGER_MS = 1000;
/** Idle TCP peers that are gone without a word are noticed by the kernel. */
const KEEP_ALIVE_MS = 10_000;
/**
 * What a peer may have sent in advance: eleven minutes at 16 kHz. When an Opus caller's RTP source changes in mid-call, Debian's Asterisk takes the step in the
 * sequence for lost packets, conceals up to 32,767 of them at once, and sends them within a second or two.
 */
const CREDIT_LIMIT_BYTES = 32_768 * (3 + 640);

/** What a connection tells, besides the frames. */
export interface ConnectionHandler extends WireHandler {
  /** Once, and nothing after it. */
  closed(reason: LegCloseReason, detail: string): void;
}

/**
 * One TCP connection with its parser: every way it can end becomes one `closed`, what it sends is bounded, what waits to be sent is bounded.
 * It never stops reading, since Asterisk ends a leg whose write comes back short.
 */
export class Connection {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #parser: FrameParser;
  #handler: ConnectionHandler;
  #closed = false;
  #linger: Alarm | null = null;
  /** Bytes that may come before the peer is a flood; earned by `earn`. */
  #creditBytes = CREDIT_LIMIT_BYTES;

  constructor(options: {
    readonly socket: Socket;
    readonly peer: string;
    readonly clock: Clock;
    readonly handler: ConnectionHandler;
  }) {
    this.peer = options.peer;
    this.#socket = options.socket;
    this.#clock = options.clock;
    this.#handler = options.handler;
    this.#parser = new FrameParser({
      uuid: (bytes, offset) => this.#handler.uuid(bytes, offset),
      digit: (code) => this.#handler.digit(code),
      audio: (rateHz, bytes, offset, length) => this.#handler.audio(rateHz, bytes, offset, length),
      hangUp: () => this.#handler.hangUp(),
      error: (code) => this.#handler.error(code),
    });
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('data', (chunk) => this.#received(chunk));
    socket.on('end', () => {
      const detail = this.#parser.midFrame ? 'the peer closed amid a frame' : 'the peer closed the connection';
      this.#finish('remote', detail);
      socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const reset = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      this.#finish(reset ? 'remote' : 'error', reset ? `the peer reset the connection` : error.message);
    });
    socket.on('close', () => {
      this.#linger?.cancel();
      this.#finish('remote', 'the connection closed');
    });
  }

  /** Who is told from now on: first the server (until the UUID is there), then the leg. */
  set handler(handler: ConnectionHandler) {
    this.#handler = handler;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Writes one whole frame. `sent`: the kernel has it, and `frame` is free again. `waits`: it goes when the peer reads, and `frame` belongs to the
   * socket until then. `no`: the peer is too far behind.
   */
  write(frame: Uint8Array): 'sent' | 'waits' | 'no' {
    if (this.#closed || this.#socket.writableLength >= frame.length * MAX_WAITING_FRAMES) return 'no';
    this.#socket.write(frame);
    return this.#socket.writableLength === 0 ? 'sent' : 'waits';
  }

  /** The peer may send so many bytes more: called each tick with a multiple of what a tick needs. */
  earn(bytes: number): void {
    this.#creditBytes = Math.min(CREDIT_LIMIT_BYTES, this.#creditBytes + bytes);
  }

  /**
   * Says goodbye and closes; what comes meanwhile is read and thrown away, since closing with unread data would be a reset, which Asterisk
   * takes for a failure. Idempotent; `closed` is told.
   * @param goodbye `hangUp`: Asterisk's application returns as a success. `error`: as a failure
   */
  close(goodbye: 'hangUp' | 'error', reason: LegCloseReason, detail: string): void {
    if (this.#closed) return;
    this.#socket.end(encodeFrame(goodbye === 'hangUp' ? KIND_HANG_UP : KIND_ERROR));
    this.#linger = this.#clock.setAlarm(LINGER_MS, () => this.#socket.destroy());
    this.#finish(reason, detail);
  }

  /** Closes at once, by a reset. Idempotent; `closed` is told. */
  abort(reason: LegCloseReason, detail: string): void {
    this.#socket.resetAndDestroy();
    this.#finish(reason, detail);
  }

  #received(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#creditBytes -= chunk.length;
    if (this.#creditBytes < 0) {
      this.abort('overload', 'the peer sends many times faster than real time');
      return;
    }
    const fault = this.#parser.push(chunk);
    if (fault !== null) this.close('error', 'protocol', fault);
  }

  #finish(reason: LegCloseReason, detail: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parser.stop();
    this.#handler.closed(reason, detail);
  }
}
