import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';

/** The protection that DTLS chose: AEAD_AES_128_GCM (RFC 7714) or AES_CM_128_HMAC_SHA1_80 (RFC 3711). */
export type SrtpProfile = 'gcm' | 'cm';

/** Session keys of one direction, as the key derivation of RFC 3711 §4.3 gives them. */
export type SrtpKeys = {
  readonly profile: SrtpProfile;
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
  /** Of `cm` only. */
  readonly authKey: Uint8Array;
};

/** What of an RTP packet's header (RFC 3550 §5.1) is read here. */
export type RtpPrefix = {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly padded: boolean;
  /** With contributing sources and extension. */
  readonly headerBytes: number;
};

export const RTP_HEADER_BYTES = 12;
const TAG_BYTES: Readonly<Record<SrtpProfile, number>> = { gcm: 16, cm: 10 };
/** Half of the sequence numbers. */
const HALF = 0x8000;
const ROUND = 0x1_0000;
/** Packets back to which one that comes late is taken, and one that comes twice is known (RFC 3711 §3.3.2 wants 64 at least). */
const REPLAY_WINDOW = 128;
/** Senders under one key that are listened to; a browser is one, and one more after it changed its microphone. */
const MAX_SOURCES = 4;

/** Makes SRTP packets of one sender. */
export class SrtpWriter {
  readonly #keys: SrtpKeys;
  readonly #iv: Buffer;
  readonly #rollover = Buffer.alloc(4);
  #rollovers = 0;
  #lastSequence = 0;

  constructor(keys: SrtpKeys) {
    this.#keys = keys;
    this.#iv = emptyIv(keys.profile);
  }

