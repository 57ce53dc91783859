/* Runs in the page: the loudest frequency of what is heard, in Hz, some times within the duration; 0 where there is next to nothing. */
async (durationMs) => {
  const audio = document.querySelector('linecard-call')?.shadowRoot?.querySelector('audio');
  if (!(audio?.srcObject instanceof MediaStream)) throw new Error('nothing is heard: there is no stream');
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 });
  new MediaStreamAudioSourceNode(context, { mediaStream: audio.srcObject }).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const heard = [];
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, durationMs / 5));
    analyser.getFloatFrequencyData(bins);
    const loudest = bins.indexOf(Math.max(...bins));
    heard.push(bins[loudest] > -60 ? Math.round((loudest * context.sampleRate) / analyser.fftSize) : 0);
  }
  await context.close();
  return heard;
};
