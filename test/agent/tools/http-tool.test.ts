import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentCall, CallControl, Tool, ToolResult } from '../../../src/agent/port.js';
import { CallTools } from '../../../src/agent/tool-runner.js';
import { AddressRules } from '../../../src/agent/tools/http/addresses.js';
import type { HttpToolOptions } from '../../../src/agent/tools/http/http-tool.js';
import { httpTool } from '../../../src/agent/tools/http/http-tool.js';
import { HttpSender } from '../../../src/agent/tools/http/request.js';
import { newCallId } from '../../../src/core/ids.js';
import { silentLogger } from '../../../src/core/logger.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { FakeHttpServer, json } from '../../support/fake-http-server.js';

const clock = new FakeClock();
const senders: HttpSender[] = [];
let server: FakeHttpServer;

beforeEach(async () => {
  server = new FakeHttpServer((_, response) => json(response, { state: 'sent' }));
  await server.start();
});

afterEach(async () => {
  for (const sender of senders.splice(0)) sender.close();
  await server.stop();
});

const call: AgentCall = {
  callId: newCallId(),
  caller: { number: '+4930123', name: 'Ada\r\nX-Evil: 1' },
  extension: '7000',
  history: [],
};

function sender(allowed: readonly string[] = ['127.0.0.0/8']): HttpSender {
  const made = new HttpSender(new AddressRules(allowed));
  senders.push(made);
  return made;
}

function tool(options: Partial<HttpToolOptions> = {}): Tool {
  return httpTool({
    name: 'order_status',
    description: 'Tells where an order is.',
    inputSchema: {
      type: 'object',
      additionalProperties: false,
      properties: { order: { type: 'string', maxLength: 40 }, count: { type: 'integer' } },
      required: ['order'],
    },
    method: 'GET',
    url: `http://${server.host}/orders/{order}?for={caller.number}`,
    headers: { Authorization: 'Bearer hidden' },
    body: null,
    timeLimitMs: 5000,
    sender: sender(),
    ...options,
  });
}

function run(made: Tool, input: unknown): Promise<ToolResult> {
  // No tool of this kind asks control for anything.
  const control = {} as CallControl;
  return new CallTools({ tools: [made], call, control, clock, log: silentLogger, onCalled: () => undefined }).run(
    made.name,
    input,
  );
}

function messageOf(result: ToolResult): string {
  return result.ok ? `worked: ${JSON.stringify(result.value)}` : result.message;
}

