import { lookup as systemLookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { BlockList, isIP } from 'node:net';

/**
 * Networks that are nobody's on the Internet (IANA special-purpose registries, RFC 6890): private, loopback, link-local with the clouds'
 * metadata services, multicast, translated and documentation addresses.
 */
const NOT_PUBLIC_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];
/** Of IPv6 only the global unicast range is public, and of that not what stands for an IPv4 address or for examples. */
const PUBLIC_V6 = '2000::/3';
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16'];

/** Which addresses a tool may connect to: those of the Internet, and the networks that its admin names. */
export class AddressRules {
  readonly #notPublic = new BlockList();
  readonly #public = new BlockList();
  readonly #allowed = new BlockList();

  /** @param allowed networks such as `192.168.1.0/24`, or single addresses */
  constructor(allowed: readonly string[]) {
    for (const network of [...NOT_PUBLIC_V4, ...NOT_PUBLIC_V6]) add(this.#notPublic, network);
    add(this.#public, PUBLIC_V6);
    for (const network of allowed) add(this.#allowed, network);
  }

  /** @param address in its text form */
  permits(address: string): boolean {
    // An IPv4 address in IPv6 clothes is judged as what it is (`::ffff:127.0.0.1`); so does BlockList with its own rules.
    const version = isIP(address);
    if (version === 0) return false;
    const type = version === 4 ? 'ipv4' : 'ipv6';
    if (this.#allowed.check(address, type)) return true;
    if (this.#notPublic.check(address, type)) return false;
    return version === 4 || this.#public.check(address, type);
  }

  /** Resolves names for `http.request`, and keeps back what is not permitted: a name cannot be changed between check and use. */
  lookup(resolve: typeof systemLookup = systemLookup): LookupFunction {
    return (hostname, options, callback) => {
      resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
        const permitted = error === null ? found.filter(({ address }) => this.permits(address)) : [];
        const [first] = permitted;
        if (error !== null) callback(error, '', 0);
        else if (first === undefined) callback(new ForbiddenAddress(), '', 0);
        else if (options.all === true) callback(null, permitted);
        else callback(null, first.address, first.family);
      });
    };
  }
}

/** The name leads to addresses that the tool may not connect to. */
export class ForbiddenAddress extends Error {
  override readonly name = 'ForbiddenAddress';

  constructor() {
    super('the address is not public and not among the allowed networks');
  }
}

function add(list: BlockList, network: string): void {
  const [address = '', prefix] = network.split('/');
  const type = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (prefix === undefined) list.addAddress(address, type);
  else list.addSubnet(address, Number(prefix), type);
}
