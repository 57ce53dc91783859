import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { newLegId } from '../../../src/core/ids.js';
import { silentLogger } from '../../../src/core/logger.js';
import { FRAME_SAMPLES } from '../../../src/core/units.js';
import { JitterBuffer } from '../../../src/media/jitter-buffer.js';
import { OpusDecoder } from '../../../src/media/opus/decoder.js';
import { OpusEncoder } from '../../../src/media/opus/encoder.js';
import { OPUS_CLOCK_RATE_HZ } from '../../../src/media/opus/packet.js';
import { warmUpOpus } from '../../../src/media/opus/warm-up.js';
import { WebRtcDoor } from '../../../src/transports/webrtc/door.js';
import type { IceConfig } from '../../../src/transports/webrtc/ice.js';
import type { WebRtcLeg } from '../../../src/transports/webrtc/leg.js';
import { preparePeers, WeriftPeer } from '../../../src/transports/webrtc/peer.js';
import { asFirefox } from '../../support/firefox-offer.js';
import { UdpRelay } from '../../support/udp-relay.js';
import { WebRtcVisitor } from '../../support/webrtc-visitor.js';

const ICE: IceConfig = { policy: 'all', servers: [], ports: null, announce: null };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
beforeAll(async () => {
  await Promise.all([warmUpOpus(), preparePeers()]);
});

/** A door, a visitor, and a tick of 20 ms that says back what the visitor says. */
async function setUp(ice: Partial<IceConfig> = {}) {
  const legs: WebRtcLeg[] = [];
  const timeouts: string[] = [];
  const closings: string[] = [];
  const digits: string[] = [];
  const door = new WebRtcDoor({
    openPeer: (options) => new WeriftPeer({ ...options, ice: { ...ICE, ...ice }, clock: systemClock }),
    openUplink: async (counters) =>
      new JitterBuffer({ decoder: await OpusDecoder.open(), clockRateHz: OPUS_CLOCK_RATE_HZ, counters }),
    openEncoder: () => new OpusEncoder({ discontinuous: 'yes' }),
    prepare: () => Promise.resolve(),
    maxLegs: 10,
    clock: systemClock,
    log: silentLogger,
    onLeg: (leg) => {
      legs.push(leg);
      leg.listener = {
        digit: (digit) => digits.push(digit),
        closed: (reason, detail) => closings.push(`${reason}: ${detail}`),
      };
    },
  });
  const legId = newLegId();
  door.expect(legId, { timeLimitMs: 10_000, onTimeout: () => timeouts.push(legId) });
  const visitor = await WebRtcVisitor.open();
  let speaks = true;
  let phase = 0;
  const tone = new Int16Array(FRAME_SAMPLES);
  const frame = new Int16Array(FRAME_SAMPLES);
  const timer = setInterval(() => {
    if (speaks) {
      for (let i = 0; i < FRAME_SAMPLES; i++) tone[i] = 8000 * Math.sin(phase++ * ((2 * Math.PI * 440) / 16_000));
      visitor.speak(tone);
    }
    for (const leg of legs) {
      leg.pull(frame);
      leg.push(frame);
    }
  }, 20);
  closers.push(async () => {
    clearInterval(timer);
    await door.stop();
    await visitor.close();
  });
  /** The same through a piece of network; its ways are the only ones. */
  const callThrough = async (relay: UdpRelay) => {
    closers.push(() => {
      relay.close();
      return Promise.resolve();
    });
    const answer = await door.offer(legId, relay.offer(await visitor.offer()), '127.0.0.1');
    await visitor.take(relay.answer(answer));
    await until(() => legs.length === 1);
    return answer;
  };
  const call = async () => {
    const startedAtMs = performance.now();
    const answer = await door.offer(legId, await visitor.offer(), '127.0.0.1');
    await visitor.take(answer);
    await until(() => legs.length === 1);
    return { answer, tookMs: performance.now() - startedAtMs };
  };
  const mute = () => (speaks = false);
  return { door, legs, legId, visitor, timeouts, closings, digits, call, callThrough, mute };
}

