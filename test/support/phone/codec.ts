import { decodeALaw, decodeMuLaw, encodeALaw, encodeMuLaw } from './g711.js';
import { G722Decoder, G722Encoder } from './g722.js';
import { HalfBand } from './half-band.js';
import { createOpus } from './opus.js';
import type { CodecName } from './sdp.js';

/** Both directions of one stream; keeps state. PCM is mono s16, 16 kHz. */
export interface Codec {
  encode(samples: Int16Array): Uint8Array;
  decode(payload: Uint8Array): Int16Array;
}

export function createCodec(name: CodecName): Codec {
  switch (name) {
    case 'G722': {
      const [encoder, decoder] = [new G722Encoder(), new G722Decoder()];
      return { encode: (samples) => encoder.encode(samples), decode: (payload) => decoder.decode(payload) };
    }
    case 'PCMU':
      return createG711(encodeMuLaw, decodeMuLaw);
    case 'PCMA':
      return createG711(encodeALaw, decodeALaw);
    case 'OPUS':
      return createOpus();
  }
}

function createG711(encode: (sample: number) => number, decode: (byte: number) => number): Codec {
  const [down, up] = [new HalfBand(), new HalfBand()];
  return {
    encode: (samples) => Uint8Array.from(down.halve(samples), encode),
    decode: (payload) => up.double(Int16Array.from(payload, decode)),
  };
}
