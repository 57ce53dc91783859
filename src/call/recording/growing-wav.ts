import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { endianness } from 'node:os';
import { SAMPLE_RATE_HZ } from '../../core/units.js';
import { WAV_HEADER_BYTES, wavHeader } from '../../core/wav.js';

const CHANNELS = 2;
/** One sample of each channel. */
const BYTES_PER_SAMPLE = 2 * CHANNELS;
/** The header counts bytes in 32 bits; 18 hours. */
const MAX_DATA_BYTES = 2 ** 32 - 1 - WAV_HEADER_BYTES - BYTES_PER_SAMPLE;

/**
 * A stereo WAV file, 16 kHz, s16, that can be played at every moment while it grows, also after the process was killed: the samples are written first, then the
 * header that counts them. Only a power cut may lose what the system has not written to the disk yet.
 */
export class GrowingWav {
  readonly #file: FileHandle;
  #samples = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Makes the file, for nobody else to read; rejects when it is there already. */
  static async create(path: string): Promise<GrowingWav> {
    const wav = new GrowingWav(await open(path, 'wx', 0o600));
    await wav.#writeHeader();
    return wav;
  }

  /** Of each channel. */
  get samples(): number {
    return this.#samples;
  }

  /**
   * Writes interleaved samples at their place, or at the end where that place is taken already; what lies between is silence.
   * @returns `full` when the file can hold no more, and nothing was written
   */
  async write(stereo: Int16Array, atSample: number): Promise<'written' | 'full'> {
    const start = Math.max(atSample, this.#samples);
    const end = start + stereo.length / CHANNELS;
    if (end * BYTES_PER_SAMPLE > MAX_DATA_BYTES) return 'full';
    const bytes = Buffer.from(stereo.buffer, stereo.byteOffset, stereo.byteLength);
    if (endianness() === 'BE') bytes.swap16();
    // A hole in the file reads as zeros.
    await writeAll(this.#file, bytes, WAV_HEADER_BYTES + start * BYTES_PER_SAMPLE);
    this.#samples = end;
    await this.#writeHeader();
    return 'written';
  }

  /** Once. What was written stays when the process or the machine ends. */
  async close(): Promise<void> {
    try {
      await this.#file.datasync();
    } finally {
      await this.#file.close();
    }
  }

  #writeHeader(): Promise<void> {
    const dataBytes = this.#samples * BYTES_PER_SAMPLE;
    return writeAll(this.#file, wavHeader({ sampleRateHz: SAMPLE_RATE_HZ, channels: CHANNELS, dataBytes }), 0);
  }
}

/** A disk that is nearly full takes a part and refuses the rest the next time. */
async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, at + written);
    written += bytesWritten;
  }
}
