import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { clientAddress } from '../../src/api/client-address.js';

const PROXIES = ['127.0.0.1', '10.0.0.2'];

function addressOf(remoteAddress: string, forwarded?: string): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  const request = { headers, socket: { remoteAddress } } as unknown as IncomingMessage;
  return clientAddress(request, (address) => PROXIES.includes(address));
}

describe('where a request comes from', () => {
  it.each([
    ['nobody in between', '192.0.2.7', undefined, '192.0.2.7'],
    ['a stranger who says what they like', '192.0.2.7', '198.51.100.4', '192.0.2.7'],
    ['a proxy that is believed', '127.0.0.1', '198.51.100.4', '198.51.100.4'],
    ['two of them, the address before them believed', '127.0.0.1', '198.51.100.4, 10.0.0.2', '198.51.100.4'],
    ['a proxy, and words of a stranger before it', '127.0.0.1', '203.0.113.1, 198.51.100.4', '198.51.100.4'],
    ['a proxy that says nothing', '127.0.0.1', undefined, '127.0.0.1'],
    ['a proxy that says emptiness', '127.0.0.1', ' , ', '127.0.0.1'],
  ])('%s', (_what, remote, forwarded, expected) => {
    expect(addressOf(remote, forwarded)).toBe(expected);
  });
});
