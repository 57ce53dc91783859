/** Tells speech from everything else, a frame at a time. */
export interface VoiceActivityDetector {
  isSpeech(frame: Int16Array): boolean;
  close(): void;
}

/** Quieter than this is no caller who wants something, whatever the detector says (-50 dBFS). */
const MIN_RMS = 104;
/** Speech stands out of the noise by at least 6 dB; the tail that a detector adds to it does not. */
const OVER_NOISE = 2;
/** The floor falls at once and rises 1 dB a second, so that it follows a fan and not a sentence. */
const FLOOR_RISE = 1.0023;
const MAX_FLOOR_RMS = 1000;
/** As loud as what was just detected, within 6 dB, is the same voice: the detector takes long loud vowels for noise. */
const AS_LOUD = 0.5;
const SAME_VOICE_FRAMES = 10;

/** A detector that is also loud enough: takes the detector's hangover off, which would make speech of a cough. */
export class SpeechGate {
  readonly #detector: VoiceActivityDetector;
  #floorRms = MIN_RMS;
  #detectedRms = 0;
  #framesSinceDetected = SAME_VOICE_FRAMES;

  constructor(detector: VoiceActivityDetector) {
    this.#detector = detector;
  }

  isSpeech(frame: Int16Array): boolean {
    let sum = 0;
    for (let i = 0; i < frame.length; i++) sum += (frame[i] as number) * (frame[i] as number);
    const rms = Math.sqrt(sum / frame.length);
    this.#floorRms = Math.min(Math.max(rms, 1), this.#floorRms * FLOOR_RISE, MAX_FLOOR_RMS);
    // The detector adapts to what it hears: it gets every frame.
    const detected = this.#detector.isSpeech(frame);
    if (rms <= MIN_RMS || rms <= this.#floorRms * OVER_NOISE) return false;
    this.#framesSinceDetected = detected ? 0 : this.#framesSinceDetected + 1;
    if (detected) this.#detectedRms = rms;
    return detected || (this.#framesSinceDetected <= SAME_VOICE_FRAMES && rms > this.#detectedRms * AS_LOUD);
  }

  close(): void {
    this.#detector.close();
  }
}
