import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { SampleRateHz } from '../../src/core/units.js';
import { FrameParser, KIND_UUID, encodeFrame, kindOfRate, uuidBytes } from '../../src/transports/audiosocket/wire.js';

/** How the other side let go: `fin` in order, `rst` by a reset. */
export type Goodbye = 'fin' | 'rst';

/** One frame that came to a peer. */
export type ReceivedFrame =
  | { readonly kind: 'audio'; readonly rateHz: SampleRateHz; readonly samples: Int16Array }
  | { readonly kind: 'hangUp' }
  | { readonly kind: 'error' };

/**
 * The PBX's end of an AudioSocket connection, byte for byte: it can split, merge, stall and cut. Waiting is for what arrives, never for time.
 */
export class RawPeer {
  readonly frames: ReceivedFrame[] = [];
  goodbye: Goodbye | null = null;
  /** Neither side can send any more. */
  gone = false;
  readonly #socket: Socket;
  readonly #waiters = new Set<() => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    const parser = new FrameParser({
      uuid: () => undefined,
      digit: () => undefined,
      audio: (rateHz, bytes, offset, length) => {
        const samples = new Int16Array(Uint8Array.from(bytes.subarray(offset, offset + length)).buffer);
        this.frames.push({ kind: 'audio', rateHz, samples });
      },
      hangUp: () => this.frames.push({ kind: 'hangUp' }),
      error: () => this.frames.push({ kind: 'error' }),
    });
    socket.on('data', (chunk) => {
      parser.push(chunk);
      this.#wake();
    });
    socket.on('end', () => {
      this.goodbye ??= 'fin';
      this.#wake();
    });
    socket.on('close', () => {
      this.gone = true;
      this.#wake();
    });
    socket.on('error', () => {
      this.goodbye ??= 'rst';
      this.#wake();
    });
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawPeer> {
    const socket = connect({ port, host, noDelay: true, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawPeer(socket);
  }

  /** Connects and says which leg it is. */
  static async call(port: number, uuid: string): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    peer.send(encodeFrame(KIND_UUID, uuidBytes(uuid)));
    return peer;
  }

  get audio(): readonly Int16Array[] {
    return this.frames.flatMap((frame) => (frame.kind === 'audio' ? [frame.samples] : []));
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** One frame of a constant level, 20 ms. */
  sendAudio(rateHz: SampleRateHz, level: number): void {
    this.send(audioFrame(rateHz, level));
  }

  /** Stops reading: the other side's window fills up. */
  stall(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#socket.resume();
  }

  hangUp(how: Goodbye = 'fin'): void {
    if (how === 'fin') this.#socket.end();
    else this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves when the condition holds; looked at whenever something arrives. */
  until(condition: (peer: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition(this)) return;
        this.#waiters.delete(look);
        resolve();
      };
      this.#waiters.add(look);
      look();
    });
  }

  untilClosed(): Promise<void> {
    return this.until((peer) => peer.goodbye !== null);
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}

/** One frame of a constant level, 20 ms, as it is on the wire. */
export function audioFrame(rateHz: SampleRateHz, level: number): Uint8Array {
  const samples = new Int16Array(rateHz / 50).fill(level);
  return encodeFrame(kindOfRate(rateHz), new Uint8Array(samples.buffer));
}

/** Waits for something that other code brings about, turning the event loop meanwhile; fails after two seconds, or `limitMs`. */
export async function eventually(condition: () => boolean, limitMs = 2000): Promise<void> {
  const untilMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`it did not come about within ${limitMs} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
