import { createHmac } from 'node:crypto';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { hostAddresses, iceServersFor, plainAddress } from '../../../src/transports/webrtc/ice.js';

const INTERFACES = {
  lo: [info('127.0.0.1', true), info('::1', true)],
  eth0: [info('192.0.2.2'), info('2001:db8::2'), info('fe80::1')],
  eth1: [info('198.51.100.3')],
  docker0: [info('172.17.0.1')],
};

describe('addresses for a browser', () => {
  it('are those outside, the one it came to first; no containers, no link-local ones, no loopback', () => {
    expect(hostAddresses(INTERFACES, '198.51.100.3')).toEqual(['198.51.100.3', '192.0.2.2', '2001:db8::2']);
    expect(hostAddresses(INTERFACES, '::ffff:192.0.2.2')).toEqual(['192.0.2.2', '2001:db8::2', '198.51.100.3']);
  });

  it('begin with loopback when it came that way', () => {
    expect(hostAddresses(INTERFACES, '127.0.0.1')[0]).toBe('127.0.0.1');
    expect(hostAddresses({ lo: INTERFACES.lo }, '127.0.0.1')).toEqual(['127.0.0.1']);
  });

  it('have one of a container network when it came to that one', () => {
    expect(hostAddresses(INTERFACES, '172.17.0.1')[0]).toBe('172.17.0.1');
  });

  it('are plain', () => {
    expect(plainAddress('::ffff:10.0.0.1')).toBe('10.0.0.1');
    expect(plainAddress('2001:db8::2')).toBe('2001:db8::2');
  });
});

describe('ICE servers', () => {
  it('with a secret get credentials of an hour', () => {
    const [server] = iceServersFor([{ urls: ['turn:turn.example.com'], secret: 'north' }], 1_000_000_000);
    expect(server?.username).toBe('1003600:linecard');
    expect(server?.credential).toBe(createHmac('sha1', 'north').update('1003600:linecard').digest('base64'));
    expect(server).not.toHaveProperty('secret');
  });

  it('without one are passed on as they are', () => {
    const servers = [{ urls: ['stun:stun.example.com'] }, { urls: ['turn:a'], username: 'u', credential: 'c' }];
    expect(iceServersFor(servers, 0)).toEqual(servers);
  });
});

function info(address: string, internal = false): NetworkInterfaceInfo {
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  return { address, internal, family, netmask: '', mac: '', cidr: null, scopeid: 0 };
}
