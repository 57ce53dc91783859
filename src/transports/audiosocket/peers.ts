import { BlockList, isIP, isIPv4 } from 'node:net';
import type { Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';

/** Peers whose refusals are remembered; a scanner with many addresses must not fill the memory. */
const MAX_REMEMBERED_PEERS = 1000;
const LOG_INTERVAL_MS = 60_000;

/** Addresses and networks that may connect. IPv4 in its IPv6 form counts as IPv4. */
export class AllowList {
  readonly #networks = new BlockList();

  /** @param entries `127.0.0.0/8`, `::1`, `192.0.2.7`; throws CONFIG_INVALID naming the first that is none of these. */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [address = '', prefixText] = entry.split('/');
      const version = isIP(address);
      const bits = version === 4 ? 32 : 128;
      const prefix = prefixText === undefined ? bits : Number(prefixText);
      if (version === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > bits || prefixText === '') {
        throw new LinecardError(
          'CONFIG_INVALID',
          `audiosocket.allow: "${entry}" is no address and no network; write 192.0.2.7 or 192.0.2.0/24`,
        );
      }
      this.#networks.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6');
    }
  }

  allows(address: string): boolean {
    const plain = plainAddress(address);
    const version = isIP(plain);
    return version !== 0 && this.#networks.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  }
}

/** Says whether something about a peer is to be logged: once a minute each, with how often it happened in between. */
export class PeerLogLimit {
  readonly #clock: Clock;
  /** In the order of their last line. */
  readonly #peers = new Map<string, { loggedAtMs: number; since: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of times since the last line, this one included; 0 when there is to be no line now. */
  count(peer: string): number {
    const nowMs = this.#clock.nowMs();
    const entry = this.#peers.get(peer);
    if (entry !== undefined) {
      entry.since += 1;
      if (nowMs - entry.loggedAtMs < LOG_INTERVAL_MS) return 0;
      this.#peers.delete(peer);
    }
    this.#peers.set(peer, { loggedAtMs: nowMs, since: 0 });
    if (this.#peers.size > MAX_REMEMBERED_PEERS) {
      for (const oldest of this.#peers.keys()) {
        this.#peers.delete(oldest);
        break;
      }
    }
    return entry?.since ?? 1;
  }
}

/** An IPv4 address that a dual-stack socket reports as `::ffff:192.0.2.7`, in its own form. */
export function plainAddress(address: string): string {
  const tail = address.startsWith('::ffff:') ? address.slice(7) : address;
  return isIPv4(tail) ? tail : address;
}
