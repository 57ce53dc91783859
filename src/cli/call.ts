import type { ApiCall, ApiEvent } from './api-client.js';
import { ApiClient } from './api-client.js';
import { findInstance } from './instance.js';
import type { InstanceOptions } from './instance.js';
import type { Terminal } from './terminal.js';
import { columns, CommandFailure, printable } from './terminal.js';

/** Options of `linecard call transfer`. */
export type TransferOptions = CallOptions & {
  readonly blind?: boolean | undefined;
  readonly warm?: boolean | undefined;
  readonly conference?: boolean | undefined;
  readonly summary?: string | undefined;
};

/** Options of `linecard call supervise`. */
export type SuperviseOptions = CallOptions & {
  readonly mode?: string | undefined;
  readonly text?: string | undefined;
};

export type CallOptions = InstanceOptions & { readonly json?: boolean | undefined };

/** `linecard call list`: live calls, then those of late. */
export async function listCalls(terminal: Terminal, options: CallOptions): Promise<number> {
  const calls = await client(terminal, options).calls();
  if (options.json === true) terminal.out(JSON.stringify(calls, null, 2));
  else if (calls.length === 0) terminal.err('no calls yet');
  else {
    const title = ['ID', 'STARTED', 'CALLER', 'EXTENSION', 'AGENT', 'STATE', 'OUTCOME'];
    columns([title, ...calls.map(callRow)]).forEach(terminal.out);
  }
  return 0;
}

/** `linecard call show <id>`: everything that is known of it. */
export async function showCall(terminal: Terminal, id: string, options: CallOptions): Promise<number> {
  const api = client(terminal, options);
  const call = await api.call(await wholeId(api, id));
  if (options.json === true) {
    terminal.out(JSON.stringify(call, null, 2));
    return 0;
  }
  const { answeredMs, firstAudioMs } = call.timings;
  const facts: [string, string | null][] = [
    ['id', call.id],
    ['caller', callerText(call)],
    ['extension', call.extension],
    ['agent', call.agent],
    ['through', [call.transport, call.pbx, call.codec].filter((part) => part !== null).join(', ')],
    ['started', timeText(call.startedAt)],
    ['answered', answeredMs === undefined ? null : `after ${Math.round(answeredMs)} ms`],
    ['first audio', firstAudioMs === undefined ? null : `after ${Math.round(firstAudioMs)} ms`],
    ['state', call.state],
    [
      'outcome',
      call.outcome === null ? null : `${call.outcome.result} (${call.outcome.fault}): ${call.outcome.reason}`,
    ],
  ];
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== null);
  columns(known).forEach(terminal.out);
  if (call.turns.length > 0) terminal.out('');
  columns(call.turns.map((turn) => [timeText(turn.at), turn.who, turn.text])).forEach(terminal.out);
  return 0;
}

/** `linecard call watch <id>`: the call as it happens, until it ends. */
export async function watchCall(terminal: Terminal, id: string, options: CallOptions): Promise<number> {
  const api = client(terminal, options);
  for await (const event of api.events(await wholeId(api, id))) {
    if (options.json === true) terminal.out(JSON.stringify(event));
    // Every few seconds one of those: for programs.
    else if (event.kind !== 'captionChanged' && event.kind !== 'qualityMeasured') terminal.out(eventLine(event));
    if (event.kind === 'callEnded') return 0;
  }
  throw new CommandFailure('Linecard ended the stream before the call ended; the call may go on');
}

/** `linecard call hangup <id>`. */
export async function hangUpCall(terminal: Terminal, id: string, options: CallOptions): Promise<number> {
  const api = client(terminal, options);
  const call = await api.command(await wholeId(api, id), 'hangup');
  return done(terminal, options, call, 'hung up');
}

/** `linecard call hold <id>` and `linecard call resume <id>`. */
export async function holdCall(
  terminal: Terminal,
  id: string,
  what: 'hold' | 'resume',
  options: CallOptions,
): Promise<number> {
  const api = client(terminal, options);
  const call = await api.command(await wholeId(api, id), what);
  return done(terminal, options, call, what === 'hold' ? 'on hold, the caller hears music' : 'with the agent again');
}

/** `linecard call say <id> <text>`. */
export async function sayInCall(terminal: Terminal, id: string, text: string, options: CallOptions): Promise<number> {
  const api = client(terminal, options);
  const call = await api.command(await wholeId(api, id), 'say', { text });
  return done(terminal, options, call, 'the agent says it');
}

/** `linecard call digits <id> <digits>`. */
export async function sendDigits(
  terminal: Terminal,
  id: string,
  digits: string,
  options: CallOptions,
): Promise<number> {
  const api = client(terminal, options);
  const call = await api.command(await wholeId(api, id), 'dtmf', { digits });
  return done(terminal, options, call, 'pressed');
}

