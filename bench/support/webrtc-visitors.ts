import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../../src/core/units.js';
import { OpusEncoder } from '../../src/media/opus/encoder.js';
import { warmUpOpus } from '../../src/media/opus/warm-up.js';
import { WebRtcVisitor } from '../../test/support/webrtc-visitor.js';

/** A process of its own full of visitors: `url token count`. They talk until it is ended; `ready` when all are connected. */
const [url = '', token = '', count = '1'] = process.argv.slice(2);

await warmUpOpus();
const tone = Int16Array.from({ length: FRAME_SAMPLES }, (_, i) =>
  Math.round(6000 * Math.sin((2 * Math.PI * 400 * i) / SAMPLE_RATE_HZ)),
);
// All say the same: one encoder is enough, and the machine is the bridge's.
const encoder = new OpusEncoder();
const visitors: WebRtcVisitor[] = [];
const startedAtMs = performance.now();
let spoken = 0;
setInterval(() => {
  for (; spoken * FRAME_MS < performance.now() - startedAtMs; spoken++) {
    const packet = Buffer.from(encoder.encode(tone));
    for (const each of visitors) each.speakPacket(packet);
  }
}, FRAME_MS / 2);

for (let i = 0; i < Number(count); i++) {
  const visitor = await WebRtcVisitor.open();
  const offer = await visitor.offer();
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/sdp',
    'x-forwarded-for': `198.51.100.${i % 256}`,
  };
  const answer = await fetch(url, { method: 'POST', headers, body: offer });
  if (answer.status !== 201) throw new Error(await answer.text());
  await visitor.take(await answer.text());
  while (visitor.packets === 0) await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
  visitor.hearing = 'deaf';
  visitors.push(visitor);
}
process.send?.('ready');
