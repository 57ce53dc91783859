/** Taps of each phase at the lower of the two rates: 3 ms of delay at 8 kHz, where the transition band still fits between 3.4 and 4.6 kHz. */
const TAPS_AT_LOWER_RATE = 48;
/** Kaiser window: 90 dB of stopband. */
const KAISER_BETA = 9;
/** Input is worked off in pieces of this size: 20 ms at 48 kHz. Larger chunks of providers take several turns. */
const BLOCK_SAMPLES = 960;

/** The filter of one ratio, shared by all who resample by it. */
type Filter = {
  /** Output rate over input rate, in lowest terms. */
  readonly up: number;
  readonly down: number;
  readonly taps: number;
  /** `up` phases of `taps` coefficients, each in the order of the samples it meets, oldest first. */
  readonly phases: readonly Float64Array[];
};

const filters = new Map<string, Filter>();

/**
 * Streaming sample rate conversion by a polyphase FIR (Crochiere and Rabiner, Multirate Digital Signal Processing, 4.3): no click at the border
 * of blocks, the same result for any sizes of them. Passband to 0.425 of the lower rate within 0.05 dB, images and aliases below -85 dB.
 */
export class Resampler {
  readonly #filter: Filter;
  /** The last `taps - 1` input samples, then the block at hand. */
  readonly #line: Float64Array;
  /** Position of the next output on the input's axis, in `1 / up` samples, relative to the block at hand. */
  #position = 0;
  /** Output samples that did not fit into 16 bits. */
  clipped = 0;

  /** @param fromHz any rate whose ratio to `toHz` has at most 640 phases */
  constructor(fromHz: number, toHz: number) {
    this.#filter = filterFor(fromHz, toHz);
    this.#line = new Float64Array(this.#filter.taps - 1 + BLOCK_SAMPLES);
  }

  /**
   * Takes all of `src`, mono s16 at the one rate, and writes what it makes at the other to the beginning of `dst`.
   * @returns how many samples were written; `dst` must have room for `src.length * toHz / fromHz + 1`
   */
  process(src: Int16Array, dst: Int16Array): number {
    const line = this.#line;
    const kept = this.#filter.taps - 1;
    let written = 0;
    for (let start = 0; start < src.length; start += BLOCK_SAMPLES) {
      const count = Math.min(BLOCK_SAMPLES, src.length - start);
      for (let i = 0; i < count; i++) line[kept + i] = src[start + i] as number;
      written = this.#filterBlock(count, dst, written);
      line.copyWithin(0, count, count + kept);
    }
    return written;
  }

  #filterBlock(count: number, dst: Int16Array, from: number): number {
    const { up, down, taps, phases } = this.#filter;
    const line = this.#line;
    const end = count * up;
    let position = this.#position;
    let at = from;
    while (position < end) {
      const base = Math.floor(position / up);
      const phase = phases[position - base * up] as Float64Array;
      // Four sums that do not wait for each other; taps is a multiple of four.
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      for (let k = 0; k < taps; k += 4) {
        a += (phase[k] as number) * (line[base + k] as number);
        b += (phase[k + 1] as number) * (line[base + k + 1] as number);
        c += (phase[k + 2] as number) * (line[base + k + 2] as number);
        d += (phase[k + 3] as number) * (line[base + k + 3] as number);
      }
      const sum = Math.round(a + b + (c + d));
      if (sum > 32_767) {
        this.clipped += 1;
        dst[at] = 32_767;
      } else if (sum < -32_768) {
        this.clipped += 1;
        dst[at] = -32_768;
      } else dst[at] = sum;
      at += 1;
      position += down;
    }
    this.#position = position - end;
    return at;
  }
}

function filterFor(fromHz: number, toHz: number): Filter {
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const up = toHz / divisor;
  const down = fromHz / divisor;
  const key = `${up}/${down}`;
  const known = filters.get(key);
  if (known !== undefined) return known;
  const made = design(up, down);
  filters.set(key, made);
  return made;
}

/** A windowed sinc at `up` times the input rate, cut off at half the lower rate, split into its phases. */
function design(up: number, down: number): Filter {
  const taps = Math.ceil((TAPS_AT_LOWER_RATE * Math.max(1, down / up)) / 4) * 4;
  const length = taps * up;
  const cutoff = 0.5 / Math.max(up, down);
  const centre = (length - 1) / 2;
  const prototype = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const x = i - centre;
    const sinc = x === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * x) / (Math.PI * x);
    const window = bessel0(KAISER_BETA * Math.sqrt(1 - (x / (centre + 0.5)) ** 2)) / bessel0(KAISER_BETA);
    prototype[i] = sinc * window;
  }
  const phases = Array.from({ length: up }, (_, phase) => {
    const coefficients = Float64Array.from(
      { length: taps },
      (__, k) => prototype[(taps - 1 - k) * up + phase] as number,
    );
    // Each phase passes a constant as it is: no ripple at the input's rate.
    const sum = coefficients.reduce((total, value) => total + value, 0);
    return coefficients.map((value) => value / sum);
  });
  return { up, down, taps, phases };
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

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
