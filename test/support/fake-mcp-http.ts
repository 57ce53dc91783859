import type {
  CallToolResult,
  InitializeResult,
  JSONRPCRequest,
  ListToolsResult,
} from '@modelcontextprotocol/sdk/types.js';
import type { ServerResponse } from 'node:http';
import type { FakeRequest } from './fake-http-server.js';
import { FakeHttpServer } from './fake-http-server.js';

/** A server of tools behind a URL (streamable HTTP), which answers each request with JSON, or with a stream of one event. */
export class FakeMcpHttp {
  readonly calls: { readonly name: string; readonly input: unknown }[] = [];
  readonly headers: string[] = [];
  sessions = 0;
  answers: 'json' | 'stream' = 'json';
  result: CallToolResult = { content: [{ type: 'text', text: 'done' }] };
  #session = '';
  readonly #server = new FakeHttpServer((request, response) => this.#answer(request, response));

  get url(): string {
    return `http://${this.#server.host}/mcp`;
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** It was started anew and knows no session. */
  forget(): void {
    this.#session = '';
  }

  #answer({ method, headers, body }: FakeRequest, response: ServerResponse): void {
    if (method !== 'POST') {
      response.writeHead(method === 'GET' ? 405 : 200).end();
      return;
    }
    this.headers.push(headers.authorization ?? '');
    const message = JSON.parse(body.toString()) as Partial<JSONRPCRequest>;
    if (message.method !== 'initialize' && headers['mcp-session-id'] !== this.#session) {
      response.writeHead(404).end('unknown session');
      return;
    }
    if (message.id === undefined) {
      response.writeHead(202).end();
      return;
    }
    const text = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: this.#result(message) });
    const isStream = this.answers === 'stream' && message.method === 'tools/call';
    response.writeHead(200, {
      'Content-Type': isStream ? 'text/event-stream' : 'application/json',
      'Mcp-Session-Id': this.#session,
    });
    response.end(isStream ? `event: message\ndata: ${text}\n\n` : text);
  }

  #result({ method, params }: Partial<JSONRPCRequest>): InitializeResult | ListToolsResult | CallToolResult | object {
    switch (method) {
      case 'initialize': {
        this.sessions += 1;
        this.#session = `session-${this.sessions}`;
        const { protocolVersion } = params as { readonly protocolVersion: string };
        const serverInfo = { name: 'fake', version: '1' };
        return { protocolVersion, capabilities: { tools: {} }, serverInfo } satisfies InitializeResult;
      }
      case 'tools/list': {
        const inputSchema = { type: 'object' as const, properties: { day: { type: 'string' } } };
        return { tools: [{ name: 'book', inputSchema }] } satisfies ListToolsResult;
      }
      case 'tools/call': {
        const { name, arguments: input } = params as { readonly name: string; readonly arguments: unknown };
        this.calls.push({ name, input });
        return this.result;
      }
      default:
        return {};
    }
  }
}
