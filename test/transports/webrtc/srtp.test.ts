import fc from 'fast-check';
import { RtpHeader, SrtpSession } from 'werift';
import { describe, expect, it } from 'vitest';
import type { SrtpKeys, SrtpProfile } from '../../../src/transports/webrtc/srtp.js';
import { SrtpReader, SrtpWriter, isRtp, readRtpPrefix } from '../../../src/transports/webrtc/srtp.js';

const PROFILES: readonly SrtpProfile[] = ['gcm', 'cm'];
const NUMBERS = { gcm: 7, cm: 1 } as const;

/** A sender of ours and of werift's with the same keys, and a receiver of each. */
function setUp(profile: SrtpProfile) {
  const saltBytes = profile === 'gcm' ? 12 : 14;
  const master = { key: Buffer.alloc(16, 0x4a), salt: Buffer.alloc(saltBytes, 0x17) };
  const werift = new SrtpSession({
    keys: {
      localMasterKey: master.key,
      localMasterSalt: master.salt,
      remoteMasterKey: master.key,
      remoteMasterSalt: master.salt,
    },
    profile: NUMBERS[profile],
  });
  const { srtpSessionKey, srtpSessionSalt, srtpSessionAuthTag } = werift.localContext;
  const keys: SrtpKeys = { profile, key: srtpSessionKey, salt: srtpSessionSalt, authKey: srtpSessionAuthTag };
  return { werift, writer: new SrtpWriter(keys), reader: new SrtpReader(keys) };
}

function header(sequenceNumber: number, ssrc = 0x5501a0b2): Buffer {
  return new RtpHeader({ sequenceNumber, timestamp: 960, payloadType: 111, ssrc }).serialize(12);
}

function read(reader: SrtpReader, packet: Buffer): string | null {
  const prefix = readRtpPrefix(packet);
  return prefix === null ? null : (reader.unprotect(packet, prefix)?.toString() ?? null);
}

describe('AES-GCM', () => {
  it('protects the packet of RFC 7714 §16.1.1 as it is printed there', () => {
    const keys: SrtpKeys = {
      profile: 'gcm',
      key: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'),
      salt: Buffer.from('517569642070726f2071756f', 'hex'),
      authKey: Buffer.alloc(0),
    };
    const packet = new SrtpWriter(keys).protect(
      Buffer.from('8040f17b8041f8d35501a0b2', 'hex'),
      Buffer.from('Gallia est omnis divisa in partes tres'),
    );
    expect(packet.toString('hex')).toBe(
      '8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833' +
        '899d7f27beb16a9152cf765ee4390cce',
    );
    expect(read(new SrtpReader(keys), packet)).toBe('Gallia est omnis divisa in partes tres');
  });
});

describe.each(PROFILES)('a stream under %s', (profile) => {
  it('is read by another implementation, over the end of the sequence numbers, and the other way round', () => {
    const { werift, writer, reader } = setUp(profile);
    for (let i = 0; i < 70_000; i += 7) {
      const payload = Buffer.from(`frame ${i}`);
      const sequence = (60_000 + i) & 0xffff;
      const packet = writer.protect(header(sequence), payload);
      expect(werift.decrypt(packet).subarray(12).toString()).toBe(`frame ${i}`);
      expect(read(reader, werift.encrypt(payload, RtpHeader.deSerialize(header(sequence))))).toBe(`frame ${i}`);
    }
    expect(reader.refused).toBe(0);
  });

  it('is read in any order within the window, each packet once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 120 }), (order) => {
        const { writer, reader } = setUp(profile);
        const packets = Array.from({ length: 61 }, (_, i) =>
          writer.protect(header((65_500 + i) & 0xffff), Buffer.from(String(i))),
        );
        const seen = new Set<number>();
        read(reader, packets[0]!);
        seen.add(0);
        for (const i of order) {
          expect(read(reader, packets[i]!)).toBe(seen.has(i) ? null : String(i));
          seen.add(i);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('a bit that was changed on the way makes it nothing, and harms no later packet', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const { writer, reader } = setUp(profile);
        const packet = writer.protect(header(4), Buffer.from('hello'));
        const changed = Buffer.from(packet);
        changed[at % packet.length]! ^= 1 << bit;
        expect(read(reader, changed)).toBeNull();
        expect(read(reader, packet)).toBe('hello');
      }),
    );
  });

  it('one that comes when the window has gone on is refused', () => {
    const { writer, reader } = setUp(profile);
    const packets = Array.from({ length: 130 }, (_, i) => writer.protect(header(i), Buffer.from(String(i))));
    read(reader, packets[129]!);
    expect(read(reader, packets[1]!)).toBeNull();
    expect(read(reader, packets[2]!)).toBe('2');
    expect(reader.refused).toBe(1);
  });

  it('listens to four senders under one key, and remembers no more', () => {
    const { werift, reader } = setUp(profile);
    const heard = [1, 2, 3, 4, 5, 1].map((ssrc, i) =>
      read(reader, werift.encrypt(Buffer.from('x'), RtpHeader.deSerialize(header(i, ssrc)))),
    );
    expect(heard).toEqual(['x', 'x', 'x', 'x', null, 'x']);
  });

  it('garbage is dropped, never thrown', () => {
    const { reader } = setUp(profile);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        for (const first of [0x80, 0x90, 0xa0, 0x9f]) {
          const packet = Buffer.from(bytes);
          if (packet.length > 0) packet[0] = first;
          expect(read(reader, packet)).toBeNull();
        }
      }),
    );
  });
});

describe('the header', () => {
  it('is read over contributing sources and an extension', () => {
    const plain = header(7);
    plain[0] = 0x92;
    const packet = Buffer.concat([plain, Buffer.alloc(8), Buffer.from([0xbe, 0xde, 0, 1]), Buffer.alloc(4)]);
    expect(readRtpPrefix(packet)).toMatchObject({ sequenceNumber: 7, headerBytes: 28, payloadType: 111 });
    expect(readRtpPrefix(packet.subarray(0, 27))).toBeNull();
  });

  it('tells sound from STUN, DTLS and RTCP', () => {
    expect(isRtp(header(1))).toBe(true);
    expect(isRtp(Buffer.from([0x80, 0xef]))).toBe(true);
    for (const other of [[0, 1], [22, 254], [0x80, 200], [0x81, 201], [0x80, 205], []]) {
      expect(isRtp(Buffer.from(other))).toBe(false);
    }
  });
});
