import { createHmac } from 'node:crypto';
import { isIP } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';

/** An ICE server as configured; `secret` instead of a credential: one is made for every call. */
export type IceServerConfig = {
  readonly urls: readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
  readonly secret?: string | undefined;
};

/** An ICE server as a peer is told (RTCIceServer). */
export type IceServer = { readonly urls: readonly string[]; readonly username?: string; readonly credential?: string };

/** How candidates are made. */
export type IceConfig = {
  readonly policy: 'all' | 'relay';
  readonly servers: readonly IceServerConfig[];
  /** UDP ports, both inclusive; null: any. */
  readonly ports: readonly [number, number] | null;
  /** The address under which our ports are reached from outside; null: our own. */
  readonly announce: string | null;
};

/** Longer than a call is; a stolen credential is worth little after it. */
const CREDENTIAL_LIFE_MS = 3_600_000;
/** Networks of this machine's own containers and virtual machines: no browser is there. */
const VIRTUAL = /^(docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|tun|tap|utun|ipsec)/;

/** The servers with credentials for one call (TURN REST API, draft-uberti-behave-turn-rest-00 §2.2). */
export function iceServersFor(servers: readonly IceServerConfig[], wallMs: number): IceServer[] {
  return servers.map(({ urls, username, credential, secret }) => {
    if (secret === undefined) {
      return {
        urls,
        ...(username === undefined ? {} : { username }),
        ...(credential === undefined ? {} : { credential }),
      };
    }
    const name = `${Math.floor((wallMs + CREDENTIAL_LIFE_MS) / 1000)}:${username ?? 'linecard'}`;
    return { urls, username: name, credential: createHmac('sha1', secret).update(name).digest('base64') };
  });
}

/**
 * The addresses of ours that a browser can reach. One that came over loopback is on this machine, or behind a proxy on it.
 * @param reachedAt the address of ours that its HTTP request came to
 */
export function hostAddresses(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
  reachedAt: string,
): string[] {
  const here = plainAddress(reachedAt);
  const outside: string[] = [];
  const loopback: string[] = [];
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    for (const { address, internal } of addresses) {
      if (internal) loopback.push(address);
      else if (address === here) outside.unshift(address);
      else if (!VIRTUAL.test(name) && !isLinkLocal(address)) outside.push(address);
    }
  }
  // A browser that asks over loopback is here: that way is always open, whatever a firewall says of the others.
  return loopback.includes(here) ? [here, ...outside] : outside;
}

/** An IPv4 address that came through an IPv6 socket, as itself (RFC 4291 §2.5.5.2). */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(.+)$/i.exec(address)?.[1];
  return mapped !== undefined && isIP(mapped) === 4 ? mapped : address;
}

function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || /^fe[89ab]/i.test(address);
}
