import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import type { Clock } from '../../core/clock.js';
import { wait } from '../../core/clock.js';
import type { Finding } from '../findings.js';
import type { ChannelFacts } from './channel-facts.js';
import { applyEvent, unicastRefusal } from './channel-facts.js';
import type { EslConnection, EslEvent } from './esl-connection.js';

export type CheckUnicastOptions = {
  /** Where FreeSWITCH sends to, and the ports of both ends: ours are even, FreeSWITCH's the odd ones above. */
  readonly host: string;
  readonly ports: readonly [first: number, last: number];
  readonly clock: Clock;
};

/** A channel of the check, made and parked within some steps of 20 ms. */
const PARK_LIMIT_MS = 2000;
/** The echo of a loopback channel takes 60 ms. */
const ECHO_LIMIT_MS = 1000;
/** Without us it ends by itself. */
const CHANNEL_LIMIT_S = 5;
/** Linecards, and programs of other people, that may have ports of the range. */
const MAX_PORTS_TRIED = 20;
const LOUD = 8000;

/**
 * Sends sound to FreeSWITCH and waits for it to come back, on a channel of its own whose other half is `echo`: the ports, the addresses and what
 * stands between the two are as in a call.
 */
export class UnicastCheck {
  readonly #options: CheckUnicastOptions;
  readonly #channelId = randomUUID();
  #facts: ChannelFacts | undefined;

  constructor(options: CheckUnicastOptions) {
    this.#options = options;
  }

  /** Everything that the connection of the check is told. */
  received(event: EslEvent): void {
    if (event['Unique-ID'] === this.#channelId) this.#facts = applyEvent(this.#facts, event);
  }

  /** Never leaves a channel or a socket. */
  async run(connection: EslConnection): Promise<Finding> {
    const { host, ports } = this.#options;
    const [first, last] = ports;
    const socket = await openFirstFree(host, ports);
    if (typeof socket === 'string') return this.#unusable(socket);
    try {
      const variables = `origination_uuid=${this.#channelId},loopback_bowout=false,loopback_bowout_on_execute=false`;
      const echo = 'loopback/m:^:answer^echo/default/inline';
      await connection.command(
        `bgapi originate {${variables}}${echo} 'm:^:set:park_timeout=${CHANNEL_LIMIT_S}^park' inline`,
      );
      if (!(await this.#becomes(() => unicastRefusal(this.#facts) === null, PARK_LIMIT_MS)) || !this.#facts) {
        return warning(
          `audio to UDP ${first}-${last} was not tried: FreeSWITCH made no channel for it`,
          'is mod_loopback loaded?',
        );
      }
      return await this.#tryEcho(connection, socket, this.#facts);
    } finally {
      socket.close();
      // One that has ended already is what was wanted.
      await connection.api(`uuid_kill ${this.#channelId}`).catch(() => undefined);
    }
  }

  async #tryEcho(connection: EslConnection, socket: Socket, facts: ChannelFacts): Promise<Finding> {
    const { host, ports, clock } = this.#options;
    const [first, last] = ports;
    const { port } = socket.address();
    const peer = connection.peerAddress;
    const bytes = ((facts.readRateHz ?? 8000) * facts.ptimeMs * 2) / 1000;
    const tone = Buffer.alloc(bytes);
    for (let at = 0; at < bytes; at += 2) tone.writeInt16LE((at / 2) % 8 < 4 ? 2 * LOUD : -2 * LOUD, at);
    let came = 0;
    let loudest = 0;
    socket.on('message', (datagram, from) => {
      if (from.address !== peer) return;
      came += 1;
      for (let at = 0; at + 1 < datagram.length; at += 2) loudest = Math.max(loudest, datagram.readInt16LE(at));
      // As often as it sends: datagrams that come early would wait there.
      socket.send(tone, port + 1, peer);
    });
    await connection.command(`sendmsg ${this.#channelId}`, {
      'call-command': 'unicast',
      'local-ip': peer,
      'local-port': port + 1,
      'remote-ip': host,
      'remote-port': port,
      transport: 'udp',
    });
    const sentAtMs = clock.nowMs();
    if (await this.#becomes(() => loudest > LOUD, ECHO_LIMIT_MS)) {
      const tookMs = Math.round(clock.nowMs() - sentAtMs);
      return ok(
        `audio goes to FreeSWITCH and back (UDP ${first}-${last} at ${host}), the first sound after ${tookMs} ms`,
      );
    }
    return came === 0
      ? error(
          `no audio comes from FreeSWITCH at ${peer}:${port + 1} to ${host}:${port}`,
          `unicast.host must be an address of this machine that FreeSWITCH reaches, and UDP ${first}-${last} be open from it to here`,
        )
      : error(
          `audio comes from FreeSWITCH, but ours does not reach ${peer}:${port + 1}`,
          `open UDP ${first}-${last} from this machine to FreeSWITCH`,
        );
  }

  #unusable(code: string): Finding {
    const { host, ports } = this.#options;
    const range = `unicast.ports [${ports[0]}, ${ports[1]}]`;
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      return error(`unicast.host ${host} is no address of this machine`, 'set it to one that FreeSWITCH reaches');
    }
    return error(
      `no port of ${range} can be opened at ${host}: ${code}`,
      'choose another range, the same in the firewall',
    );
  }

  async #becomes(condition: () => boolean, limitMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const untilMs = clock.nowMs() + limitMs;
    while (!condition()) {
      if (clock.nowMs() >= untilMs) return false;
      await wait(clock, 10);
    }
    return true;
  }
}

/** A socket at the first even port that is free, from the end of the range, or the code of the error that was met. */
async function openFirstFree(host: string, [first, last]: readonly [number, number]): Promise<Socket | string> {
  let code = 'no pair of ports';
  const pairs = Array.from({ length: MAX_PORTS_TRIED }, (_, i) => (last & ~1) - 2 * i);
  for (const port of pairs.filter((each) => each >= first && each < last)) {
    const opened = await open(host, port);
    if (typeof opened !== 'string') return opened;
    code = opened;
    if (code !== 'EADDRINUSE') return code;
  }
  return code;
}

function open(host: string, port: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', (failure: NodeJS.ErrnoException) => {
      socket.close();
      resolve(failure.code ?? failure.message);
    });
    socket.bind({ port, address: host, exclusive: true }, () => {
      socket.removeAllListeners('error');
      // A refusal of the other end: what comes, or does not, tells.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

function ok(sentence: string): Finding {
  return { level: 'ok', sentence, fix: null };
}

function warning(sentence: string, fix: string): Finding {
  return { level: 'warning', sentence, fix };
}

function error(sentence: string, fix: string): Finding {
  return { level: 'error', sentence, fix };
}
