import { costlyNumber } from '../core/costly-number.js';
import { isPromptName, PROMPT_NAMES, promptNames } from '../core/prompt.js';
import { placeholders } from '../core/template.js';
import { TOOL_NAMES } from './agents/common.js';
import type { ConfigPath } from './mistakes.js';
import { didYouMean } from './nearest.js';
import { scheduleMistakes } from './schedule-checks.js';

/** A mistake that lies in two places that do not fit; `path` is the one to change. */
export type CrossMistake = { readonly path: ConfigPath; readonly message: string };

/** A word that the API and tools give a meaning of its own. */
const RESERVED_DESTINATION = 'fallback';
/** What a tool's placeholders may name besides its input. */
const CALL_PLACEHOLDERS = ['call.id', 'call.extension', 'caller.number', 'caller.name'];

/**
 * What no single value can tell. Works on what the file says, not on what the schema made of it, so that these mistakes
 * are listed together with all others; a part of the wrong kind is skipped here and reported by the schema.
 */
export function crossCheck(tree: unknown): CrossMistake[] {
  const root = block(tree);
  return [
    ...agentReferences(root),
    ...toolReferences(root),
    ...modelAddresses(block(root['agents'])),
    ...halfKeys(block(root['agents'])),
    ...speechParts(block(root['agents'])),
    ...placeholderMistakes(block(root['tools'])),
    ...promptMistakes(block(root['agents'])),
    ...toolServers(block(root['tools'])),
    ...backupCycles(block(root['agents'])),
    ...fallbacks(root),
    ...pbxNames(root['pbx']),
    ...pbxOfBrowsers(root),
    ...costlyNumbers(root),
    ...ports(root),
    ...unicastPorts(root),
    ...scheduleMistakes(root),
    ...(RESERVED_DESTINATION in block(root['destinations'])
      ? [
          {
            path: ['destinations', RESERVED_DESTINATION],
            message: "this name is taken: it means the extension's fallback",
          },
        ]
      : []),
  ];
}

type Block = Readonly<Record<string, unknown>>;

function agentReferences(root: Block): CrossMistake[] {
  const agents = Object.keys(block(root['agents']));
  const references: { readonly path: ConfigPath; readonly agent: unknown }[] = [
    { path: ['audiosocket', 'direct'], agent: block(root['audiosocket'])['direct'] },
    ...entries(root['extensions']).map(([key, value]) => ({
      path: ['extensions', key, 'agent'],
      agent: value['agent'],
    })),
    ...entries(root['extensions']).map(([key, value]) => ({
      path: ['extensions', key, 'closed', 'agent'],
      agent: block(value['closed'])['agent'],
    })),
    ...entries(root['agents']).map(([key, value]) => ({ path: ['agents', key, 'backup'], agent: value['backup'] })),
    ...entries(root['agents']).flatMap(([key, { handover }]) =>
      (Array.isArray(handover) ? handover : []).map((agent: unknown, index) => ({
        path: ['agents', key, 'handover', index],
        agent,
      })),
    ),
  ];
  return references.flatMap(({ path, agent }) => {
    if (typeof agent !== 'string' || agents.includes(agent)) return [];
    const known = agents.length === 0 ? 'there is no agent under agents:' : `agents are ${agents.join(', ')}`;
    return [{ path, message: `there is no agent "${agent}"${didYouMean(agent, agents)}; ${known}` }];
  });
}

function toolReferences(root: Block): CrossMistake[] {
  const own = Object.keys(block(root['tools']));
  const known: readonly string[] = [...TOOL_NAMES, ...own];
  const taken = own
    .filter((key) => [...TOOL_NAMES, 'handover'].includes(key))
    .map((key) => ({ path: ['tools', key], message: 'this name is taken: it is a tool that every agent may have' }));
  const unknown = entries(root['agents']).flatMap(([key, { tools }]) => {
    if (!Array.isArray(tools)) return [];
    return tools.flatMap((name: unknown, index) => {
      if (typeof name !== 'string' || known.includes(name)) return [];
      const message = `there is no tool "${name}"${didYouMean(name, known)}; tools are ${known.join(', ')}`;
      return [{ path: ['agents', key, 'tools', index], message }];
    });
  });
  return [...taken, ...unknown];
}

