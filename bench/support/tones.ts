/** A second of a sine. Mono s16. */
export function sine(hz: number, rateHz: number, amplitude: number): Int16Array {
  return Int16Array.from({ length: rateHz }, (_, i) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hz * i) / rateHz)),
  );
}

/** Level of one frequency, dB against `amplitude`, through a Blackman-Harris window (-92 dB beside the line), without beginning and end. */
export function levelDb(samples: Int16Array, hz: number, rateHz: number, amplitude: number): number {
  const from = Math.round(rateHz / 10);
  const count = Math.round(rateHz / 4);
  const step = (2 * Math.PI * hz) / rateHz;
  let real = 0;
  let imaginary = 0;
  let weight = 0;
  for (let i = 0; i < count; i++) {
    const at = (2 * Math.PI * i) / count;
    const window = 0.35875 - 0.48829 * Math.cos(at) + 0.14128 * Math.cos(2 * at) - 0.01168 * Math.cos(3 * at);
    const sample = window * (samples[from + i] ?? 0);
    real += sample * Math.cos(step * i);
    imaginary += sample * Math.sin(step * i);
    weight += window;
  }
  return 20 * Math.log10((2 * Math.hypot(real, imaginary)) / weight / amplitude + 1e-12);
}