describe('a peer', () => {
  it('talks and hears: what the visitor says comes back', async () => {
    const { visitor, legs, call } = await setUp();
    const { answer } = await call();
    expect(answer).toMatch(/^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 \d+ typ host/m);
    await until(() => visitor.heard.filter((frame) => loudness(frame) > 3000).length > 20);
    expect(legs[0]?.counters.framesIn).toBeGreaterThan(3);
    await until(() => hearsTone(visitor.heard));
  });

  it('loses one packet in ten and hears on', async () => {
    const { visitor, legs, call } = await setUp();
    visitor.losesEvery = 10;
    await call();
    await until(() => (legs[0]?.counters.lost ?? 0) >= 3);
    visitor.heard.length = 0;
    await until(() => hearsTone(visitor.heard));
  });

  it('hears through a network that loses and shakes, and both sides know how bad it is', async () => {
    const { visitor, legs, callThrough } = await setUp();
    const relay = await UdpRelay.open();
    await callThrough(relay);
    relay.impair({ lossPercent: 20, jitterMs: 30, manner: 'bursty' });
    const network = () => legs[0]?.network;
    await until(() => (network()?.uplinkLossPercent ?? 0) > 5 && (network()?.downlinkLossPercent ?? 0) > 5);
    await until(() => (network()?.uplinkJitterMs ?? 0) > 3 && network()?.roundTripMs !== null);
    expect(legs[0]?.counters.concealed).toBeGreaterThan(0);
    await until(() => frequencyOf(visitor.heard.slice(-10)) > 300);
    // What was lost on the way is what is missed here, but for what is under way.
    const { uplink } = relay;
    await until(() => Math.abs((network()?.uplinkLossPercent ?? 0) - (uplink.lost * 100) / uplink.packets) < 5);
  });

  it('takes an offer as Firefox writes it, and answers as all browsers want it', async () => {
    const { door, legId, visitor, legs } = await setUp();
    const answer = await door.offer(legId, asFirefox(await visitor.offer()), '127.0.0.1');
    const [session = '', audio = '', data = '', ...more] = answer.split(/^(?=m=)/m);
    expect(more).toEqual([]);
    expect(session).toMatch(/^a=group:BUNDLE 0 1\r$/m);
    // Opus by the browser's own number and nothing that was not offered; RTCP beside RTP; the browser is the server of DTLS.
    expect(audio).toMatch(/^m=audio 9 UDP\/TLS\/RTP\/SAVPF 109\r$/m);
    for (const line of ['a=rtcp-mux', 'a=setup:active', 'a=mid:0', 'a=sendrecv'])
      expect(audio).toContain(`${line}\r\n`);
    expect(audio).toMatch(/^a=fingerprint:sha-256 /m);
    expect(answer).not.toMatch(/^a=extmap:/m);
    expect(data).toMatch(/^m=application 9 UDP\/DTLS\/SCTP webrtc-datachannel\r$/m);
    expect(data).toContain('a=mid:1\r\n');
    await visitor.take(answer);
    await until(() => legs.length === 1);
    legs[0]?.notify('{"kind":"turnHeard"}');
    await until(() => hearsTone(visitor.heard) && visitor.messages.length > 0);
  });

  it('carries events to the page and digits from it', async () => {
    const { visitor, legs, digits, call } = await setUp();
    await call();
    // The data channel is open later than the sound: what is said until then is told, too.
    legs[0]?.notify('{"kind":"turnHeard"}');
    await until(() => visitor.messages.length > 0);
    expect(visitor.messages).toEqual(['{"kind":"turnHeard"}']);
    visitor.say('{"kind":"digits","digits":"42#"}');
    await until(() => digits.length === 3);
    expect(digits.join('')).toBe('42#');
  });

  it('shows the announced address, within its ports', async () => {
    const { door, legId, visitor } = await setUp({ announce: '203.0.113.9', ports: [41_200, 41_299] });
    const answer = await door.offer(legId, await visitor.offer(), '127.0.0.1');
    const ports = [...answer.matchAll(/^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host/gm)];
    expect(new Set(ports.map(([, address]) => address))).toEqual(new Set(['203.0.113.9']));
    for (const [, , port] of ports) {
      expect(Number(port)).toBeGreaterThanOrEqual(41_200);
      expect(Number(port)).toBeLessThanOrEqual(41_299);
    }
  });

  it('of a bridge behind relays has no address of its own, and says that no relay is there', async () => {
    const { door, legId, visitor } = await setUp({
      policy: 'relay',
      servers: [{ urls: ['turn:127.0.0.1:9'], username: 'u', credential: 'c' }],
    });
    await expect(door.offer(legId, await visitor.offer(), '127.0.0.1')).rejects.toMatchObject({
      code: 'MEDIA_TIMEOUT',
    });
    expect(door.visitorCount).toBe(0);
  });

  it('takes candidates that come later', async () => {
    const { door, legId, visitor, legs } = await setUp();
    const offer = await visitor.offer();
    const lines = offer.split('\r\n');
    const withoutCandidates = lines.filter((line) => !line.startsWith('a=candidate') && line !== 'a=end-of-candidates');
    await visitor.take(await door.offer(legId, withoutCandidates.join('\r\n'), '127.0.0.1'));
    const candidate = lines.find((line) => line.startsWith('a=candidate')) ?? '';
    await expect(door.fragment(legId, `m=audio 9 RTP/AVP 0\r\na=mid:0\r\n${candidate}\r\n`)).resolves.toBeNull();
    await until(() => legs.length === 1);
  });

  it.each([
    ['prose', 'hello', 'REQUEST_INVALID'],
    ['an offer that breaks off', 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n', 'REQUEST_INVALID'],
  ])('refuses %s and leaves nothing', async (_what, sdp, code) => {
    const { door, legId } = await setUp();
    await expect(door.offer(legId, sdp, '127.0.0.1')).rejects.toMatchObject({ code });
    expect(door.visitorCount).toBe(0);
  });
});

async function until(holds: () => boolean, limitMs = 8000): Promise<void> {
  const endsAtMs = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > endsAtMs) throw new Error('it did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function loudness(frame: Int16Array): number {
  return Math.sqrt(frame.reduce((sum, sample) => sum + sample * sample, 0) / frame.length);
}

/**
 * The tone of 440 Hz, in a good stretch of 200 ms: what stands for a lost packet, or for one that a busy machine is late with, is not exactly as long in
 * periods as the tone was.
 */
function hearsTone(heard: readonly Int16Array[]): boolean {
  const last = heard.slice(-10);
  return last.length === 10 && Math.abs(frequencyOf(last) - 440) < 25;
}

/** By zero crossings: good to a few Hertz for a tone. */
function frequencyOf(frames: readonly Int16Array[]): number {
  const samples = frames.flatMap((frame) => [...frame]);
  let crossings = 0;
  for (let i = 1; i < samples.length; i++)
    if ((samples[i - 1] as number) < 0 !== (samples[i] as number) < 0) crossings += 1;
  return (crossings * 16_000) / (2 * samples.length);
}