  /**
   * One packet, in a buffer of its own. Sequence numbers must follow each other: one that was protected is never protected again with another
   * payload, or the key is given away. What is to be sent twice is kept as it was.
   * @param header the 12 bytes of RFC 3550 §5.1, without extension
   */
  protect(header: Buffer, payload: Uint8Array): Buffer {
    const { profile, key, authKey } = this.#keys;
    const sequence = header.readUInt16BE(2);
    if (sequence < this.#lastSequence) this.#rollovers += 1;
    this.#lastSequence = sequence;
    writeIv(this.#iv, this.#keys, header.readUInt32BE(8), this.#rollovers, sequence);
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + payload.length + TAG_BYTES[profile]);
    header.copy(packet);
    const tagAt = RTP_HEADER_BYTES + payload.length;
    if (profile === 'gcm') {
      const cipher = createCipheriv('aes-128-gcm', key, this.#iv);
      cipher.setAAD(header);
      packet.set(cipher.update(payload), RTP_HEADER_BYTES);
      cipher.final();
      packet.set(cipher.getAuthTag(), tagAt);
    } else {
      packet.set(createCipheriv('aes-128-ctr', key, this.#iv).update(payload), RTP_HEADER_BYTES);
      this.#rollover.writeUInt32BE(this.#rollovers);
      const digest = createHmac('sha1', authKey).update(packet.subarray(0, tagAt)).update(this.#rollover).digest();
      packet.set(digest.subarray(0, TAG_BYTES.cm), tagAt);
    }
    return packet;
  }
}

/** One sender's place in its sequence. */
type Source = {
  /** The highest packet index (rollovers and sequence number) that was authentic. */
  highest: number;
  /** Indices of the last authentic packets, each at its remainder by the window. */
  readonly seen: Float64Array;
};

/** Reads SRTP packets; what is not authentic, or was read before, is dropped. */
export class SrtpReader {
  readonly #keys: SrtpKeys;
  readonly #iv: Buffer;
  readonly #rollover = Buffer.alloc(4);
  readonly #sources = new Map<number, Source>();
  /** Packets that were not authentic, came a second time, or too late to tell. */
  refused = 0;

  constructor(keys: SrtpKeys) {
    this.#keys = keys;
    this.#iv = emptyIv(keys.profile);
  }

  /** The payload without padding, in a buffer of its own; null when the packet is refused. */
  unprotect(packet: Buffer, prefix: RtpPrefix): Buffer | null {
    const payload = this.#open(packet, prefix);
    if (payload === null) this.refused += 1;
    return payload;
  }

  #open(packet: Buffer, { ssrc, sequenceNumber, headerBytes, padded }: RtpPrefix): Buffer | null {
    const { profile } = this.#keys;
    const tagAt = packet.length - TAG_BYTES[profile];
    if (tagAt < headerBytes) return null;
    const known = this.#sources.get(ssrc);
    if (known === undefined && this.#sources.size >= MAX_SOURCES) return null;
    const index = known === undefined ? sequenceNumber : likelyIndex(known.highest, sequenceNumber);
    if (known !== undefined && isReplayed(known, index)) return null;
    const rollovers = Math.floor(index / ROUND);
    writeIv(this.#iv, this.#keys, ssrc, rollovers, sequenceNumber);
    const payload =
      profile === 'gcm'
        ? this.#openGcm(packet, headerBytes, tagAt)
        : this.#openCm(packet, headerBytes, tagAt, rollovers);
    if (payload === null) return null;
    // Only an authentic packet moves anything.
    const source = known ?? { highest: index, seen: new Float64Array(REPLAY_WINDOW).fill(-1) };
    if (known === undefined) this.#sources.set(ssrc, source);
    source.highest = Math.max(source.highest, index);
    source.seen[index % REPLAY_WINDOW] = index;
    return padded ? withoutPadding(payload) : payload;
  }

  #openGcm(packet: Buffer, headerBytes: number, tagAt: number): Buffer | null {
    const decipher = createDecipheriv('aes-128-gcm', this.#keys.key, this.#iv);
    decipher.setAAD(packet.subarray(0, headerBytes));
    decipher.setAuthTag(packet.subarray(tagAt));
    const payload = decipher.update(packet.subarray(headerBytes, tagAt));
    try {
      decipher.final();
    } catch {
      // The only reason for it to throw is a tag that is not the packet's.
      return null;
    }
    return payload;
  }

  #openCm(packet: Buffer, headerBytes: number, tagAt: number, rollovers: number): Buffer | null {
    this.#rollover.writeUInt32BE(rollovers);
    const digest = createHmac('sha1', this.#keys.authKey)
      .update(packet.subarray(0, tagAt))
      .update(this.#rollover)
      .digest();
    if (!timingSafeEqual(digest.subarray(0, TAG_BYTES.cm), packet.subarray(tagAt))) return null;
    return createDecipheriv('aes-128-ctr', this.#keys.key, this.#iv).update(packet.subarray(headerBytes, tagAt));
  }
}

/** Reads a header; null when it is no RTP packet of version 2 or ends within its header. */
export function readRtpPrefix(packet: Buffer): RtpPrefix | null {
  const first = packet[0];
  const second = packet[1];
  if (first === undefined || second === undefined || first >> 6 !== 2 || packet.length < RTP_HEADER_BYTES) return null;
  let headerBytes = RTP_HEADER_BYTES + 4 * (first & 0x0f);
  if ((first & 0x10) !== 0) {
    if (packet.length < headerBytes + 4) return null;
    headerBytes += 4 + 4 * packet.readUInt16BE(headerBytes + 2);
  }
  if (packet.length < headerBytes) return null;
  return {
    ssrc: packet.readUInt32BE(8),
    payloadType: second & 0x7f,
    sequenceNumber: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    marker: second >= 0x80,
    padded: (first & 0x20) !== 0,
    headerBytes,
  };
}

/** Whether a datagram is RTP: neither STUN, DTLS (RFC 7983) nor RTCP (RFC 5761 §4). */
export function isRtp(datagram: Uint8Array): boolean {
  const first = datagram[0] ?? 0;
  const second = datagram[1] ?? 0;
  return first >= 128 && first < 192 && (second < 192 || second > 223);
}

/** RFC 3711 appendix A: the index nearest to what was heard last. */
function likelyIndex(highest: number, sequence: number): number {
  const last = highest % ROUND;
  const index = highest - last + sequence;
  if (sequence - last > HALF) return index >= ROUND ? index - ROUND : index;
  return last - sequence > HALF ? index + ROUND : index;
}

function isReplayed({ highest, seen }: Source, index: number): boolean {
  return index <= highest - REPLAY_WINDOW || seen[index % REPLAY_WINDOW] === index;
}

function emptyIv(profile: SrtpProfile): Buffer {
  return Buffer.alloc(profile === 'gcm' ? 12 : 16);
}

/** RFC 7714 §8.1 and RFC 3711 §4.1.1: SSRC, rollovers and sequence number beside each other, mixed with the salt. */
function writeIv(iv: Buffer, { profile, salt }: SrtpKeys, ssrc: number, rollovers: number, sequence: number): void {
  const ssrcAt = profile === 'gcm' ? 2 : 4;
  iv.fill(0);
  iv.writeUInt32BE(ssrc, ssrcAt);
  iv.writeUInt32BE(rollovers, ssrcAt + 4);
  iv.writeUInt16BE(sequence, ssrcAt + 8);
  for (let i = 0; i < salt.length; i++) iv[i] = (iv[i] as number) ^ (salt[i] as number);
}

function withoutPadding(payload: Buffer): Buffer | null {
  const padding = payload.at(-1) ?? 0;
  return padding === 0 || padding > payload.length ? null : payload.subarray(0, payload.length - padding);
}
