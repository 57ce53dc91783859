import type { RTCDtlsTransport, RTCIceTransport } from 'werift';
import type { IceServer } from './ice.js';

/** What werift keeps to itself of an ICE connection: a socket for each address of ours, and one for each relay. */
type WayOut = { readonly type: string; close?(): Promise<void> };

/**
 * Before an ICE restart: relays of before are left, because an allocation that is gone looks like any other until nothing comes of it, and werift
 * would offer it again. New credentials, too: those of before may be over.
 * @param servers with credentials of now
 */
export function leaveRelays({ connection }: RTCIceTransport, servers: readonly IceServer[]): void {
  // Private for TypeScript only.
  const { protocols } = connection as unknown as { protocols: WayOut[] };
  for (const relay of protocols.filter(({ type }) => type === 'turn')) {
    protocols.splice(protocols.indexOf(relay), 1);
    // Its server may be away: there is nobody to be told.
    relay.close?.().catch(() => undefined);
  }
  const server = servers.find(({ urls }) => urls.some((url) => /^turns?:/i.test(url)));
  if (server === undefined) return;
  const { username, credential } = server;
  if (username !== undefined) connection.options.turnUsername = username;
  if (credential !== undefined) connection.options.turnPassword = credential;
}

/**
 * After an ICE restart: werift gathers anew, but once DTLS stands it checks no way of its own accord. A browser that can reach us is found by its
 * own checks; behind a relay none of them arrives before ours have opened it.
 */
export function lookForWay({ state, iceTransport }: RTCDtlsTransport): void {
  if (state !== 'connected' || iceTransport.state === 'connected') return;
  // What comes of it is heard: the leg waits for packets, and the browser for ours.
  iceTransport.start().catch(() => undefined);
}
