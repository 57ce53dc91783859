/** Counts of what a leg does not count; the object is live and owned by the jitter buffer. */
export type PacketCounters = {
  packetsIn: number;
  duplicates: number;
  /** Not of this codec, or of no stream. */
  broken: number;
  /** Of those lost: restored from the packet that followed. */
  recovered: number;
  restarts: number;
};

/** The counters of a stream that has just begun. */
export function newPacketCounters(): PacketCounters {
  return { packetsIn: 0, duplicates: 0, broken: 0, recovered: 0, restarts: 0 };
}