/** A model that is reached by a protocol only has no address of its own, and the vendors ask for a key. */
function modelAddresses(agents: Block): CrossMistake[] {
  return entries(agents).flatMap(([key, agent]) => {
    if (agent['provider'] !== 'pipeline' || typeof agent['llm'] !== 'object') return [];
    const llm = block(agent['llm']);
    const isVendor = llm['provider'] !== undefined && llm['provider'] !== 'openai-compatible';
    const missing = isVendor ? 'apiKey' : 'baseUrl';
    if (llm[missing] !== undefined) return [];
    const what = isVendor ? `a key of ${String(llm['provider'])}` : 'a URL such as http://127.0.0.1:11434/v1';
    return [{ path: ['agents', key, 'llm', missing], message: `is missing; it must be ${what}` }];
  });
}

/** A key of Amazon's has two halves. */
function halfKeys(agents: Block): CrossMistake[] {
  return entries(agents).flatMap(([key, { provider, accessKeyId, secretAccessKey }]) => {
    if (provider !== 'nova-sonic' || (accessKeyId === undefined) === (secretAccessKey === undefined)) return [];
    const [missing, what] =
      accessKeyId === undefined
        ? ['accessKeyId', 'the key of the secret']
        : ['secretAccessKey', 'the secret of the key'];
    return [{ path: ['agents', key, missing], message: `is missing; it must be ${what}, or neither is there` }];
  });
}

/** The parts of a pipeline that understand and speak: a server of one's own has an address, a vendor asks for a key. */
function speechParts(agents: Block): CrossMistake[] {
  return entries(agents).flatMap(([key, agent]) => {
    if (agent['provider'] !== 'pipeline') return [];
    return ['stt', 'tts'].flatMap((name) => {
      if (typeof agent[name] !== 'object') return [];
      const part: Block = { voice: agent['voice'], ...block(agent[name]) };
      return speechPartMistakes(name, part).map(([field, message]) => ({
        path: ['agents', key, name, field],
        message,
      }));
    });
  });
}

/** Each as a key and what is wrong with it. Wyoming is plain TCP and has no models to choose from. */
function speechPartMistakes(name: string, part: Block): [string, string][] {
  const { provider = 'openai-compatible', baseUrl, apiKey, model, voice } = part;
  const mistakes: [string, string][] = [];
  const isVendor = provider === 'deepgram' || provider === 'elevenlabs';
  const isWyoming = provider === 'wyoming';
  const example = isWyoming ? 'tcp://127.0.0.1:10300' : 'http://127.0.0.1:8000/v1';
  if (baseUrl === undefined && !isVendor) mistakes.push(['baseUrl', `is missing; it must be a URL such as ${example}`]);
  else if (typeof baseUrl === 'string' && baseUrl.startsWith('tcp:') !== isWyoming)
    mistakes.push(['baseUrl', `must be a URL such as ${example} for this provider`]);
  if (isVendor && apiKey === undefined) mistakes.push(['apiKey', `is missing; it must be a key of ${provider}`]);
  if (!isWyoming && !isVendor && model === undefined)
    mistakes.push(['model', 'is missing; it must be the name of a model of the server']);
  if (name === 'tts' && provider === 'elevenlabs' && voice === undefined)
    mistakes.push(['voice', 'is missing; it must be the id of a voice of elevenlabs']);
  return mistakes;
}

/** A placeholder that nothing will ever fill. Texts are not repeated: a header may be a secret. */
function placeholderMistakes(tools: Block): CrossMistake[] {
  return entries(tools).flatMap(([key, value]) => {
    const inputs = Object.keys(block(block(value['input'])['properties']));
    const known = [...inputs, ...CALL_PLACEHOLDERS];
    const { url, body, headers } = value;
    const templates: [ConfigPath, unknown][] = [
      [['tools', key, 'url'], url],
      [['tools', key, 'body'], body],
      ...Object.entries(block(headers)).map(([name, text]): [ConfigPath, unknown] => [
        ['tools', key, 'headers', name],
        text,
      ]),
    ];
    return templates.flatMap(([path, text]) => {
      if (typeof text !== 'string' || placeholders(text).every((name) => known.includes(name))) return [];
      return [{ path, message: `has a placeholder that is none of ${known.map((name) => `{${name}}`).join(', ')}` }];
    });
  });
}

