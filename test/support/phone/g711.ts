/** The laws of ITU-T G.711, written apart from `src/` so that the test phone judges it from outside. */

/** One sample to µ-law: 14 bits with a bias of 33, here in 16-bit units. */
export function encodeMuLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32_635) + 132;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}

export function decodeMuLaw(byte: number): number {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + 132) << ((code >> 4) & 7)) - 132;
  return (code & 0x80) !== 0 ? -magnitude : magnitude;
}

/** One sample to A-law, even bits inverted as on the wire. */
export function encodeALaw(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80;
  const magnitude = (sample < 0 ? ~sample : sample) >> 4;
  const exponent = magnitude < 16 ? 0 : 31 - Math.clz32(magnitude) - 3;
  const mantissa = exponent < 2 ? magnitude : magnitude >> (exponent - 1);
  return (sign | (exponent << 4) | (mantissa & 0x0f)) ^ 0x55;
}

export function decodeALaw(byte: number): number {
  const code = byte ^ 0x55;
  const exponent = (code >> 4) & 7;
  const step = ((code & 0x0f) << 4) + 8;
  const magnitude = exponent === 0 ? step : (step + 256) << (exponent - 1);
  return (code & 0x80) !== 0 ? magnitude : -magnitude;
}
