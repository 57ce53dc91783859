import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { newLegId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { JitterBuffer } from '../../src/media/jitter-buffer.js';
import { OpusDecoder } from '../../src/media/opus/decoder.js';
import { OpusEncoder } from '../../src/media/opus/encoder.js';
import { OPUS_CLOCK_RATE_HZ } from '../../src/media/opus/packet.js';
import { warmUpOpus } from '../../src/media/opus/warm-up.js';
import { WebRtcDoor } from '../../src/transports/webrtc/door.js';
import type { WebRtcLeg } from '../../src/transports/webrtc/leg.js';
import { preparePeers, WeriftPeer } from '../../src/transports/webrtc/peer.js';
import { rms } from '../support/phone/recording.js';
import { TurnServer, withoutTurnServer } from '../support/turn-server.js';
import { WebRtcVisitor } from '../support/webrtc-visitor.js';

describe.skipIf(withoutTurnServer())('a bridge that only a relay reaches', () => {
  let turn: TurnServer;
  let door: WebRtcDoor | null = null;
  let visitor: WebRtcVisitor | null = null;
  let timer: NodeJS.Timeout | undefined;

  beforeAll(async () => {
    [turn] = await Promise.all([TurnServer.start(), warmUpOpus(), preparePeers()]);
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    clearInterval(timer);
    await door?.stop();
    await visitor?.close();
    door = null;
    visitor = null;
  });

  afterAll(() => turn.stop());

  function openDoor(url: string, secret: string, onLeg: (leg: WebRtcLeg) => void): WebRtcDoor {
    const ice = { policy: 'relay', servers: [{ urls: [url], secret }], ports: null, announce: null } as const;
    door = new WebRtcDoor({
      openPeer: (options) => new WeriftPeer({ ...options, ice, clock: systemClock }),
      openUplink: async (counters) =>
        new JitterBuffer({ decoder: await OpusDecoder.open(), clockRateHz: OPUS_CLOCK_RATE_HZ, counters }),
      openEncoder: () => new OpusEncoder({ discontinuous: 'yes' }),
      prepare: () => Promise.resolve(),
      maxLegs: 10,
      clock: systemClock,
      log: silentLogger,
      onLeg,
    });
    return door;
  }

  it.each(['udp', 'tcp', 'tls'] as const)('is reached through coturn over %s, both ways', async (way) => {
    const url =
      way === 'tls' ? `turns:127.0.0.1:${turn.tlsPort}?transport=tcp` : `turn:127.0.0.1:${turn.port}?transport=${way}`;
    // The certificate is the test's own; a real one is checked.
    if (way === 'tls') vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const legs: WebRtcLeg[] = [];
    const opened = openDoor(url, TurnServer.secret, (leg) => legs.push(leg));
    const legId = newLegId();
    opened.expect(legId, { timeLimitMs: 15_000, onTimeout: () => undefined });
    const caller = await WebRtcVisitor.open();
    visitor = caller;
    const startedAtMs = performance.now();
    const answer = await opened.offer(legId, await caller.offer(), '127.0.0.1');
    const candidates = answer.match(/^a=candidate:.*$/gm) ?? [];
    expect(candidates.length).toBeGreaterThan(0);
    for (const candidate of candidates) expect(candidate).toContain('typ relay');
    await caller.take(answer);
    const tone = Int16Array.from(
      { length: FRAME_SAMPLES },
      (_, i) => 8000 * Math.sin((2 * Math.PI * 400 * i) / 16_000),
    );
    const frame = new Int16Array(FRAME_SAMPLES);
    timer = setInterval(() => {
      caller.speak(tone);
      for (const leg of legs) {
        leg.pull(frame);
        leg.push(frame);
      }
    }, FRAME_MS);
    await vi.waitFor(() => expect(caller.heard.filter((heard) => rms(heard) > 2000).length).toBeGreaterThan(10), {
      timeout: 15_000,
      interval: 50,
    });
    const connectMs = Math.round(performance.now() - startedAtMs);
    process.stdout.write(`${JSON.stringify({ name: `relay over ${way}`, connectMs })}\n`);
  });

  it('says so when the relay does not want us, and loses no more than four seconds on it', async () => {
    const opened = openDoor(`turn:127.0.0.1:${turn.port}`, 'wrong', () => undefined);
    const legId = newLegId();
    opened.expect(legId, { timeLimitMs: 15_000, onTimeout: () => undefined });
    visitor = await WebRtcVisitor.open();
    const startedAtMs = performance.now();
    await expect(opened.offer(legId, await visitor.offer(), '127.0.0.1')).rejects.toMatchObject({
      code: 'MEDIA_TIMEOUT',
    });
    expect(performance.now() - startedAtMs).toBeLessThan(8000);
  });
});
