import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { LinecardError } from '../core/errors.js';

export type PortKind = 'tcp' | 'udp';

/** A port that something of ours is about to listen on, and how a user moves it elsewhere. */
export type WantedPort = {
  readonly host: string;
  readonly port: number;
  readonly kinds: readonly PortKind[];
  /** What it is for, in the user's words: `SIP (demo PBX)`. */
  readonly purpose: string;
  /** The environment variable that changes it. */
  readonly variable: string;
};

/** Binds each port for a moment; throws PORT_IN_USE with the first that is taken, its purpose and its variable. */
export async function checkPortsFree(ports: readonly WantedPort[]): Promise<void> {
  for (const wanted of ports) {
    for (const kind of wanted.kinds) {
      const error = await tryBind(kind, wanted.host, wanted.port);
      if (error === null) continue;
      const where = `${kind.toUpperCase()} port ${wanted.port} on ${wanted.host}`;
      const why = error.code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be used (${error.message})`;
      throw new LinecardError(
        'PORT_IN_USE',
        `${where}, wanted for ${wanted.purpose}, ${why}: stop that program or set ${wanted.variable} to a free port`,
        { cause: error },
      );
    }
  }
}

/** A port that was free a moment ago for TCP and UDP alike; for tests and for whatever needs no fixed number. */
export async function findFreePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, host, () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
      });
    });
    if ((await tryBind('udp', host, port)) === null) return port;
  }
  throw new LinecardError('PORT_IN_USE', `no port on ${host} is free for TCP and UDP`);
}

function tryBind(kind: PortKind, host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    if (kind === 'tcp') {
      const server = createServer();
      server.once('error', (error) => resolve(error));
      server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
    } else {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
      socket.once('error', (error) => {
        socket.close();
        resolve(error);
      });
      socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(null)));
    }
  });
}