/** A name in a prompt that nothing will ever stand for. */
function promptMistakes(agents: Block): CrossMistake[] {
  return entries(agents).flatMap(([key, agent]) =>
    ['greeting', 'instructions'].flatMap((part) => {
      const text = agent[part];
      const unknown = typeof text === 'string' ? promptNames(text).find((name) => !isPromptName(name)) : undefined;
      if (unknown === undefined) return [];
      const known = `${PROMPT_NAMES.join(', ')} and var.<name of the dialplan>`;
      const message = `has {{${unknown}}}, which nothing stands for${didYouMean(unknown, PROMPT_NAMES)}; known are ${known}`;
      return [{ path: ['agents', key, part], message }];
    }),
  );
}

/** A server of tools is started or reached, not both. */
function toolServers(tools: Block): CrossMistake[] {
  return entries(tools).flatMap(([key, { kind, command, url, env, headers }]) => {
    if (kind !== 'mcp') return [];
    const mistakes: CrossMistake[] = [];
    if ((command === undefined) === (url === undefined)) {
      const what = command === undefined ? 'is missing' : 'must not be there beside url';
      const fix = 'a server of tools has either command (a program to start) or url';
      mistakes.push({ path: ['tools', key, 'command'], message: `${what}; ${fix}` });
    } else if (command === undefined && env !== undefined) {
      mistakes.push({ path: ['tools', key, 'env'], message: 'is for a program that is started: it goes with command' });
    } else if (url === undefined && headers !== undefined) {
      mistakes.push({ path: ['tools', key, 'headers'], message: 'is for requests: it goes with url' });
    }
    return mistakes;
  });
}

function pbxOfBrowsers(root: Block): CrossMistake[] {
  const name = block(root['webrtc'])['pbx'];
  const list = Array.isArray(root['pbx']) ? root['pbx'] : [];
  const names = list.map((pbx) => block(pbx)['name']).filter((each) => typeof each === 'string');
  if (typeof name !== 'string' || names.includes(name)) return [];
  return [{ path: ['webrtc', 'pbx'], message: `there is no PBX "${name}"${didYouMean(name, names)}` }];
}

/** Follows each agent's backup; a cycle is told once, at its first agent in the file. */
function backupCycles(agents: Block): CrossMistake[] {
  const next = (name: string): unknown => block(agents[name])['backup'];
  return cycles(Object.keys(agents), next).map((names) => ({
    path: ['agents', names[0] ?? '', 'backup'],
    message: `backups go in a circle: ${[...names, names[0]].join(' -> ')}`,
  }));
}

function fallbacks(root: Block): CrossMistake[] {
  const extensions = block(root['extensions']);
  const destinations = block(root['destinations']);
  const open = (name: string): unknown => block(extensions[name])['fallback'];
  const closed = (name: string): unknown => block(block(extensions[name])['closed'])['fallback'];
  const circlesOf = (next: (name: string) => unknown, key: readonly string[]): CrossMistake[] =>
    cycles(Object.keys(extensions), next).map((names) => ({
      path: ['extensions', names[0] ?? '', ...key],
      message: `fallbacks go in a circle: ${[...names, names[0]].join(' -> ')}; a fallback must be somebody else's extension`,
    }));
  const circles = [...circlesOf(open, ['fallback']), ...circlesOf(closed, ['closed', 'fallback'])];
  const named = entries(extensions).flatMap(([key, value]) => {
    const fallback = value['fallback'];
    if (typeof fallback !== 'string' || !Object.hasOwn(destinations, fallback)) return [];
    const dial = block(destinations[fallback])['dial'];
    const fix = typeof dial === 'string' ? `; destination "${fallback}" dials "${dial}"` : '';
    return [
      { path: ['extensions', key, 'fallback'], message: `must be an extension of the PBX, not a destination${fix}` },
    ];
  });
  return [...circles, ...named];
}

function cycles(names: readonly string[], next: (name: string) => unknown): string[][] {
  const done = new Set<string>();
  const found: string[][] = [];
  for (const start of names) {
    const way: string[] = [];
    let current: unknown = start;
    while (typeof current === 'string' && names.includes(current) && !done.has(current)) {
      done.add(current);
      way.push(current);
      current = next(current);
    }
    const from = typeof current === 'string' ? way.indexOf(current) : -1;
    if (from >= 0) found.push(way.slice(from));
  }
  return found;
}

