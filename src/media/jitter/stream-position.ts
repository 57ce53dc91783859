/** What the header of an RTP packet says (RFC 3550 §5.1), as it is on the wire. */
export type RtpHeader = {
  readonly ssrc: number;
  /** 16 bits. */
  readonly sequenceNumber: number;
  /** 32 bits, in the clock of the codec. */
  readonly timestamp: number;
};

/** Packets that may be missing in a row (RFC 3550 A.1). */
const MAX_DROPOUT = 3000;
/** Packets by which one may come too late; further back is another stream under the same name. */
const MAX_MISORDER = 500;

/** Where a packet belongs. `restarted`: the first of a new stream. `strange`: of no stream known; the next one will tell. */
export type Placement = 'continued' | 'restarted' | 'strange';

/**
 * Counts sequence numbers and timestamps on beyond their 16 and 32 bits, and notices when a stream begins anew: another SSRC, or numbers that
 * jump and then go on from there (RFC 3550 A.1: two packets in a row are believed, one is not).
 */
export class StreamPosition {
  /** Of the packet placed last, counted on; only differences mean anything, and they are exact within a stream. */
  sequence = 0;
  timestamp = 0;
  #ssrc = 0;
  /** Highest sequence number of the stream, counted on. */
  #highest = 0;
  /** What would follow a packet that was strange; null when the last one was not. */
  #suspect: number | null = null;
  #suspectSsrc = 0;
  #begun = false;

  /** Sets `sequence` and `timestamp`, unless the packet is strange. */
  place(header: RtpHeader): Placement {
    if (!this.#begun) return this.#begin(header);
    if (header.ssrc !== this.#ssrc) return this.#doubt(header);
    const step = ((header.sequenceNumber - this.#highest) << 16) >> 16;
    if (step > MAX_DROPOUT || step < -MAX_MISORDER) return this.#doubt(header);
    this.#suspect = null;
    this.sequence = this.#highest + step;
    this.#highest = Math.max(this.#highest, this.sequence);
    this.timestamp += (header.timestamp - this.timestamp) | 0;
    return 'continued';
  }

  #doubt(header: RtpHeader): Placement {
    if (this.#suspect === header.sequenceNumber && this.#suspectSsrc === header.ssrc) return this.#begin(header);
    this.#suspect = (header.sequenceNumber + 1) & 0xffff;
    this.#suspectSsrc = header.ssrc;
    return 'strange';
  }

  #begin(header: RtpHeader): Placement {
    const first = !this.#begun;
    this.#begun = true;
    this.#suspect = null;
    this.#ssrc = header.ssrc;
    this.sequence = header.sequenceNumber;
    this.#highest = header.sequenceNumber;
    this.timestamp = header.timestamp;
    return first ? 'continued' : 'restarted';
  }
}
