import { describe, expect, it } from 'vitest';
import { Reception } from '../../../src/transports/webrtc/reception.js';
import type { PacketInfo } from '../../../src/transports/webrtc/rtp-path.js';
import { RtpPath } from '../../../src/transports/webrtc/rtp-path.js';
import type { SrtpKeys } from '../../../src/transports/webrtc/srtp.js';
import { SrtpReader, SrtpWriter } from '../../../src/transports/webrtc/srtp.js';
import { FakeClock } from '../../support/fake-clock.js';

const KEYS: SrtpKeys = {
  profile: 'gcm',
  key: Buffer.alloc(16, 1),
  salt: Buffer.alloc(12, 2),
  authKey: Buffer.alloc(0),
};
const BACK: SrtpKeys = { ...KEYS, key: Buffer.alloc(16, 3) };

/** A bridge's path and a browser's, with a wire between them that takes a while. */
function setUp({ delayMs = 0 }: { delayMs?: number } = {}) {
  const clock = new FakeClock();
  const heard: { info: PacketInfo; text: string }[] = [];
  const answered: string[] = [];
  const wire: Buffer[] = [];
  const later = (deliver: () => void): void => {
    if (delayMs === 0) deliver();
    else clock.setAlarm(delayMs, deliver);
  };
  const bridge: RtpPath = new RtpPath({
    writer: new SrtpWriter(KEYS),
    reader: new SrtpReader(BACK),
    ssrc: 11,
    payloadType: 111,
    clock,
    send: (datagram) => {
      wire.push(datagram);
      later(() => browser.receive(datagram));
    },
    onPacket: (info, payload) => heard.push({ info, text: payload.toString() }),
  });
  const browser: RtpPath = new RtpPath({
    writer: new SrtpWriter(BACK),
    reader: new SrtpReader(KEYS),
    ssrc: 22,
    payloadType: 111,
    clock,
    send: (datagram) => later(() => bridge.receive(datagram)),
    onPacket: (_info, payload) => answered.push(payload.toString()),
  });
  const talk = (path: RtpPath, from: number, count: number): void => {
    for (let i = from; i < from + count; i++) {
      path.send(Buffer.from(String(i)), { sequenceNumber: i & 0xffff, timestamp: (i * 960) >>> 0, marker: i === from });
      clock.advance(20);
    }
  };
  return { clock, bridge, browser, heard, answered, wire, talk };
}

describe('the path of a call', () => {
  it('carries packets both ways with what a jitter buffer needs', () => {
    const { browser, bridge, heard, answered, talk } = setUp();
    talk(browser, 65_534, 4);
    talk(bridge, 0, 2);
    expect(heard.map(({ text }) => text)).toEqual(['65534', '65535', '65536', '65537']);
    expect(heard[2]?.info).toMatchObject({ ssrc: 22, payloadType: 111, sequenceNumber: 0, timestamp: 65_536 * 960 });
    expect(heard.map(({ info }) => info.marker)).toEqual([true, false, false, false]);
    expect(answered).toEqual(['0', '1']);
  });

  it('drops what is not the codec that was agreed on', () => {
    const { clock, bridge, heard } = setUp();
    const other = new RtpPath({
      writer: new SrtpWriter(BACK),
      reader: new SrtpReader(KEYS),
      ssrc: 22,
      payloadType: 13,
      clock,
      send: (datagram) => bridge.receive(datagram),
      onPacket: () => undefined,
    });
    other.send(Buffer.from('noise'), { sequenceNumber: 1, timestamp: 0, marker: false });
    expect(heard).toEqual([]);
  });

  it('sends a packet that the browser misses once more, as it was, and not a third time', () => {
    const { bridge, wire, talk } = setUp();
    talk(bridge, 100, 60);
    const [missed, gone] = [wire[55], wire[5]];
    wire.length = 0;
    bridge.resend([155, 105, 155, 9000]);
    bridge.resend([155]);
    expect(wire).toEqual([missed]);
    expect(gone).toBeDefined();
  });

  it('knows the round trip from the answer to its report', () => {
    const { clock, bridge, browser, talk } = setUp({ delayMs: 30 });
    talk(bridge, 0, 50);
    talk(browser, 0, 50);
    const { ntpTimestamp, rtpTimestamp, packetCount, octetCount } = bridge.report();
    expect({ packetCount, octetCount }).toEqual({ packetCount: 50, octetCount: 90 });
    // The sound has been silent for a second since its last packet.
    expect(rtpTimestamp).toBe(49 * 960 + 51 * 960);
    clock.advance(30);
    browser.heardReport(11, ntpTimestamp);
    clock.advance(200);
    const { block } = browser.report();
    clock.advance(30);
    bridge.reported({ ...block!, packetsLost: 5 });
    expect(bridge.network.roundTripMs).toBeCloseTo(60, 0);
    expect(bridge.network.downlinkLossPercent).toBe(10);
    expect(bridge.network.uplinkLossPercent).toBe(0);
  });

  it('an answer to no report of ours tells no round trip', () => {
    const { bridge, talk } = setUp();
    talk(bridge, 0, 1);
    bridge.report();
    bridge.reported({ fractionLost: 0, packetsLost: -3, jitter: 48, lsr: 0, dlsr: 0 });
    expect(bridge.network).toMatchObject({ roundTripMs: null, downlinkLossPercent: 0, downlinkJitterMs: 1 });
  });
});

describe('reception', () => {
  it('counts what is missing, over the end of the sequence numbers, since the last report and in all', () => {
    const reception = new Reception(1, 48_000);
    for (let i = 0; i < 100; i++) if (i % 4 !== 1) reception.add((65_500 + i) & 0xffff, i * 960, i * 20);
    expect(reception.report()).toMatchObject({ fractionLost: 64, packetsLost: 25, highestSequence: 65_599, jitter: 0 });
    for (let i = 100; i < 200; i++) reception.add((65_500 + i) & 0xffff, i * 960, i * 20);
    expect(reception.report()).toMatchObject({ fractionLost: 0, packetsLost: 25 });
    expect(reception.lossPercent).toBe(12.5);
  });

  it('takes what comes twice or late for what it is', () => {
    const reception = new Reception(1, 48_000);
    for (const sequence of [5, 7, 6, 6, 8]) reception.add(sequence, sequence * 960, sequence * 20);
    expect(reception.report()).toMatchObject({ packetsLost: 0, fractionLost: 0, highestSequence: 8 });
  });

  it('measures jitter in the clock of the stream, over the end of its timestamps', () => {
    const reception = new Reception(1, 48_000);
    const begin = 2 ** 32 - 5000;
    for (let i = 0; i < 500; i++) reception.add(i, (begin + i * 960) >>> 0, 50_000_000 + i * 20 + (i % 2) * 10);
    expect(reception.jitterMs).toBeCloseTo(10, 0);
  });
});
