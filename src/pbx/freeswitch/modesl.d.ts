/** The part of modesl 1.2.1 that is used here; the package has no types. */
declare module 'modesl' {
  import type { Socket } from 'node:net';

  class Event {
    getHeader(name: string): string | undefined;
    getBody(): string | undefined;
  }

  export class Connection {
    constructor(host: string, port: number, password: string);
    socket: Socket | null;
    on(event: string, listener: (...args: readonly unknown[]) => void): this;
    once(event: string, listener: (...args: readonly unknown[]) => void): this;
    sendRecv(command: string, headers: Record<string, string>, reply: (event: Event) => void): void;
    api(command: string, reply: (event: Event) => void): void;
    protected _onConnect(): void;
  }

  const modesl: { readonly Connection: typeof Connection };
  export default modesl;
}
