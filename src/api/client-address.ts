import type { IncomingMessage } from 'node:http';

/** Whether an address is that of a proxy whose word is believed; `hop` counts from the one that is nearest to us. */
export type TrustsProxy = (address: string, hop: number) => boolean;

/** More than any chain of proxies that somebody runs. */
const MAX_HOPS = 20;

/**
 * Where a request comes from: what the proxies that we trust say of it (`X-Forwarded-For`, each adds the address it was reached from), and from the
 * first that we do not trust on, nothing. As `request.ip` of express, for requests that never reach it.
 */
export function clientAddress(request: IncomingMessage, trusts: TrustsProxy): string {
  const header = request.headers['x-forwarded-for'] ?? '';
  const told = (Array.isArray(header) ? header.join(',') : header).split(',').map((address) => address.trim());
  let address = request.socket.remoteAddress ?? '';
  for (let hop = 0; hop < MAX_HOPS && trusts(address, hop); hop++) {
    const before = told.pop();
    if (before === undefined || before === '') break;
    address = before;
  }
  return address;
}