function pbxNames(pbx: unknown): CrossMistake[] {
  if (!Array.isArray(pbx)) return [];
  const names = pbx.map((entry) => block(entry)['name']);
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    if (typeof name !== 'string' || first === index) return [];
    return [{ path: ['pbx', index, 'name'], message: `"${name}" is the name of pbx[${first}] already` }];
  });
}

/** What an agent can be talked into calling must be meant: international and premium numbers are named twice. */
function costlyNumbers(root: Block): CrossMistake[] {
  const { allow } = block(root['transfers']);
  const allowed = Array.isArray(allow) ? allow.map(String) : [];
  const numbers: { readonly path: ConfigPath; readonly number: unknown }[] = [
    ...entries(root['destinations']).flatMap(([key, { dial, then }]) => [
      { path: ['destinations', key, 'dial'], number: dial },
      ...(Array.isArray(then) ? then : []).map((number: unknown, index) => ({
        path: ['destinations', key, 'then', index],
        number,
      })),
    ]),
    ...entries(root['extensions']).flatMap(([key, { fallback, closed }]) => [
      { path: ['extensions', key, 'fallback'], number: fallback },
      { path: ['extensions', key, 'closed', 'fallback'], number: block(closed)['fallback'] },
    ]),
  ];
  return numbers.flatMap(({ path, number }) => {
    const why = typeof number === 'string' ? costlyNumber(number, allowed) : null;
    if (why === null) return [];
    const message = `"${String(number)}" looks like an ${why} number; if callers may be sent there, add its prefix to transfers.allow`;
    return [{ path, message: message.replace('an premium', 'a premium') }];
  });
}

type Listener = { readonly path: ConfigPath; readonly owner: string; readonly host: unknown; readonly port: number };

/** Two servers on one port of one address: the second would fail to start. */
function ports(root: Block): CrossMistake[] {
  const listeners = [
    listener('http', ['http'], root['http'], 8080),
    listener('audiosocket', ['audiosocket'], root['audiosocket'], 9092),
    ...freeswitches(root['pbx']).map(({ index, value }) =>
      listener(`pbx[${index}].socket`, ['pbx', index, 'socket'], value['socket'], 8084),
    ),
  ];
  return listeners.flatMap((later, at) => {
    const first = listeners.slice(0, at).find((earlier) => meet(earlier, later));
    return first === undefined || later.port === 0
      ? []
      : [{ path: [...later.path, 'port'], message: `${later.port} is the port of ${first.owner} already` }];
  });
}

function listener(owner: string, path: ConfigPath, part: unknown, defaultPort: number): Listener {
  const { host = '127.0.0.1', port } = block(part);
  return { owner, path, host, port: port === undefined ? defaultPort : Number(port) };
}

function meet(a: Listener, b: Listener): boolean {
  const sameHost = a.host === b.host || [a, b].some(({ host }) => host === '0.0.0.0' || host === '::');
  return a.port === b.port && sameHost;
}

/** Ranges of UDP ports that overlap: a call of the one would hear nothing, and the next call another caller. */
function unicastPorts(root: Block): CrossMistake[] {
  const ranges = freeswitches(root['pbx']).flatMap(({ index, value }) => {
    const { ports: range = [20_000, 20_999] } = block(value['unicast']);
    const [first, last] = Array.isArray(range) ? range.map(Number) : [];
    return first === undefined || last === undefined ? [] : [{ index, first, last }];
  });
  return ranges.flatMap(({ index, first, last }, at) => {
    const other = ranges.slice(0, at).find((earlier) => earlier.first <= last && first <= earlier.last);
    if (other === undefined) return [];
    const message = `[${first}, ${last}] overlaps with those of pbx[${other.index}]: each FreeSWITCH needs ports of its own`;
    return [{ path: ['pbx', index, 'unicast', 'ports'], message }];
  });
}

function freeswitches(pbx: unknown): { readonly index: number; readonly value: Block }[] {
  return Array.isArray(pbx)
    ? pbx.map((value, index) => ({ index, value: block(value) })).filter(({ value }) => value['kind'] === 'freeswitch')
    : [];
}

function entries(value: unknown): [string, Block][] {
  return Object.entries(block(value)).map(([key, item]) => [key, block(item)]);
}

/** Anything that is no block is an empty one here. */
function block(value: unknown): Block {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Block) : {};
}
