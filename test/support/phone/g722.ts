/**
 * G.722 at 64 kbit/s (ITU-T Rec. G.722, 1988): two sub-bands of ADPCM behind a quadrature mirror filter. Names are those of the
 * recommendation's block diagrams. One instance a direction; both keep state from frame to frame.
 */

const QMF = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
// prettier-ignore
const Q6 = [
  0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458,
  1612, 1765, 1980, 2195, 2557, 2919,
];
// prettier-ignore
const QM6 = [
  -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
  -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
  24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
  4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
// prettier-ignore
const QM4 = [
  0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
];
const QM2 = [-7408, -1616, 7408, 1616];
// prettier-ignore
const ILB = [
  2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
  2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

type BandKind = {
  /** How the step size follows the code: increment of the logarithmic scale factor by the shortened code. */
  readonly steps: readonly number[];
  readonly scaleLimit: number;
  readonly scaleShift: number;
  readonly firstStep: number;
};
const LOW: BandKind = {
  // W(I) of table 14 behind the map of the 4-bit code onto its 8 magnitudes.
  steps: [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0].map(
    (code) => [-60, -30, 58, 172, 334, 538, 1198, 3042][code] ?? 0,
  ),
  scaleLimit: 18_432,
  scaleShift: 8,
  firstStep: 32,
};
const HIGH: BandKind = { steps: [798, -214, 798, -214], scaleLimit: 22_528, scaleShift: 10, firstStep: 8 };

/** Predictor and step size of one sub-band, the same in encoder and decoder. */
class Band {
  /** Quantizer step. */
  step: number;
  /** Predicted sample. */
  predicted = 0;
  readonly #kind: BandKind;
  #logStep = 0;
  #zeroPart = 0;
  readonly #reconstructed = [0, 0, 0];
  readonly #partial = [0, 0, 0];
  readonly #poles = [0, 0, 0];
  readonly #zeros = new Int32Array(7);
  readonly #differences = new Int32Array(7);

  constructor(kind: BandKind) {
    this.#kind = kind;
    this.step = kind.firstStep;
  }

  /** Takes the quantized difference and the code it came from. */
  adapt(difference: number, code: number): void {
    const { steps, scaleLimit, scaleShift } = this.#kind;
    this.#logStep = clamp(((this.#logStep * 127) >> 7) + (steps[code] ?? 0), 0, scaleLimit);
    const table = ILB[(this.#logStep >> 6) & 31] ?? 0;
    const shift = scaleShift - (this.#logStep >> 11);
    this.step = (shift < 0 ? table << -shift : table >> shift) << 2;
    this.#adaptPredictor(difference);
  }

  #adaptPredictor(difference: number): void {
    const [r, p, a] = [this.#reconstructed, this.#partial, this.#poles] as [Triple, Triple, Triple];
    const [b, d] = [this.#zeros, this.#differences];
    d[0] = difference;
    r[0] = saturate(this.predicted + difference);
    p[0] = saturate(this.#zeroPart + difference);

    // Poles (UPPOL2, UPPOL1).
    const [sign0, sign1, sign2] = [p[0] >> 15, p[1] >> 15, p[2] >> 15];
    const slope = saturate(a[1] << 2);
    const turned = Math.min(sign0 === sign1 ? -slope : slope, 32_767);
    const pole2 = clamp((sign0 === sign2 ? 128 : -128) + (turned >> 7) + ((a[2] * 32_512) >> 15), -12_288, 12_288);
    const limit = saturate(15_360 - pole2);
    const pole1 = clamp(saturate((sign0 === sign1 ? 192 : -192) + ((a[1] * 32_640) >> 15)), -limit, limit);

    // Zeros (UPZERO), then the delay line (DELAYA).
    const gain = difference === 0 ? 0 : 128;
    for (let i = 6; i >= 1; i--) {
      const towards = (d[i] ?? 0) >> 15 === difference >> 15 ? gain : -gain;
      b[i] = saturate(towards + (((b[i] ?? 0) * 32_640) >> 15));
    }
    d.copyWithin(1, 0, 6);
    [r[2], r[1], p[2], p[1], a[1], a[2]] = [r[1], r[0], p[1], p[0], pole1, pole2];

    // The next prediction (FILTEP, FILTEZ, PREDIC).
    const polePart = saturate(((a[1] * saturate(2 * r[1])) >> 15) + ((a[2] * saturate(2 * r[2])) >> 15));
    let zeroPart = 0;
    for (let i = 6; i >= 1; i--) zeroPart += ((b[i] ?? 0) * saturate(2 * (d[i] ?? 0))) >> 15;
    this.#zeroPart = saturate(zeroPart);
    this.predicted = saturate(polePart + this.#zeroPart);
  }
}
type Triple = [number, number, number];

export class G722Encoder {
  readonly #low = new Band(LOW);
  readonly #high = new Band(HIGH);
  readonly #taps = new Int32Array(24);

  /** Mono s16 at 16 kHz, an even number of samples, to one byte for two of them. */
  encode(samples: Int16Array): Uint8Array {
    const bytes = new Uint8Array(samples.length / 2);
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#pair(samples[2 * i] ?? 0, samples[2 * i + 1] ?? 0);
    return bytes;
  }

  #pair(first: number, second: number): number {
    const taps = this.#taps;
    taps.copyWithin(0, 2);
    taps[22] = first;
    taps[23] = second;
    let [even, odd] = [0, 0];
    for (let i = 0; i < 12; i++) {
      odd += (taps[2 * i] ?? 0) * (QMF[i] ?? 0);
      even += (taps[2 * i + 1] ?? 0) * (QMF[11 - i] ?? 0);
    }
    return (this.#encodeHigh((even - odd) >> 14) << 6) | this.#encodeLow((even + odd) >> 14);
  }

  #encodeLow(sample: number): number {
    const band = this.#low;
    const error = saturate(sample - band.predicted);
    const magnitude = error >= 0 ? error : -(error + 1);
    let level = 1;
    while (level < 30 && magnitude >= ((Q6[level] ?? 0) * band.step) >> 12) level++;
    // Tables 16 and 17: negative levels 1 and 2 are 63 and 62, then 31 downwards; positive ones 61 downwards.
    const code = error >= 0 ? 62 - level : level < 3 ? 64 - level : 34 - level;
    const short = code >> 2;
    band.adapt((band.step * (QM4[short] ?? 0)) >> 15, short);
    return code;
  }

  #encodeHigh(sample: number): number {
    const band = this.#high;
    const error = saturate(sample - band.predicted);
    const far = (error >= 0 ? error : -(error + 1)) >= (564 * band.step) >> 12;
    const code = (error >= 0 ? 2 : 0) + (far ? 0 : 1);
    band.adapt((band.step * (QM2[code] ?? 0)) >> 15, code);
    return code;
  }
}

export class G722Decoder {
  readonly #low = new Band(LOW);
  readonly #high = new Band(HIGH);
  readonly #taps = new Int32Array(24);

  /** One byte to two samples, mono s16 at 16 kHz. */
  decode(bytes: Uint8Array): Int16Array {
    const samples = new Int16Array(bytes.length * 2);
    for (let i = 0; i < bytes.length; i++) this.#byte(bytes[i] ?? 0, samples, 2 * i);
    return samples;
  }

  #byte(byte: number, samples: Int16Array, at: number): void {
    const [low, high] = [this.#low, this.#high];
    const lowCode = byte & 0x3f;
    const lowSample = clamp(low.predicted + ((low.step * (QM6[lowCode] ?? 0)) >> 15), -16_384, 16_383);
    low.adapt((low.step * (QM4[lowCode >> 2] ?? 0)) >> 15, lowCode >> 2);
    const highCode = byte >> 6;
    const highDifference = (high.step * (QM2[highCode] ?? 0)) >> 15;
    const highSample = clamp(high.predicted + highDifference, -16_384, 16_383);
    high.adapt(highDifference, highCode);

    const taps = this.#taps;
    taps.copyWithin(0, 2);
    taps[22] = lowSample + highSample;
    taps[23] = lowSample - highSample;
    let [first, second] = [0, 0];
    for (let i = 0; i < 12; i++) {
      first += (taps[2 * i + 1] ?? 0) * (QMF[11 - i] ?? 0);
      second += (taps[2 * i] ?? 0) * (QMF[i] ?? 0);
    }
    samples[at] = saturate(first >> 11);
    samples[at + 1] = saturate(second >> 11);
  }
}

function saturate(value: number): number {
  return clamp(value, -32_768, 32_767);
}

function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}
