import type { RTCDtlsTransport } from 'werift';

/** What is known of werift's client of DTLS. */
type DtlsClient = {
  readonly connected: boolean;
  /** Our answer to the browser's part of the handshake, made when that begins; it may wait for the rest of it. */
  readonly flight5?: { exec: () => Promise<void> };
  onHandleHandshakes: (handshakes: unknown[]) => Promise<void>;
};

/**
 * On a slow way the browser says its part of the handshake again, and that may come when all is agreed on. werift would then agree with itself on other
 * keys: the data channel never opens, and the end of the call is not heard. Who has heard "finished" has nothing to hear any more.
 */
export function ignoreLateHandshakes(transport: Pick<RTCDtlsTransport, 'onStateChange' | 'dtls'>): void {
  transport.onStateChange.subscribe((state) => {
    if (state !== 'connecting') return;
    // It is made right after this, and says its first word 100 ms later.
    queueMicrotask(() => {
      const dtls = transport.dtls as unknown as DtlsClient | undefined;
      if (dtls === undefined) return;
      const handle = dtls.onHandleHandshakes;
      const guarded = new WeakSet<object>();
      dtls.onHandleHandshakes = (handshakes) => {
        if (dtls.connected) return Promise.resolve();
        const handled = handle(handshakes);
        const answer = dtls.flight5;
        if (answer !== undefined && !guarded.has(answer)) {
          guarded.add(answer);
          const exec = answer.exec.bind(answer);
          answer.exec = () => (dtls.connected ? Promise.resolve() : exec());
        }
        return handled;
      };
    });
  });
}
