/**
 * How the connection does, over the last second.
 * @typedef {object} Quality
 * @property {'good' | 'fair' | 'poor' | 'unknown'} rating
 * @property {number | null} roundTripMs
 * @property {number | null} lossPercent of the packets to the visitor
 * @property {number | null} jitterMs
 * @property {number} packets that came, since the connection
 */

/** Watches the statistics of one connection. */
export class QualityWatch {
  #connection;
  #lost = 0;
  #received = 0;

  /** @param {RTCPeerConnection} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  /** How many packets came since the connection. */
  async packets() {
    let packets = 0;
    for (const report of (await this.#connection.getStats()).values()) {
      if (report.type === 'inbound-rtp' && report.kind === 'audio') packets = report.packetsReceived;
    }
    return packets;
  }

  /** @returns {Promise<Quality>} */
  async read() {
    /** @type {{ packetsLost: number, packetsReceived: number, jitter: number } | null} */
    let inbound = null;
    /** @type {number | null} */
    let roundTripMs = null;
    for (const report of (await this.#connection.getStats()).values()) {
      if (report.type === 'inbound-rtp' && report.kind === 'audio') inbound = report;
      if (report.type === 'candidate-pair' && report.nominated && report.currentRoundTripTime !== undefined) {
        roundTripMs = Math.round(report.currentRoundTripTime * 1000);
      }
    }
    if (inbound === null) return { rating: 'unknown', roundTripMs, lossPercent: null, jitterMs: null, packets: 0 };
    const lost = inbound.packetsLost - this.#lost;
    const received = inbound.packetsReceived - this.#received;
    this.#lost = inbound.packetsLost;
    this.#received = inbound.packetsReceived;
    const lossPercent = lost + received > 0 ? Math.max(0, Math.round((100 * lost) / (lost + received))) : 0;
    const jitterMs = Math.round(inbound.jitter * 1000);
    const rating = rate(roundTripMs ?? 0, lossPercent, jitterMs);
    return { rating, roundTripMs, lossPercent, jitterMs, packets: inbound.packetsReceived };
  }
}

/**
 * ITU-T G.114: up to 150 ms of delay one way are not noticed; concealment covers 3 % of loss, 10 % are heard.
 * @param {number} roundTripMs
 * @param {number} lossPercent
 * @param {number} jitterMs
 */
function rate(roundTripMs, lossPercent, jitterMs) {
  if (roundTripMs > 500 || lossPercent > 10 || jitterMs > 100) return 'poor';
  return roundTripMs > 250 || lossPercent > 3 || jitterMs > 40 ? 'fair' : 'good';
}
