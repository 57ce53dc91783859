/**
 * One law of ITU-T G.711. Both directions look a table up: nothing is allocated, nothing depends on the value. `dst` may be longer than
 * `src`; what is beyond stays as it was.
 */
export interface G711Codec {
  /** The name in SDP (RFC 3551 §6). */
  readonly name: 'PCMU' | 'PCMA';
  /** @returns how many samples were written: one for each code */
  decode(src: Uint8Array, dst: Int16Array): number;
  /** Mono s16 at 8 kHz. @returns how many codes were written: one for each sample */
  encode(src: Int16Array, dst: Uint8Array): number;
}

/** The bias that makes the segments of µ-law powers of two, on its 14-bit scale. */
const MULAW_BIAS = 33;
/** The greatest biased magnitude of µ-law; what is louder is clipped. */
const MULAW_LIMIT = 0x1fff;

/** µ-law (G.711 §3.2, tables 2a and 2b). Its code 0x7f is a negative zero: it decodes to 0, which encodes to 0xff. */
export const pcmu: G711Codec = makeCodec('PCMU', 2, encodeMulaw, decodeMulaw);

/** A-law (G.711 §3.1, tables 1a and 1b), with the even bits inverted as on the wire. */
export const pcma: G711Codec = makeCodec('PCMA', 4, encodeAlaw, decodeAlaw);

/** @param ignoredBits low bits of a sample that the law does not look at: they need no place in the table */
function makeCodec(
  name: G711Codec['name'],
  ignoredBits: number,
  encodeOne: (sample: number) => number,
  decodeOne: (code: number) => number,
): G711Codec {
  const offset = 0x8000 >> ignoredBits;
  const codes = Uint8Array.from({ length: 2 * offset }, (_, i) => encodeOne((i - offset) << ignoredBits));
  const samples = Int16Array.from({ length: 256 }, (_, code) => decodeOne(code));
  return {
    name,
    decode(src, dst) {
      for (let i = 0; i < src.length; i++) dst[i] = samples[src[i] as number] as number;
      return src.length;
    },
    encode(src, dst) {
      for (let i = 0; i < src.length; i++) dst[i] = codes[((src[i] as number) >> ignoredBits) + offset] as number;
      return src.length;
    },
  };
}

// The four functions below follow the reference code of the ITU (G.191, Software Tool Library, module g711).

function encodeMulaw(sample: number): number {
  const magnitude = Math.min(((sample < 0 ? ~sample : sample) >> 2) + MULAW_BIAS, MULAW_LIMIT);
  // The highest bit of the magnitude names the segment: 0x20 the lowest, 0x1000 the highest.
  const segment = 26 - Math.clz32(magnitude);
  const step = (magnitude >> (segment + 1)) & 0x0f;
  const sign = sample < 0 ? 0 : 0x80;
  return sign | ((7 - segment) << 4) | (0x0f - step);
}

function decodeMulaw(code: number): number {
  const segment = (~code >> 4) & 0x07;
  const step = ~code & 0x0f;
  const magnitude = (((2 * step + 33) << segment) - MULAW_BIAS) << 2;
  return code >= 0x80 ? magnitude : -magnitude;
}

function encodeAlaw(sample: number): number {
  const magnitude = (sample < 0 ? ~sample : sample) >> 4;
  // The two lowest segments have steps of the same size, so that the magnitude itself is their code.
  const segment = Math.max(0, 28 - Math.clz32(magnitude));
  const code = segment === 0 ? magnitude : (segment << 4) | ((magnitude >> (segment - 1)) & 0x0f);
  return (code | (sample < 0 ? 0 : 0x80)) ^ 0x55;
}

function decodeAlaw(code: number): number {
  const plain = code ^ 0x55;
  const segment = (plain >> 4) & 0x07;
  const step = plain & 0x0f;
  const magnitude = segment === 0 ? (step << 4) + 8 : ((step + 16.5) * 16) << (segment - 1);
  return code >= 0x80 ? magnitude : -magnitude;
}
