import type { z } from 'zod';
import { agent } from './agents/index.js';
import {
  host,
  ipAddress,
  list,
  named,
  network,
  oneOf,
  port,
  portRange,
  section,
  text,
  textLike,
  truth,
  url,
  wholeNumber,
} from './fields.js';
import { openingHours } from './hours.js';
import { extension, extensionKey, name, nameKey } from './names.js';
import { pbx } from './pbx/index.js';
import { tool } from './tools/index.js';

/** RFC 6750 §2.1: what may stand after `Authorization: Bearer`. */
const TOKEN = /^[A-Za-z0-9._~+/-]{1,500}=*$/;
const ICE_URL = /^(stun|stuns|turn|turns):[^\s]{1,300}$/;

const iceServer = section({
  urls: list(textLike(ICE_URL, 'a URL such as turn:turn.example.com:3478'), {
    max: 10,
    example: '["turn:turn.example.com:3478"]',
  }),
  username: text(200).optional(),
  credential: text(500, 'secret').optional(),
  secret: text(500, 'secret').optional(),
});

/** The whole of `linecard.yaml`. Each key, its default and its unit are told in docs/configuration.md. */
export const configSchema = section({
  http: section({
    host: host.default('127.0.0.1'),
    port: port.default(8080),
    token: textLike(TOKEN, 'letters, digits and . _ ~ + / - =', 'secret').optional(),
    // Whose X-Forwarded-For is believed.
    proxies: list(network, { max: 100, example: '[127.0.0.1]' }).default([]),
  }).prefault({}),
  dataDir: text(1000).default('./data'),
  audiosocket: section({
    host: host.default('127.0.0.1'),
    port: port.default(9092),
    allow: list(network, { max: 1000, example: '[127.0.0.0/8, 192.0.2.7]' }).default(['127.0.0.0/8']),
    direct: name.optional(),
  }).prefault({}),
  media: section({
    threads: wholeNumber(0, 64, 'a number of threads').default(1),
    // Lateness and load refuse calls long before this where agents are costly; it is a bound on memory.
    callsPerThread: wholeNumber(1, 10_000, 'a number of calls').default(1000),
    admission: oneOf(['load', 'calls']).default('load'),
  }).prefault({}),
  pbx: list(pbx, { max: 100, example: '[{ kind: asterisk, name: main, … }]' }).default([]),
  agents: named(nameKey, agent, 'agents by name').default({}),
  tools: named(nameKey, tool, 'tools by name, such as order_status: { kind: http, … }').default({}),
  extensions: named(
    extensionKey,
    section({
      agent: name,
      fallback: extension.optional(),
      /** None: that of `hours`, where there is one. */
      schedule: name.optional(),
      /** What is different while its schedule says closed. */
      closed: section({
        agent: name.optional(),
        fallback: extension.optional(),
        /** The only ones then; absent: all of them. */
        destinations: list(name, { max: 100, example: '[emergency]' }).optional(),
      }).optional(),
    }),
    'extensions, such as "7000": { agent: receptionist }',
  ).default({}),
  destinations: named(
    nameKey,
    section({
      dial: extension,
      /** Where it rings when nobody there takes the call, in this order; for warm transfers. */
      then: list(extension, { max: 10, example: '["6002", "6003"]' }).default([]),
      /** What becomes of a caller whom nobody took; for warm transfers. */
      otherwise: oneOf(['agent', 'message']).default('agent'),
      label: text(100).optional(),
      /** How an agent transfers that does not say how. */
      mode: oneOf(['blind', 'warm']).default('blind'),
      ringSeconds: wholeNumber(5, 120, 'a number of seconds').optional(),
    }),
    'destinations, such as sales: { dial: "6001", label: Sales }',
  )
    .transform((destinations) => withLabels(destinations))
    .default({}),
  transfers: section({
    /** More is an agent that was talked into it, or one that goes in circles. */
    maxPerCall: wholeNumber(0, 100).default(5),
    /** Where a destination has no `ringSeconds` of its own. */
    ringSeconds: wholeNumber(5, 120, 'a number of seconds').default(25),
    /** A person who hangs up so soon after taking a call gives the caller back to the agent. */
    graceSeconds: wholeNumber(0, 60, 'a number of seconds').default(10),
    /** Prefixes of international and premium numbers that may be dialled, as they are dialled. */
    allow: list(extension, { max: 100, example: '["+49", "0044"]' }).default([]),
  }).prefault({}),
  hours: openingHours.optional(),
  journal: section({
    // A week is long enough for somebody to complain of a call.
    keepDays: wholeNumber(0, 3650, 'a number of days').default(7),
  }).prefault({}),
  schedules: named(nameKey, openingHours, 'schedules by name, such as support: { timezone: …, open: … }').default({}),
  recording: section({
    // Off: in most places people have to be told before.
    enabled: truth.default(false),
    // Nothing is deleted that nobody asked to delete.
    keepDays: wholeNumber(1, 3650, 'a number of days').optional(),
    maxGb: wholeNumber(1, 100_000, 'a number of gigabytes').optional(),
  }).prefault({}),
  shutdown: section({
    // Docker waits ten seconds in all before it kills.
    drainSeconds: wholeNumber(0, 3600, 'a number of seconds').default(5),
  }).prefault({}),
  webrtc: section({
    enabled: truth.default(false),
    iceServers: list(iceServer, { max: 20, example: '[{ urls: ["stun:stun.example.com"] }]' }).default([]),
    icePolicy: oneOf(['all', 'relay']).default('all'),
    origins: list(url(['http', 'https'], 'https://www.example.com'), {
      max: 100,
      example: '["https://www.example.com"]',
    }).default([]),
    sessionTokens: oneOf(['optional', 'required']).default('optional'),
    announce: ipAddress.optional(),
    ports: portRange.optional(),
    // Where people are rung for visitors.
    pbx: name.optional(),
    context: text(100).default('from-internal'),
    maxCalls: wholeNumber(1, 1000, 'a number of calls').default(100),
    maxCallsPerAddress: wholeNumber(1, 1000, 'a number of calls').default(10),
  }).prefault({}),
});

/** A configuration that was checked; every default is filled in, `dataDir` is absolute. */
export type Config = z.output<typeof configSchema>;

/** A destination that has no label is spoken of by its name. */
function withLabels<Destination extends { readonly label?: string | undefined }>(
  destinations: Readonly<Record<string, Destination>>,
): Record<string, Destination & { readonly label: string }> {
  return Object.fromEntries(
    Object.entries(destinations).map(([key, destination]) => [
      key,
      { ...destination, label: destination.label ?? key.replaceAll(/[_-]/g, ' ') },
    ]),
  );
}
