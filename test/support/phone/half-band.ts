/** Halves of a filter's length; 6 dB down at 4 kHz, 60 dB down from 4.6 kHz. */
const HALF_TAPS = 31;

/**
 * A half-band filter between 8 and 16 kHz, apart from `src/` so that the phone judges Linecard's resampler from outside.
 * Streaming: one instance a direction.
 */
export class HalfBand {
  readonly #taps = halfBandTaps();
  readonly #history = new Float64Array(2 * HALF_TAPS + 1);

  /** Mono s16, 8 kHz to 16 kHz. */
  double(samples: Int16Array): Int16Array {
    const out = new Int16Array(samples.length * 2);
    for (let i = 0; i < out.length; i++) out[i] = 2 * this.#filter(i % 2 === 0 ? (samples[i / 2] ?? 0) : 0);
    return out;
  }

  /** Mono s16, 16 kHz to 8 kHz; an even number of samples. */
  halve(samples: Int16Array): Int16Array {
    const out = new Int16Array(samples.length / 2);
    for (let i = 0; i < samples.length; i++) {
      const sample = this.#filter(samples[i] ?? 0);
      if (i % 2 === 0) out[i / 2] = sample;
    }
    return out;
  }

  #filter(sample: number): number {
    const history = this.#history;
    history.copyWithin(0, 1);
    history[history.length - 1] = sample;
    let sum = 0;
    for (let i = 0; i < history.length; i++) sum += (history[i] ?? 0) * (this.#taps[i] ?? 0);
    // Twice this must still be a sample.
    return Math.max(-16_383, Math.min(16_383, Math.round(sum)));
  }
}

function halfBandTaps(): Float64Array {
  return Float64Array.from({ length: 2 * HALF_TAPS + 1 }, (_, i) => {
    const x = i - HALF_TAPS;
    const sinc = x === 0 ? 0.5 : Math.sin((Math.PI * x) / 2) / (Math.PI * x);
    const turn = (Math.PI * (x + HALF_TAPS + 1)) / (HALF_TAPS + 1);
    const blackman = 0.42 - 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn);
    return sinc * blackman;
  });
}
