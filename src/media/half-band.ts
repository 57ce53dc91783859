/**
 * Coefficients on each side that are not zero. 79 taps at the higher rate: 2.4 ms of delay; ripple below 0.01 dB to 3.4 kHz and images and aliases below
 * -85 dB from 4.6 kHz on, between 8 and 16 kHz.
 */
const PAIRS = 20;
/** Kaiser window: 85 dB. */
const KAISER_BETA = 8.4;
/** Frames are worked off in pieces of at most this many samples of the lower rate: 60 ms at 8 kHz. */
const BLOCK_SAMPLES = 480;
/** Samples of the lower rate on each side of an output. */
const REACH = PAIRS - 1;

/** The last group of four may reach beyond the block; what it finds there is never used. */
const SPARE = 3;

const COEFFICIENTS = design();
/** Shared: a call to `process` runs to its end. */
const SUMS = new Float64Array(BLOCK_SAMPLES + SPARE);

/**
 * Doubles a sample rate with a half-band FIR (Crochiere and Rabiner, Multirate Digital Signal Processing, 7.7): every second output is an
 * input sample, every other one the sum of twenty pairs, a quarter of the work of a general polyphase filter. Streaming, nothing is
 * allocated, the result does not depend on the sizes of blocks.
 */
export class RateDoubler {
  /** The last 2 * REACH + 1 samples, then the block at hand. */
  readonly #line = new Float64Array(2 * REACH + 1 + BLOCK_SAMPLES + SPARE);
  /** Output samples that did not fit into 16 bits. */
  clipped = 0;

  /** Takes all of `src`, at most 480 samples, and writes twice as many to the beginning of `dst`; returns how many. */
  process(src: Int16Array, dst: Int16Array): number {
    const line = this.#line;
    const kept = 2 * REACH + 1;
    const count = src.length;
    for (let i = 0; i < count; i++) line[kept + i] = src[i] as number;
    sumPairs(line, count, SUMS);
    for (let n = 0; n < count; n++) {
      // The output that is an input sample lies before the sum of what is around.
      dst[2 * n] = line[n + REACH] as number;
      const value = SUMS[n] as number;
      if (value > 32_767 || value < -32_768) this.clipped += 1;
      dst[2 * n + 1] = value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : Math.round(value);
    }
    line.copyWithin(0, count, count + kept);
    return 2 * count;
  }
}

/** Halves a sample rate with the same half-band FIR, at the same cost. */
export class RateHalver {
  /** Samples of even and odd position, so that each sum runs over neighbours. The last ones, then the block at hand. */
  readonly #even = new Float64Array(REACH + 1 + BLOCK_SAMPLES);
  readonly #odd = new Float64Array(2 * REACH + 1 + BLOCK_SAMPLES + SPARE);
  clipped = 0;

  /** Takes all of `src`, an even number and at most 960 samples, and writes half as many to the beginning of `dst`; returns how many. */
  process(src: Int16Array, dst: Int16Array): number {
    const even = this.#even;
    const odd = this.#odd;
    const count = src.length / 2;
    for (let i = 0; i < count; i++) {
      even[REACH + 1 + i] = src[2 * i] as number;
      odd[2 * REACH + 1 + i] = src[2 * i + 1] as number;
    }
    sumPairs(odd, count, SUMS);
    for (let n = 0; n < count; n++) {
      // An even sample lies between the odd ones of its own position and the one before.
      const value = ((even[n + 1] as number) + (SUMS[n] as number)) / 2;
      if (value > 32_767 || value < -32_768) this.clipped += 1;
      dst[n] = value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : Math.round(value);
    }
    even.copyWithin(0, count, count + REACH + 1);
    odd.copyWithin(0, count, count + 2 * REACH + 1);
    return count;
  }
}

/**
 * `sums[n]` becomes the sum over k of coefficient k times `line[n + REACH - k] + line[n + REACH + 1 + k]`. Four neighbours at a time, so that each sample
 * is loaded once for all of them: half the time of one after the other. The order of additions is the same for every output.
 */
function sumPairs(line: Float64Array, count: number, sums: Float64Array): void {
  for (let n = 0; n < count; n += 4) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let left = n + REACH;
    let right = left + 1;
    let left1 = line[left + 1] as number;
    let left2 = line[left + 2] as number;
    let left3 = line[left + 3] as number;
    let right0 = line[right] as number;
    let right1 = line[right + 1] as number;
    let right2 = line[right + 2] as number;
    for (let k = 0; k < PAIRS; k++) {
      const coefficient = COEFFICIENTS[k] as number;
      const left0 = line[left] as number;
      const right3 = line[right + 3] as number;
      a += coefficient * (left0 + right0);
      b += coefficient * (left1 + right1);
      c += coefficient * (left2 + right2);
      d += coefficient * (left3 + right3);
      left3 = left2;
      left2 = left1;
      left1 = left0;
      right0 = right1;
      right1 = right2;
      right2 = right3;
      left -= 1;
      right += 1;
    }
    sums[n] = a;
    sums[n + 1] = b;
    sums[n + 2] = c;
    sums[n + 3] = d;
  }
}

/** Right half of a windowed sinc whose even taps are zero, with a gain of one for what is inserted between two samples. */
function design(): Float64Array {
  const half = 2 * PAIRS;
  const taps = Float64Array.from({ length: PAIRS }, (_, k) => {
    const x = 2 * k + 1;
    const window = bessel0(KAISER_BETA * Math.sqrt(1 - (x / half) ** 2)) / bessel0(KAISER_BETA);
    return (window * Math.sin((Math.PI * x) / 2)) / ((Math.PI * x) / 2);
  });
  // A constant passes as it is.
  const sum = 2 * taps.reduce((total, value) => total + value, 0);
  return taps.map((value) => value / sum);
}

/** Modified Bessel function of the first kind, order zero, by its series. */
function bessel0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-18; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
