import { once } from 'node:events';
import WebSocket from 'ws';

const FREEZE = { expression: 'setTimeout(() => { for (;;) Math.random(); }, 0)' };
const INSPECTOR_LIMIT_MS = 5000;

/**
 * Freezes a thread of a Node process for good, as an endless loop in it would, through its inspector: nothing in the product listens for it.
 * @param port the process was started with `--inspect-port` of this
 */
export async function freezeThread(pid: number, port: number, thread: 'media' | 'control'): Promise<void> {
  process.kill(pid, 'SIGUSR1');
  const socket = new WebSocket(await inspectorUrl(port));
  // The process ends with the socket open.
  socket.on('error', () => undefined);
  await once(socket, 'open');
  const send = (method: string, params: object): void => socket.send(JSON.stringify({ id: 1, method, params }));
  if (thread === 'control') {
    send('Runtime.evaluate', FREEZE);
    return;
  }
  const frozen = new Promise<void>((resolve) => {
    socket.on('message', (data: Buffer) => {
      const { method, params } = JSON.parse(data.toString()) as InspectorMessage;
      if (method !== 'NodeWorker.attachedToWorker' || !params.workerInfo.url.endsWith('/media-thread.js')) return;
      const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: FREEZE });
      send('NodeWorker.sendMessageToWorker', { sessionId: params.sessionId, message });
      resolve();
    });
  });
  send('NodeWorker.enable', { waitForDebuggerOnStart: false });
  await frozen;
}

type InspectorMessage = {
  readonly method?: string;
  readonly params: { readonly sessionId: string; readonly workerInfo: { readonly url: string } };
};

/** The inspector opens a moment after the signal. */
async function inspectorUrl(port: number): Promise<string> {
  const untilMs = performance.now() + INSPECTOR_LIMIT_MS;
  for (;;) {
    try {
      const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
        readonly webSocketDebuggerUrl: string;
      }[];
      return targets[0]?.webSocketDebuggerUrl ?? '';
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
