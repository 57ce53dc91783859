import type { RTCDtlsTransport } from 'werift';
import { Event } from 'werift';
import { expect, it } from 'vitest';
import { ignoreLateHandshakes } from '../../../src/transports/webrtc/peer-dtls.js';

it('hears what the browser says in the handshake until it is finished, and not again after it', async () => {
  const heard: unknown[] = [];
  let answers = 0;
  const dtls = {
    connected: false,
    flight5: { exec: (): Promise<void> => Promise.resolve(void (answers += 1)) },
    onHandleHandshakes: (handshakes: unknown[]): Promise<void> => {
      heard.push(...handshakes);
      return Promise.resolve();
    },
  };
  const transport: { onStateChange: Event<[RTCDtlsTransport['state']]>; dtls?: unknown } = {
    onStateChange: new Event<[RTCDtlsTransport['state']]>(),
  };
  ignoreLateHandshakes(transport as unknown as RTCDtlsTransport);
  transport.onStateChange.execute('connecting');
  transport.dtls = dtls;
  await Promise.resolve();
  await dtls.onHandleHandshakes(['hello', 'done']);
  await dtls.flight5.exec();
  dtls.connected = true;
  // One that still waited for its turn.
  await dtls.flight5.exec();
  await dtls.onHandleHandshakes(['hello', 'done']);
  expect([heard, answers]).toEqual([['hello', 'done'], 1]);
});