describe('an HTTP tool', () => {
  it('asks the server what the model wants to know', async () => {
    expect(await run(tool(), { order: 'A 1/2?' })).toEqual({ ok: true, value: { state: 'sent' } });
    const [request] = server.requests;
    expect(request?.method).toBe('GET');
    expect(request?.url).toBe('/orders/A%201%2F2%3F?for=%2B4930123');
    expect(request?.headers.authorization).toBe('Bearer hidden');
    expect(request?.body).toHaveLength(0);
  });

  it('sends its input where it is told nothing else', async () => {
    await run(tool({ method: 'POST', url: `http://${server.host}/orders` }), { order: '7', count: 2 });
    expect(JSON.parse(server.requests[0]?.body.toString() ?? '')).toEqual({ order: '7', count: 2 });
    expect(server.requests[0]?.headers['content-type']).toBe('application/json');
  });

  it('sends the body it is told to, with values of their own types, and without what was not given', async () => {
    const body =
      '{"q":{"order":"{order}","n":"{count}","none":["{call.extension}"]},"by":"{caller.number} ({order})","limit":5}';
    await run(tool({ method: 'POST', body }), { order: '"7', count: 2 });
    await run(tool({ method: 'POST', body }), { order: '8' });
    const bodies = server.requests.map((request) => JSON.parse(request.body.toString()) as unknown);
    expect(bodies[0]).toEqual({ q: { order: '"7', n: 2, none: ['7000'] }, by: '+4930123 ("7)', limit: 5 });
    expect(bodies[1]).toEqual({ q: { order: '8', none: ['7000'] }, by: '+4930123 (8)', limit: 5 });
  });

  it('lets no value write headers of its own or climb out of a path', async () => {
    await run(tool({ headers: { 'X-Name': '{caller.name}' } }), { order: '1' });
    expect(server.requests[0]?.headers['x-name']).toBe('Ada  X-Evil: 1');
    expect(server.requests[0]?.headers['x-evil']).toBeUndefined();
    expect(messageOf(await run(tool(), { order: '..' }))).toBe('order: ".." is not allowed');
    expect(await run(tool(), { order: '../..' })).toMatchObject({ ok: true });
    expect(server.requests[1]?.url).toBe('/orders/..%2F..?for=%2B4930123');
    expect(await run(tool(), { order: '\ud800' })).toMatchObject({ ok: true });
  });

  it('refuses an input that is not as described, in words the model can act on', async () => {
    expect(messageOf(await run(tool(), { order: 7 }))).toContain('order');
    expect(messageOf(await run(tool(), {}))).toContain('order');
    expect(messageOf(await run(tool(), { order: '7', color: 'red' }))).toContain('color');
    expect(server.requests).toEqual([]);
  });

  it('gives words as words, and of too many the beginning', async () => {
    server.answer = (_, response) => response.end('It is on its way.');
    expect(await run(tool(), { order: '1' })).toEqual({ ok: true, value: 'It is on its way.' });
    server.answer = (_, response) => response.end('x'.repeat(1_000_000));
    const result = await run(tool(), { order: '1' });
    expect(result).toMatchObject({ ok: true, value: { note: 'the answer is longer than this' } });
    expect(JSON.stringify(result).length).toBeLessThan(8200);
  });

  it('keeps its connection for the next question', async () => {
    const shared = tool();
    for (let i = 0; i < 3; i++) await run(shared, { order: '1' });
    expect(server.connections).toBe(1);
  });

  it('may hear of a failure what the server says of it', async () => {
    server.answer = (_, response) => json(response, { error: 'no such order' }, 404);
    expect(messageOf(await run(tool(), { order: '1' }))).toBe('order_status answered 404: {"error":"no such order"}');
  });

  it('follows nobody to another place', async () => {
    server.answer = (_, response) => response.writeHead(302, { Location: 'http://169.254.169.254/' }).end();
    expect(messageOf(await run(tool(), { order: '1' }))).toBe('order_status answered 302');
    expect(server.requests).toHaveLength(1);
  });

  it('does not wait longer than it may', async () => {
    server.answer = () => undefined;
    const running = run(tool({ timeLimitMs: 3000 }), { order: '1' });
    while (server.requests.length === 0) await settle();
    clock.advance(3000);
    expect(messageOf(await running)).toBe('order_status took longer than 3000 ms');
  });

  it.each([
    [
      'broken JSON',
      (): void =>
        void (server.answer = (_, response) => response.setHeader('Content-Type', 'application/json').end('{')),
      'gave an answer that is no valid JSON',
    ],
    [
      'half an answer',
      (): void =>
        void (server.answer = (_, response) => {
          response.writeHead(200, { 'Content-Length': '100' });
          response.write('half');
          setImmediate(() => server.cut());
        }),
      'its server cannot be reached',
    ],
    [
      'nothing but a closed door',
      (): void => void (server.answer = () => server.cut()),
      'its server cannot be reached',
    ],
  ])('says so when it gets %s, without an address', async (_what, misbehave, sentence) => {
    misbehave();
    const message = messageOf(await run(tool(), { order: '1' }));
    expect(message).toContain(sentence);
    expect(message).not.toContain('127.0.0.1');
  });
});

describe('the places an HTTP tool may reach', () => {
  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://10.1.2.3/',
    'http://192.168.0.1/',
    'http://172.20.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://100.64.0.1/',
    'http://0.0.0.0/',
    'http://[fe80::1]/',
    'http://[fd00::1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://224.0.0.1/',
    'http://localhost/',
  ])('do not include %s', async (url) => {
    const message = messageOf(await run(tool({ url, sender: sender([]) }), { order: '1' }));
    expect(message).toBe('order_status does not work: it must not be reached from here');
  });

  it('include public addresses, and the networks that are allowed', () => {
    const rules = new AddressRules(['192.168.1.0/24', 'fd00:1::/64', '10.0.0.7']);
    for (const address of ['8.8.8.8', '2606:4700::1111', '192.168.1.9', 'fd00:1::5', '10.0.0.7']) {
      expect([address, rules.permits(address)]).toEqual([address, true]);
    }
    for (const address of ['192.168.2.9', 'fd00:2::5', '10.0.0.8', 'nonsense']) {
      expect([address, rules.permits(address)]).toEqual([address, false]);
    }
  });

  it('are those that a name has at the moment of the connection', async () => {
    const rules = new AddressRules([]);
    // A name that has a public and a private address, as one that is rebound would.
    const lookup = rules.lookup(((_name: string, _options: object, done: (error: null, found: object[]) => void) => {
      done(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '192.0.9.1', family: 4 },
      ]);
    }) as never);
    const found = await new Promise((resolve) =>
      lookup('rebound.example.com', { all: true }, (_, list) => resolve(list)),
    );
    expect(found).toEqual([{ address: '192.0.9.1', family: 4 }]);
  });
});
