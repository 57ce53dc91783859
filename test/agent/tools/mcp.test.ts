import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { AgentCall, CallControl, ToolResult } from '../../../src/agent/port.js';
import { CallTools } from '../../../src/agent/tool-runner.js';
import type { McpListener, McpPlace } from '../../../src/agent/tools/mcp/connection.js';
import { connectMcp } from '../../../src/agent/tools/mcp/connection.js';
import type { McpServerOptions } from '../../../src/agent/tools/mcp/server.js';
import { McpServer } from '../../../src/agent/tools/mcp/server.js';
import { newCallId } from '../../../src/core/ids.js';
import { silentLogger } from '../../../src/core/logger.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeMcpHttp } from '../../support/fake-mcp-http.js';

const PROGRAM = join(import.meta.dirname, '../../support/fake-mcp-server.mjs');
/** A program has to start. */
const WAIT = { timeout: 10_000, interval: 20 };

const clock = new FakeClock();
const servers: McpServer[] = [];
const doors: FakeMcpHttp[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  for (const door of doors.splice(0)) await door.stop();
});

const call: AgentCall = {
  callId: newCallId(),
  caller: { number: '+4930123', name: 'Ada' },
  extension: '7000',
  history: [],
};

function program(mode: string, env: Readonly<Record<string, string>> = {}): McpPlace {
  return { kind: 'stdio', command: process.execPath, args: [PROGRAM, mode], env };
}

async function open(place: McpPlace, options: Partial<McpServerOptions> = {}): Promise<McpServer> {
  const server = new McpServer({
    name: 'desk',
    connect: (listener) => connectMcp('desk', place, listener, silentLogger),
    allow: null,
    deny: [],
    timeLimitMs: 5000,
    clock,
    log: silentLogger,
    ...options,
  });
  servers.push(server);
  await server.prepare();
  return server;
}

function run(server: McpServer, tool: string, input: unknown = {}): Promise<ToolResult> {
  // Nothing here asks control for anything.
  const control = {} as CallControl;
  const runner = new CallTools({
    tools: server.tools,
    call,
    control,
    clock,
    log: silentLogger,
    onCalled: () => undefined,
  });
  return runner.run(tool, input);
}

/** Until the server is there again: its pauses pass. */
async function runUntilItWorks(server: McpServer, tool: string): Promise<ToolResult> {
  const running = run(server, tool);
  let result: ToolResult | null = null;
  void running.then((value) => (result = value));
  await vi.waitFor(() => {
    clock.advance(20);
    expect(result).not.toBeNull();
  }, WAIT);
  return running;
}

async function door(): Promise<FakeMcpHttp> {
  const made = new FakeMcpHttp();
  doors.push(made);
  await made.start();
  return made;
}

function messageOf(result: ToolResult): string {
  return result.ok ? `worked: ${JSON.stringify(result.value)}` : result.message;
}

