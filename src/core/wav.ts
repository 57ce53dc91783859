/** Bytes of a canonical RIFF/WAVE header for PCM. */
export const WAV_HEADER_BYTES = 44;

/**
 * A header for mono or stereo s16 PCM (Multimedia Programming Interface and Data Specifications 1.0, RIFF WAVE).
 * @param dataBytes length of the samples that follow, in bytes
 */
export function wavHeader(options: {
  readonly sampleRateHz: number;
  readonly channels: 1 | 2;
  readonly dataBytes: number;
}): Buffer {
  const { sampleRateHz, channels, dataBytes } = options;
  const header = Buffer.alloc(WAV_HEADER_BYTES);
  header.write('RIFF', 0, 'ascii');
  header.writeUInt32LE(WAV_HEADER_BYTES - 8 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'ascii');
  header.writeUInt32LE(16, 16); // length of the format chunk
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRateHz, 24);
  header.writeUInt32LE(sampleRateHz * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'ascii');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

/** A whole mono WAV file; samples are written little endian whatever the machine is. */
export function encodeWav(pcm: Int16Array, sampleRateHz: number): Buffer {
  const file = Buffer.alloc(WAV_HEADER_BYTES + pcm.length * 2);
  wavHeader({ sampleRateHz, channels: 1, dataBytes: pcm.length * 2 }).copy(file);
  for (let i = 0; i < pcm.length; i++) file.writeInt16LE(pcm[i] ?? 0, WAV_HEADER_BYTES + i * 2);
  return file;
}