/** `linecard call transfer <id> <to>`: to a destination of the configuration, or `fallback`. */
export async function transferCall(
  terminal: Terminal,
  id: string,
  to: string,
  options: TransferOptions,
): Promise<number> {
  const { summary } = options;
  const modes = (['blind', 'warm', 'conference'] as const).filter((mode) => options[mode] === true);
  const [mode = 'default', another] = modes;
  if (another !== undefined) throw new CommandFailure(`--${mode} and --${another}: choose one`);
  if (summary !== undefined && mode === 'blind') throw new CommandFailure('--summary is for people who are asked');
  const api = client(terminal, options);
  const body = { to, mode, ...(summary === undefined ? {} : { summary }) };
  const call = await api.command(await wholeId(api, id), 'transfer', body);
  const how = call.state === 'ended' ? `transferred to ${to}` : `${to} is being rung, the caller hears music`;
  return done(terminal, options, call, how);
}

/** `linecard call supervise <id> [phone]`: lets a phone into a call, or tells the agent something. */
export async function superviseCall(
  terminal: Terminal,
  id: string,
  phone: string | undefined,
  options: SuperviseOptions,
): Promise<number> {
  const { text } = options;
  if (phone === undefined && text === undefined)
    throw new CommandFailure('name a phone to be rung, or give a --text for the agent');
  const mode = options.mode ?? (text === undefined ? 'listen' : 'whisper');
  if (text !== undefined && mode !== 'whisper') throw new CommandFailure('--text goes with --mode whisper');
  const api = client(terminal, options);
  const call = await api.command(await wholeId(api, id), 'supervise', {
    mode,
    ...(phone === undefined ? {} : { endpoint: phone }),
    ...(text === undefined ? {} : { text }),
  });
  const told = text === undefined ? [] : ['the agent was told'];
  const rung =
    phone === undefined ? [] : [`${phone} is being rung; keys there: 4 listen, 5 whisper, 6 join, 9 take over`];
  return done(terminal, options, call, [...told, ...rung].join(', '));
}

/** @param text what has happened, for a person; a program gets the call */
function done(terminal: Terminal, options: CallOptions, call: ApiCall, text: string): number {
  if (options.json === true) terminal.out(JSON.stringify(call, null, 2));
  else terminal.err(text);
  return 0;
}

function client(terminal: Terminal, options: CallOptions): ApiClient {
  return new ApiClient(findInstance(terminal, options));
}

/** People type the beginning of an id, as the list shows it. */
async function wholeId(api: ApiClient, beginning: string): Promise<string> {
  const ids = (await api.calls()).map((call) => String(call.id)).filter((id) => id.startsWith(beginning));
  const [id, another] = ids;
  if (ids.includes(beginning)) return beginning;
  if (another !== undefined)
    throw new CommandFailure(`"${beginning}" is the beginning of ${ids.length} ids: ${ids.join(', ')}`);
  return id ?? beginning;
}

function callRow(call: ApiCall): string[] {
  return [
    call.id.slice(0, 8),
    timeText(call.startedAt),
    callerText(call),
    call.extension ?? '-',
    call.agent,
    call.state,
    call.outcome === null ? '' : `${call.outcome.result}: ${call.outcome.reason}`,
  ];
}

function callerText({ caller }: Pick<ApiCall, 'caller'>): string {
  const text = [caller.name, caller.number].filter((part) => part !== '').join(' ');
  return text === '' ? 'unknown' : text;
}

/** Local time of day; the day where it is not today's is in `--json`. */
function timeText(iso: string): string {
  return new Date(iso).toLocaleTimeString('en-GB');
}

function eventLine(event: ApiEvent): string {
  const { kind, at, ...fields } = event;
  return printable(`${timeText(at)}  ${kind}  ${eventDetail(kind, fields)}`).trimEnd();
}

function eventDetail(kind: string, fields: Readonly<Record<string, unknown>>): string {
  if (kind === 'turnHeard') {
    const turn = fields['turn'] as { readonly who: string; readonly text: string; readonly interrupted: boolean };
    return `${turn.who}: ${turn.text}${turn.interrupted ? ' (interrupted)' : ''}`;
  }
  if (kind === 'callEnded') {
    const { result, reason } = fields['outcome'] as { readonly result: string; readonly reason: string };
    return `${result}: ${reason}`;
  }
  if (kind === 'callStarted') return callerText(fields['call'] as ApiCall);
  return Object.entries(fields)
    .filter(([name]) => name !== 'callId')
    .map(([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value) : String(value)}`)
    .join(', ');
}
