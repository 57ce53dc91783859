/**
 * Something that is coded and concealed as a voice is, without a recording: a gliding pulse train through three resonances, with pauses.
 * Mono s16, 16 kHz; the same for the same arguments.
 */
export function voiceLike(
  samples: number,
  options: { readonly pitchHz?: number; readonly pauses?: 'yes' | 'no' } = {},
): Int16Array {
  const { pitchHz = 120, pauses = 'no' } = options;
  const out = new Int16Array(samples);
  const formants = [500, 1500, 2500].map((hz) => new Resonance(hz, 80 + hz / 20));
  let phase = 0;
  for (let i = 0; i < samples; i++) {
    const seconds = i / 16_000;
    phase += (pitchHz * (1 + 0.15 * Math.sin(2 * Math.PI * 0.7 * seconds))) / 16_000;
    let excitation = 0;
    if (phase >= 1) {
      phase -= 1;
      excitation = 1;
    }
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 2 * seconds)) ** 0.5;
    const loudness = pauses === 'yes' ? syllable : 0.4 + 0.6 * syllable;
    const sum = formants.reduce((total, formant) => total + formant.process(excitation * loudness), 0);
    out[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum * 9000)));
  }
  return out;
}

/** A second-order resonator. */
class Resonance {
  readonly #a1: number;
  readonly #a2: number;
  readonly #gain: number;
  #y1 = 0;
  #y2 = 0;

  constructor(hz: number, bandwidthHz: number) {
    const radius = Math.exp((-Math.PI * bandwidthHz) / 16_000);
    this.#a1 = 2 * radius * Math.cos((2 * Math.PI * hz) / 16_000);
    this.#a2 = -radius * radius;
    this.#gain = Math.sin((2 * Math.PI * hz) / 16_000) * 2;
  }

  process(x: number): number {
    const y = this.#gain * x + this.#a1 * this.#y1 + this.#a2 * this.#y2;
    this.#y2 = this.#y1;
    this.#y1 = y;
    return y;
  }
}

/** Signal to noise ratio of `heard` against `sent`, in dB, over what both have. */
export function snrDb(sent: Int16Array, heard: Int16Array): number {
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < Math.min(sent.length, heard.length); i++) {
    signal += (sent[i] as number) ** 2;
    noise += ((sent[i] as number) - (heard[i] as number)) ** 2;
  }
  return 10 * Math.log10(signal / Math.max(1, noise));
}
