import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { OpusEncoder } from '../../src/media/opus/encoder.js';
import { warmUpOpus } from '../../src/media/opus/warm-up.js';
import { UdpRelay } from '../../test/support/udp-relay.js';
import { WebRtcVisitor } from '../../test/support/webrtc-visitor.js';
import { beepFrame } from './beep.js';
import { preferLoad } from './media-bench.js';
import { conversation } from './speech.js';

/** What a bench tells the process of its visitors, and hears from it. Times are milliseconds since 1970, with a fraction. */
export type ToVisitors =
  | { readonly kind: 'answer'; readonly sdp: string }
  | {
      readonly kind: 'impair';
      readonly lossPercent: number;
      readonly jitterMs: number;
      readonly redundancyPercent: number;
    };
export type FromVisitors =
  | { readonly kind: 'offer'; readonly sdp: string }
  | { readonly kind: 'ready' }
  /** A beep began at the microphone. */
  | { readonly kind: 'beep'; readonly atMs: number };

/** A whistle of 60 ms twice a second, over what is said. */
const BEEP_EVERY_FRAMES = 25;
const BEEP_FRAMES = 3;

/** A process full of visitors that talk through a bad network: `count`. */
const count = Number(process.argv[2] ?? '1');
const speech = conversation(60);

preferLoad(process.pid);
await warmUpOpus();
let encoder = new OpusEncoder();
const visitors: WebRtcVisitor[] = [];
const relays: UdpRelay[] = [];
const startedAtMs = performance.now();
let spoken = 0;

function say(): void {
  for (; spoken * FRAME_MS < performance.now() - startedAtMs; spoken++) {
    const place = spoken % BEEP_EVERY_FRAMES;
    // The frame that is sent now was taken up from 20 ms ago on.
    if (place === 0) tell({ kind: 'beep', atMs: performance.timeOrigin + performance.now() - FRAME_MS });
    const packet = Buffer.from(encoder.encode(place < BEEP_FRAMES ? beepFrame() : sound(spoken)));
    for (const visitor of visitors) visitor.speakPacket(packet);
  }
}

function sound(frame: number): Int16Array {
  const at = (frame * FRAME_SAMPLES) % speech.length;
  return speech.slice(at, at + FRAME_SAMPLES);
}

function tell(message: FromVisitors): void {
  process.send?.(message);
}

function answer(): Promise<string> {
  return new Promise((resolve) => {
    const listener = (message: ToVisitors): void => {
      if (message.kind !== 'answer') return;
      process.off('message', listener);
      resolve(message.sdp);
    };
    process.on('message', listener);
  });
}

process.on('message', (message: ToVisitors) => {
  if (message.kind !== 'impair') return;
  encoder = new OpusEncoder({ expectedLossPercent: message.redundancyPercent });
  for (const relay of relays) relay.impair(message);
});

setInterval(say, FRAME_MS / 4);
for (let i = 0; i < count; i++) {
  const visitor = await WebRtcVisitor.open();
  visitor.hearing = 'deaf';
  const relay = await UdpRelay.open(i + 1);
  tell({ kind: 'offer', sdp: relay.offer(await visitor.offer()) });
  await visitor.take(relay.answer(await answer()));
  while (visitor.packets === 0) await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
  visitors.push(visitor);
  relays.push(relay);
}
tell({ kind: 'ready' });