describe('a server of tools that is a program', () => {
  it('is started once, and its tools are the agent’s', async () => {
    const server = await open(program(''));
    expect(server.limitations()).toEqual([]);
    expect(server.tools.map(({ name }) => name)).toContain('desk_echo');
    expect(server.tools[0]).toMatchObject({
      description: 'Says it again.',
      inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
    });
    expect(await run(server, 'desk_echo', { text: 'hello' })).toEqual({ ok: true, value: 'hello' });
    expect(await run(server, 'desk_pid')).toEqual(await run(server, 'desk_pid'));
  });

  it('gets the environment that the configuration gives it, and nothing of ours', async () => {
    vi.stubEnv('LINECARD_SECRET', 'ours');
    const server = await open(program('', { TOKEN: 'theirs' }));
    expect(messageOf(await run(server, 'desk_variable'))).toContain(
      String.raw`{\"token\":\"theirs\",\"inherited\":null}`,
    );
    vi.unstubAllEnvs();
  });

  it('offers only what is allowed, and nothing that is denied', async () => {
    const server = await open(program(''), { allow: ['echo', 'pid', 'unknown'], deny: ['pid'] });
    expect(server.tools.map(({ name }) => name)).toEqual(['desk_echo']);
    expect(messageOf(await run(server, 'desk_pid'))).toBe('there is no tool "desk_pid"; allowed: desk_echo');
  });

  it('refuses, talks nonsense, does not come to an end: the model is told in words', async () => {
    const server = await open(program(''));
    expect(messageOf(await run(server, 'desk_fail'))).toBe('desk_fail did not work: there is no such order');
    expect(messageOf(await run(server, 'desk_nonsense'))).toBe('worked: "all the same"');
    const long = await run(server, 'desk_long');
    expect(long.ok && JSON.stringify(long.value).length).toBeLessThan(8200);
    expect(messageOf(await run(server, 'desk_echo', 'text'))).toBe('the input must be an object');
  });

  it('dies in mid-call: the model is told, and the next call finds it started anew', async () => {
    const server = await open(program(''));
    const before = await run(server, 'desk_pid');
    expect(messageOf(await run(server, 'desk_die'))).toBe('die did not work: its server is gone');
    expect(server.limitations()).toEqual(['tools of "desk" are not there: the connection was lost']);
    const after = await runUntilItWorks(server, 'desk_pid');
    expect(after.ok).toBe(true);
    expect(after).not.toEqual(before);
    expect(server.limitations()).toEqual([]);
  });

  it('is slow: its time is up and it stays; hangs: it is started anew', async () => {
    const server = await open(program(''), { timeLimitMs: 1000 });
    const before = await run(server, 'desk_pid');
    const slow = run(server, 'desk_slow');
    clock.advance(1000);
    expect(messageOf(await slow)).toBe('desk_slow took longer than 1000 ms');
    expect(await run(server, 'desk_pid')).toEqual(before);

    const hanging = run(server, 'desk_hang');
    clock.advance(1000);
    await hanging;
    await vi.waitFor(() => expect(server.limitations()).toHaveLength(1), WAIT);
    expect((await runUntilItWorks(server, 'desk_pid')).ok).toBe(true);
  });

  it('cannot be started: said as a limitation, tried again with longer and longer pauses', async () => {
    const connect = vi.fn((listener: McpListener) => connectMcp('desk', program('dead'), listener, silentLogger));
    const server = await open(program('dead'), { connect });
    expect(server.tools).toEqual([]);
    expect(server.limitations()[0]).toMatch(/^tools of "desk" are not there: MCP server "desk" cannot be reached: /);
    clock.advance(499);
    expect(connect).toHaveBeenCalledTimes(1);
    clock.advance(1);
    expect(connect).toHaveBeenCalledTimes(2);
  });
});

describe('a server of tools behind a URL', () => {
  it('gets its key, and answers with JSON or a stream', async () => {
    const http = await door();
    const server = await open({ kind: 'http', url: http.url, headers: { Authorization: 'Bearer hidden' } });
    expect(await run(server, 'desk_book', { day: 'Monday' })).toEqual({ ok: true, value: 'done' });
    http.answers = 'stream';
    http.result = { content: [], structuredContent: { room: 7 } };
    expect(await run(server, 'desk_book', { day: 'Friday' })).toEqual({ ok: true, value: { room: 7 } });
    expect(http.calls).toEqual([
      { name: 'book', input: { day: 'Monday' } },
      { name: 'book', input: { day: 'Friday' } },
    ]);
    expect(new Set(http.headers)).toEqual(new Set(['Bearer hidden']));
    expect(http.sessions).toBe(1);
  });

  it('was started anew and does not know us: a new session, and the call is made there', async () => {
    const http = await door();
    const server = await open({ kind: 'http', url: http.url, headers: {} });
    http.forget();
    expect(await runUntilItWorks(server, 'desk_book')).toEqual({ ok: true, value: 'done' });
    expect(http.sessions).toBe(2);
    expect(http.calls).toHaveLength(1);
  });

  it('is away: said without its URL, which may hold a key', async () => {
    const http = await door();
    const url = `${http.url}?key=hidden`;
    await http.stop();
    const server = await open({ kind: 'http', url, headers: {} });
    expect(server.limitations()).toEqual([
      'tools of "desk" are not there: MCP server "desk" cannot be reached: ECONNREFUSED',
    ]);
  });
});
