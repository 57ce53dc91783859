/** Two soft notes, again and again: who is on the line hears that the call is not over. */
const NOTES_HZ = [440, 554];
const NOTE_SECONDS = 0.16;
const LOUDNESS = 0.06;
const INTERVAL_MS = 2500;

/** What the visitor hears while the way to the bridge is looked for; made here, because nothing comes from there. */
export class WaitingTone {
  #context;
  #timer;

  /** @param {AudioContext} context */
  constructor(context) {
    this.#context = context;
    this.#timer = setInterval(() => this.#play(), INTERVAL_MS);
    this.#play();
  }

  close() {
    clearInterval(this.#timer);
  }

  #play() {
    let at = this.#context.currentTime;
    for (const frequency of NOTES_HZ) {
      const gain = this.#context.createGain();
      const note = this.#context.createOscillator();
      note.frequency.value = frequency;
      // Without a click at either end.
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(LOUDNESS, at + NOTE_SECONDS / 4);
      gain.gain.linearRampToValueAtTime(0, at + NOTE_SECONDS);
      note.connect(gain).connect(this.#context.destination);
      note.start(at);
      at += NOTE_SECONDS;
      note.stop(at);
    }
  }
}
