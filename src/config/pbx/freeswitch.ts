import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { field, host, port, portRange, section, text, textLike } from '../fields.js';
import { name } from '../names.js';

/** A leg needs two ports: ours and FreeSWITCH's above it. */
const MIN_PORTS = 2;

/** `unicast` is IPv4 only, and its address is told to FreeSWITCH as it stands here. */
const ownAddress = field({
  what: 'the IPv4 address of this machine that FreeSWITCH sends to',
  read: (value) => (isIPv4(value) && value !== '0.0.0.0' ? value : null),
});

/** A FreeSWITCH that is controlled through its event socket; its audio comes by core `unicast`. */
export const freeswitchPbx = section({
  kind: z.literal('freeswitch'),
  name,
  esl: section({
    host: host.default('127.0.0.1'),
    port: port.default(8021),
    password: text(200, 'secret'),
  }),
  unicast: section({
    host: ownAddress.default('127.0.0.1'),
    ports: portRange
      .refine(([first, last]) => last - first + 1 - (first % 2) >= MIN_PORTS, {
        error: 'must hold an even port and the odd one above it: a call needs both',
      })
      .default([20_000, 20_999]),
  }).prefault({}),
  /** Where the dialplan's `socket` action connects. */
  socket: section({ host: host.default('127.0.0.1'), port: port.default(8084) }).prefault({}),
  /** The value of `linecard_app` in the dialplan. */
  app: textLike(/^[A-Za-z0-9_-]{1,64}$/, 'a word of letters, digits, - and _').default('linecard'),
});

export type FreeSwitchConfig = z.output<typeof freeswitchPbx>;
