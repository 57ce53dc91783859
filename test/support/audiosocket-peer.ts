import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What a throw-away AudioSocket server does with a call, by the UUID in text form. */
export type PeerBehaviour = (call: PeerCall) => void;

const KIND_HANG_UP = 0x00;
const KIND_UUID = 0x01;
const KIND_AUDIO_8K = 0x10;
const KIND_ERROR = 0xff;
const FRAME_BYTES = 320;

/** One connection from Asterisk; sends silence from the UUID on until told otherwise. */
export class PeerCall {
  readonly uuid: string;
  readonly #socket: Socket;
  readonly #silence: NodeJS.Timeout;
  /** Bytes of audio that came from Asterisk, headers included. */
  receivedBytes = 0;

  constructor(uuid: string, socket: Socket) {
    this.uuid = uuid;
    this.#socket = socket;
    const frame = Buffer.alloc(3 + FRAME_BYTES);
    frame.writeUInt8(KIND_AUDIO_8K, 0);
    frame.writeUInt16BE(FRAME_BYTES, 1);
    this.#silence = setInterval(() => socket.write(frame), 20);
    socket.on('data', (chunk) => (this.receivedBytes += chunk.length));
    socket.once('close', () => clearInterval(this.#silence));
  }

  /** True when the dialplan asks whether the call with this rest of a UUID ended on purpose. */
  get isQuestion(): boolean {
    return this.uuid.startsWith('00000000');
  }

  /** 0x00: over, on purpose. */
  hangUp(): void {
    clearInterval(this.#silence);
    this.#socket.write(Buffer.from([KIND_HANG_UP, 0, 0]));
  }

  /** 0xff: no. */
  fail(): void {
    clearInterval(this.#silence);
    this.#socket.write(Buffer.from([KIND_ERROR, 0, 1, 1]));
  }

  /** FIN. */
  end(): void {
    clearInterval(this.#silence);
    this.#socket.end();
  }

  /** RST. */
  reset(): void {
    clearInterval(this.#silence);
    this.#socket.resetAndDestroy();
  }
}

/** A server that speaks as much AudioSocket as a dialplan test needs. */
export class AudioSocketPeer {
  behaviour: PeerBehaviour;
  readonly calls: PeerCall[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(behaviour: PeerBehaviour) {
    this.behaviour = behaviour;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async listen(port = 0): Promise<number> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** As when the process is killed: the port is closed, every connection ends by FIN. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.end();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    let start = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      start = Buffer.concat([start, chunk]);
      if (start.length < 19) return;
      socket.off('data', onData);
      if (start[0] !== KIND_UUID) return void socket.destroy();
      const hex = start.subarray(3, 19).toString('hex');
      const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
      const call = new PeerCall(uuid, socket);
      this.calls.push(call);
      this.behaviour(call);
    };
    socket.on('data', onData);
  }
}
