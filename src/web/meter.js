/** Below this nothing is shown: the noise of a quiet room. */
const FLOOR_DB = -55;
const CEILING_DB = -10;

/** The loudness of a stream, for the eye. */
export class LevelMeter {
  #context;
  #analyser;
  #source;
  #samples;

  /**
   * @param {AudioContext} context
   * @param {MediaStream} stream
   */
  constructor(context, stream) {
    this.#context = context;
    this.#analyser = new AnalyserNode(context, { fftSize: 512 });
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    this.#source.connect(this.#analyser);
  }

  /** From 0, silence, to 1. */
  read() {
    if (this.#context.state !== 'running') return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let energy = 0;
    for (const sample of this.#samples) energy += sample * sample;
    const db = 10 * Math.log10(energy / this.#samples.length + 1e-12);
    return Math.min(1, Math.max(0, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
  }

  close() {
    this.#source.disconnect();
  }
}
