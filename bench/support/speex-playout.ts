import { execFile, spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { FRAME_MS, FRAME_SAMPLES, SAMPLES_PER_MS } from '../../src/core/units.js';
import { Concealer } from '../../src/media/concealer.js';
import type { PacketDecoder } from '../../src/media/packet-decoder.js';
import type { Arrival } from '../../test/support/rtp-network.js';
import type { Playout } from './rtp-playout.js';

const run = promisify(execFile);
const SOURCE = path.join(import.meta.dirname, '../load/speex-jitter.cc');
const GOT_PACKET = 0;

/** What the jitter buffer gave at one tick. */
type Decision = { readonly got: number; readonly at: number; readonly index: number };

/** Compiles the jitter buffer of libspeexdsp; null where the compiler or the library (libspeexdsp-dev) is missing. */
export async function speexBinary(): Promise<string | null> {
  const { mtimeMs } = await stat(SOURCE);
  const binary = path.join(os.tmpdir(), `linecard-speex-jitter-${os.userInfo().uid}-${Math.round(mtimeMs)}`);
  try {
    await stat(binary);
    return binary;
  } catch {
    // Not compiled yet.
  }
  try {
    await run('g++', ['-O2', '-o', binary, SOURCE, '-lspeexdsp']);
    return binary;
  } catch {
    process.stderr.write(
      'bench: no comparison with libspeexdsp, it could not be compiled (apt-get install libspeexdsp-dev)\n',
    );
    return null;
  }
}

/** The jitter buffer of libspeexdsp, with our decoders and our concealment around it. */
export class SpeexPlayout implements Playout {
  readonly #decoder: PacketDecoder;
  readonly #packets: readonly Uint8Array[];
  readonly #decisions: readonly Decision[];
  readonly #concealer = new Concealer();
  readonly #decoded = new Int16Array(120 * SAMPLES_PER_MS);
  #tick = 0;

  constructor(options: {
    readonly binary: string;
    readonly decoder: PacketDecoder;
    readonly packets: readonly Uint8Array[];
    readonly arrivals: readonly Arrival[];
    readonly ticks: number;
    readonly firstTickMs: number;
  }) {
    this.#decoder = options.decoder;
    this.#packets = options.packets;
    this.#decisions = decide(options);
  }

  get playedToMs(): number {
    return (this.#decisions[this.#tick]?.at ?? 0) / SAMPLES_PER_MS;
  }

  insert(): void {
    // It was told beforehand.
  }

  pull(dst: Int16Array): void {
    const decision = this.#decisions[this.#tick];
    this.#tick += 1;
    if (decision?.got === GOT_PACKET) {
      this.#decoder.decode(this.#packets[decision.index] as Uint8Array, this.#decoded);
      dst.set(this.#decoded.subarray(0, FRAME_SAMPLES));
      this.#concealer.heard(dst, 0, FRAME_SAMPLES);
    } else if (this.#decoder.conceal(dst, FRAME_SAMPLES) === 0) this.#concealer.conceal(dst, 0, FRAME_SAMPLES);
  }

  close(): void {
    this.#decoder.close();
  }
}

function decide(options: {
  readonly binary: string;
  readonly arrivals: readonly Arrival[];
  readonly ticks: number;
  readonly firstTickMs: number;
}): Decision[] {
  const { binary, arrivals, ticks, firstTickMs } = options;
  const input: string[] = [];
  let next = 0;
  for (let tick = 0; tick < ticks; tick++) {
    const nowMs = firstTickMs + tick * FRAME_MS;
    for (; (arrivals[next]?.arrivalMs ?? Infinity) <= nowMs; next++)
      input.push(`p ${(arrivals[next] as Arrival).index}`);
    input.push('t');
  }
  const { stdout } = spawnSync(binary, { input: input.join('\n'), encoding: 'utf8', maxBuffer: 2 ** 24 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [got = 0, at = 0, index = 0] = line.split(' ').map(Number);
      return { got, at, index };
    });
}
