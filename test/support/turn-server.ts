import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { findFreePort } from '../../src/demo/ports.js';

const COTURN = '/usr/bin/turnserver';
const START_LIMIT_MS = 15_000;

/** Whether the tests with a TURN server are left out. Said aloud; where nothing may be left out it is a failure. */
export function withoutTurnServer(): boolean {
  if (existsSync(COTURN)) return false;
  if (process.env['CI'] === 'true') throw new Error('there is no TURN server: install the Debian package coturn');
  process.stdout.write('SKIPPED: the tests with a TURN server, there is no coturn (Debian package coturn)\n');
  return true;
}

/** coturn on this machine, for UDP, TCP and TLS, with time-limited credentials (TURN REST). */
export class TurnServer {
  static readonly secret = 'secret-of-the-tests';
  readonly port: number;
  readonly tlsPort: number;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(
    ports: { readonly port: number; readonly tlsPort: number },
    child: ChildProcess,
    directory: string,
  ) {
    this.port = ports.port;
    this.tlsPort = ports.tlsPort;
    this.#child = child;
    this.#directory = directory;
  }

  /** @param at where an earlier one was; another one then */
  static async start(at?: Pick<TurnServer, 'port' | 'tlsPort'>): Promise<TurnServer> {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'linecard-turn-'));
    const [key, certificate] = [path.join(directory, 'key.pem'), path.join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-days', '1'];
    const openssl = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject];
    execFileSync('openssl', openssl, { stdio: 'ignore' });
    const { port, tlsPort } = at ?? { port: await findFreePort(), tlsPort: await findFreePort() };
    const child = spawn(
      COTURN,
      [
        '-n',
        '--no-cli',
        '--listening-ip=127.0.0.1',
        '--relay-ip=127.0.0.1',
        `--listening-port=${port}`,
        `--tls-listening-port=${tlsPort}`,
        `--cert=${certificate}`,
        `--pkey=${key}`,
        '--use-auth-secret',
        `--static-auth-secret=${TurnServer.secret}`,
        '--realm=linecard',
        '--allow-loopback-peers',
        '--no-dtls',
        '--log-file=stdout',
        `--pidfile=${path.join(directory, 'pid')}`,
      ],
      { cwd: directory, stdio: 'ignore' },
    );
    const server = new TurnServer({ port, tlsPort }, child, directory);
    await server.#listening();
    return server;
  }

  /** @param signal SIGTERM lets it say goodbye to those who came by TCP */
  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.exitCode === null && this.#child.signalCode === null && this.#child.kill(signal)) await ended;
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #listening(): Promise<void> {
    const deadlineMs = performance.now() + START_LIMIT_MS;
    for (;;) {
      const open = await new Promise<boolean>((resolve) => {
        const socket = connect(this.tlsPort, '127.0.0.1', () => {
          socket.destroy();
          resolve(true);
        });
        socket.on('error', () => resolve(false));
      });
      if (open) return;
      if (this.#child.exitCode !== null || performance.now() > deadlineMs) {
        await this.stop();
        throw new Error(`coturn does not listen on port ${this.tlsPort}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
