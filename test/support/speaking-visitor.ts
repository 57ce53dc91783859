import { vi } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../../src/core/units.js';
import { rms, toneShare } from './phone/recording.js';
import { WebRtcVisitor } from './webrtc-visitor.js';

const TOKEN = 'token-of-the-tests';
const PEAK = 6000;
/** Half a second: what somebody hears now. */
const LATE_FRAMES = 25;

/** A browser's call as its page makes it, without a page; it speaks a tone all the time. */
export class SpeakingVisitor {
  /** The call at Linecard: DELETE ends it. */
  readonly location: string;
  readonly #visitor: WebRtcVisitor;
  readonly #timer: NodeJS.Timeout;

  private constructor(visitor: WebRtcVisitor, location: string, hz: number) {
    this.#visitor = visitor;
    this.location = location;
    let at = 0;
    const startedAtMs = performance.now();
    this.#timer = setInterval(() => {
      for (; at * FRAME_MS < performance.now() - startedAtMs; at += 1) visitor.speak(toneFrame(hz, at));
    }, FRAME_MS / 2);
  }

  /** Calls an agent; resolves when it is connected. */
  static async call(url: string, agent: string, hz: number): Promise<SpeakingVisitor> {
    const visitor = await WebRtcVisitor.open();
    const answer = await fetch(`${url}/v1/webrtc/${agent}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/sdp' },
      body: await visitor.offer(),
    });
    if (answer.status !== 201) throw new Error(`the offer was answered ${answer.status}: ${await answer.text()}`);
    await visitor.take(await answer.text());
    return new SpeakingVisitor(visitor, new URL(answer.headers.get('location') ?? '', url).href, hz);
  }

  /** mono s16, 16 kHz, the last half second. */
  heardOfLate(): Int16Array {
    const frames = this.#visitor.heard.slice(-LATE_FRAMES);
    const whole = new Int16Array(frames.length * FRAME_SAMPLES);
    for (const [i, frame] of frames.entries()) whole.set(frame, i * FRAME_SAMPLES);
    return whole;
  }

  hears(hz: number): Promise<void> {
    return vi.waitFor(
      () => {
        const samples = this.heardOfLate();
        const share = this.shareOf(hz);
        if (samples.length < 6000 || rms(samples) < 300 || share < 0.6) {
          throw new Error(`${samples.length} samples, ${rms(samples)} RMS, share ${share}`);
        }
      },
      { timeout: 10_000, interval: 50 },
    );
  }

  /** How much of what is heard is this tone, 0 to 1. */
  shareOf(hz: number): number {
    return toneShare(this.heardOfLate(), hz, SAMPLE_RATE_HZ);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#visitor.close();
  }
}

function toneFrame(hz: number, at: number): Int16Array {
  return Int16Array.from({ length: FRAME_SAMPLES }, (_, i) =>
    Math.round(PEAK * Math.sin((2 * Math.PI * hz * (at * FRAME_SAMPLES + i)) / SAMPLE_RATE_HZ)),
  );
}
