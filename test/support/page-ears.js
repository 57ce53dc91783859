/* Runs in the page: the loudness of the microphone and of what is heard, every 20 ms. */
async (durationMs) => {
  const audio = document.querySelector('linecard-call')?.shadowRoot?.querySelector('audio');
  if (!(audio?.srcObject instanceof MediaStream)) throw new Error('nothing is heard: there is no stream');
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const context = new AudioContext();
  await context.resume();
  const meter = (stream) => {
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(analyser);
    const samples = new Float32Array(1024);
    return () => {
      analyser.getFloatTimeDomainData(samples);
      return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    };
  };
  const [mine, theirs] = [meter(microphone), meter(audio.srcObject)];
  const levels = { mine: [], theirs: [] };
  await new Promise((resolve) => {
    const startedAt = performance.now();
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - startedAt;
      while (levels.mine.length < Math.floor(elapsedMs / 20)) {
        levels.mine.push(mine());
        levels.theirs.push(theirs());
      }
      if (elapsedMs < durationMs) return;
      clearInterval(timer);
      resolve();
    }, 10);
  });
  for (const track of microphone.getTracks()) track.stop();
  await context.close();
  return levels;
};
