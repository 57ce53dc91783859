/**
 * Coefficients of two chains of allpass sections, in turn. Six: images and aliases below -92 dB from 4.6 kHz on, no ripple to 3.4 kHz, between
 * 8 and 16 kHz.
 */
const SECTIONS = 6;
/** From 3.4 to 4.6 kHz, as a part of 16 kHz. */
const TRANSITION = 0.075;
/** What a section remembers of silence halves with every few samples; far below this the processor takes a hundred times as long. */
const NOTHING = 1e-20;

/** `Math.round` of anything between -OFFSET and OFFSET, in a third of its time: cut off towards zero where all is positive. */
const OFFSET = 0x10_0000;
const ROUNDING = OFFSET + 0.5;

const COEFFICIENTS = design();
const A0 = COEFFICIENTS[0] as number;
const A1 = COEFFICIENTS[1] as number;
const A2 = COEFFICIENTS[2] as number;
const A3 = COEFFICIENTS[3] as number;
const A4 = COEFFICIENTS[4] as number;
const A5 = COEFFICIENTS[5] as number;

/**
 * Doubles a sample rate by the elliptic half-band filter in its polyphase form: two chains of three allpass sections at the lower rate, six
 * multiplications for two outputs (Valenzuela and Constantinides, "Digital signal processing schemes for efficient interpolation and decimation"). Late
 * by 0.2 ms at 1 kHz and 0.6 ms at 3.4 kHz, a tenth of what a filter of linear phase takes; speech does not tell the difference. Streaming, nothing
 * is allocated, the result does not depend on the sizes of blocks.
 */
export class RateDoubler {
  readonly #state = new Float64Array(8);
  /** Output samples that did not fit into 16 bits. */
  clipped = 0;

  /** Takes all of `src` and writes twice as many to the beginning of `dst`; returns how many. */
  process(src: Int16Array, dst: Int16Array): number {
    const state = this.#state;
    let even0 = state[0] as number;
    let even1 = state[1] as number;
    let even2 = state[2] as number;
    let even3 = state[3] as number;
    let odd1 = state[5] as number;
    let odd2 = state[6] as number;
    let odd3 = state[7] as number;
    let clipped = 0;
    const count = src.length;
    for (let i = 0; i < count; i++) {
      const x = src[i] as number;
      const e1 = A0 * (x - even1) + even0;
      const o1 = A1 * (x - odd1) + even0;
      const e2 = A2 * (e1 - even2) + even1;
      const o2 = A3 * (o1 - odd2) + odd1;
      const e3 = A4 * (e2 - even3) + even2;
      const o3 = A5 * (o2 - odd3) + odd2;
      even0 = x;
      even1 = e1;
      even2 = e2;
      even3 = e3;
      odd1 = o1;
      odd2 = o2;
      odd3 = o3;
      const even = ((e3 + ROUNDING) | 0) - OFFSET;
      const odd = ((o3 + ROUNDING) | 0) - OFFSET;
      dst[2 * i] = even;
      dst[2 * i + 1] = odd;
      if (even > 32_767 || even < -32_768 || odd > 32_767 || odd < -32_768) clipped += saturate(dst, 2 * i, even, odd);
    }
    this.clipped += clipped;
    keep(state, 0, even0, even1, even2, even3);
    keep(state, 4, even0, odd1, odd2, odd3);
    return 2 * count;
  }
}

/** Halves a sample rate with the same filter, at the same cost. */
export class RateHalver {
  readonly #state = new Float64Array(8);
  clipped = 0;

  /** Takes all of `src`, an even number, and writes half as many to the beginning of `dst`; returns how many. */
  process(src: Int16Array, dst: Int16Array): number {
    const state = this.#state;
    let even0 = state[0] as number;
    let even1 = state[1] as number;
    let even2 = state[2] as number;
    let even3 = state[3] as number;
    let odd0 = state[4] as number;
    let odd1 = state[5] as number;
    let odd2 = state[6] as number;
    let odd3 = state[7] as number;
    let clipped = 0;
    const count = src.length / 2;
    for (let i = 0; i < count; i++) {
      // The filter as it is at the odd samples: the chain that is a sample later has the sample before.
      const odd = src[2 * i] as number;
      const even = src[2 * i + 1] as number;
      const e1 = A0 * (even - even1) + even0;
      const o1 = A1 * (odd - odd1) + odd0;
      const e2 = A2 * (e1 - even2) + even1;
      const o2 = A3 * (o1 - odd2) + odd1;
      const e3 = A4 * (e2 - even3) + even2;
      const o3 = A5 * (o2 - odd3) + odd2;
      even0 = even;
      odd0 = odd;
      even1 = e1;
      even2 = e2;
      even3 = e3;
      odd1 = o1;
      odd2 = o2;
      odd3 = o3;
      const value = (((e3 + o3) / 2 + ROUNDING) | 0) - OFFSET;
      dst[i] = value;
      if (value > 32_767 || value < -32_768) {
        dst[i] = value > 0 ? 32_767 : -32_768;
        clipped += 1;
      }
    }
    this.clipped += clipped;
    keep(state, 0, even0, even1, even2, even3);
    keep(state, 4, odd0, odd1, odd2, odd3);
    return count;
  }
}

/** Returns how many of the two did not fit. */
function saturate(dst: Int16Array, at: number, even: number, odd: number): number {
  let clipped = 0;
  if (even > 32_767 || even < -32_768) {
    dst[at] = even > 0 ? 32_767 : -32_768;
    clipped += 1;
  }
  if (odd > 32_767 || odd < -32_768) {
    dst[at + 1] = odd > 0 ? 32_767 : -32_768;
    clipped += 1;
  }
  return clipped;
}

/** The last input of a chain and the last output of each of its sections. */
function keep(state: Float64Array, at: number, input: number, first: number, second: number, third: number): void {
  state[at] = input;
  state[at + 1] = Math.abs(first) < NOTHING ? 0 : first;
  state[at + 2] = Math.abs(second) < NOTHING ? 0 : second;
  state[at + 3] = Math.abs(third) < NOTHING ? 0 : third;
}

/** The elliptic half-band filter of so many sections and that transition band (theta functions as in the paper above). */
function design(): number[] {
  const k = Math.tan(((1 - 2 * TRANSITION) * Math.PI) / 4) ** 2;
  const root = (1 - k * k) ** 0.25;
  const e = (0.5 * (1 - root)) / (1 + root);
  const q = e + 2 * e ** 5 + 15 * e ** 9 + 150 * e ** 13;
  const order = 2 * SECTIONS + 1;
  return Array.from({ length: SECTIONS }, (_, section) => {
    const angle = ((section + 1) * Math.PI) / order;
    let above = 0;
    let below = 0.5;
    for (let i = 0; i < 8; i++) above += (-1) ** i * q ** (i * (i + 1)) * Math.sin((2 * i + 1) * angle);
    for (let i = 1; i < 8; i++) below += (-1) ** i * q ** (i * i) * Math.cos(2 * i * angle);
    const square = (above * q ** 0.25) ** 2 / below ** 2;
    const x = Math.sqrt((1 - square * k) * (1 - square / k)) / (1 + square);
    return (1 - x) / (1 + x);
  });
}
