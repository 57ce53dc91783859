/*
 * Runs in the page: the loudness of the microphone and of what is heard, every 20 ms. Measured where the sound is rendered: the page's own timers are
 * late on a busy machine, and each of the two then at another moment.
 */
async (durationMs) => {
  const audio = document.querySelector('linecard-call')?.shadowRoot?.querySelector('audio');
  if (!(audio?.srcObject instanceof MediaStream)) throw new Error('nothing is heard: there is no stream');
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const context = new AudioContext();
  await context.resume();
  const meter = `registerProcessor('meter', class extends AudioWorkletProcessor {
    samples = 0;
    energy = [0, 0];
    process([[mine], [theirs]]) {
      for (let i = 0; i < 128; i++) {
        this.energy[0] += (mine?.[i] ?? 0) ** 2;
        this.energy[1] += (theirs?.[i] ?? 0) ** 2;
        this.samples += 1;
        if (this.samples < sampleRate / 50) continue;
        this.port.postMessage(this.energy.map((energy) => Math.sqrt(energy / this.samples)));
        this.samples = 0;
        this.energy = [0, 0];
      }
      return true;
    }
  })`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([meter], { type: 'text/javascript' })));
  const node = new AudioWorkletNode(context, 'meter', { numberOfInputs: 2 });
  for (const [i, stream] of [microphone, audio.srcObject].entries()) {
    new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(node, 0, i);
  }
  const levels = { mine: [], theirs: [] };
  await new Promise((resolve) => {
    node.port.onmessage = ({ data: [mine, theirs] }) => {
      levels.mine.push(mine);
      levels.theirs.push(theirs);
      if (levels.mine.length * 20 >= durationMs) resolve();
    };
    node.connect(context.destination);
  });
  for (const track of microphone.getTracks()) track.stop();
  await context.close();
  return levels;
};
