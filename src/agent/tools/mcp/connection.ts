import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { LinecardError } from '../../../core/errors.js';
import type { Logger } from '../../../core/logger.js';

/** A server that neither starts nor shakes hands in this time is not there. */
const CONNECT_TIME_LIMIT_MS = 10_000;
/** One that does not even answer a ping hangs. */
const PING_TIME_LIMIT_MS = 2000;
/** The time limit of a call is its tool's; the SDK's own comes only behind it. */
const NO_TIME_LIMIT_MS = 600_000;
/** Larger answers are a mistake of the server's, and memory of ours. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** A model cannot choose among more. */
const MAX_TOOLS = 64;
const MAX_PAGES = 10;
/** Of what the program says before it dies. */
const MAX_STDERR_CHARACTERS = 1000;

/** Where a server is: a program that we start, or a URL (streamable HTTP). */
export type McpPlace =
  | {
      readonly kind: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      /** Besides HOME, PATH and the like: nothing else of our own environment reaches it. */
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'http'; readonly url: string; readonly headers: Readonly<Record<string, string>> };

/** A tool as its server describes it. */
export type McpToolInfo = {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
};

/** What a tool answered. `parts` are its texts; what is no text is named in brackets. */
export type McpAnswer = { readonly ok: boolean; readonly parts: readonly string[]; readonly structured: unknown };

/** A server that shook hands. */
export interface McpConnection {
  /** At most 64. */
  listTools(): Promise<readonly McpToolInfo[]>;
  /** Rejects with McpRefusal when the server said no, McpLost when nobody knows, or the signal's reason. */
  call(tool: string, input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<McpAnswer>;
  /** Rejects when the server hangs or is gone. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface McpListener {
  /** It ended, by itself or because it was closed. Once. */
  closed(): void;
  toolsChanged(): void;
}

/** The server understood and refused; its words. */
export class McpRefusal extends Error {}

/** The connection is of no use any more. */
export class McpLost extends Error {
  /** unknown: the server may have done it. no: it has not. */
  readonly done: 'unknown' | 'no';

  constructor(done: 'unknown' | 'no', cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.done = done;
  }
}

/** Starts or reaches a server and shakes hands. Rejects with TOOL_FAILED. The SDK is loaded by the first one. */
export async function connectMcp(
  name: string,
  place: McpPlace,
  listener: McpListener,
  log: Logger,
): Promise<McpConnection> {
  const sdk = await loadSdk();
  const client = new sdk.Client({ name: 'linecard', version: '1' });
  client.onclose = () => listener.closed();
  client.onerror = (error) => log.debug({ err: error, tool: name }, 'MCP connection complained');
  client.setNotificationHandler(sdk.ToolListChangedNotificationSchema, () => listener.toolsChanged());
  try {
    await client.connect(openTransport(sdk, name, place, log), { timeout: CONNECT_TIME_LIMIT_MS });
  } catch (error) {
    await client.close();
    throw new LinecardError('TOOL_FAILED', `MCP server "${name}" cannot be reached: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return new SdkConnection(client, sdk);
}

type Sdk = Awaited<ReturnType<typeof loadSdk>>;

/** 6 MB that only those pay for who use it. */
async function loadSdk() {
  const [{ Client }, { StdioClientTransport }, { StreamableHTTPClientTransport, StreamableHTTPError }, types] =
    await Promise.all([
      import('@modelcontextprotocol/sdk/client/index.js'),
      import('@modelcontextprotocol/sdk/client/stdio.js'),
      import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
      import('@modelcontextprotocol/sdk/types.js'),
    ]);
  const { CallToolResultSchema, ListToolsResultSchema, ToolListChangedNotificationSchema, ErrorCode, McpError } = types;
  return {
    Client,
    StdioClientTransport,
    StreamableHTTPClientTransport,
    StreamableHTTPError,
    CallToolResultSchema,
    ListToolsResultSchema,
    ToolListChangedNotificationSchema,
    ErrorCode,
    McpError,
  };
}

function openTransport(sdk: Sdk, name: string, place: McpPlace, log: Logger): Transport {
  if (place.kind === 'http') {
    const { url, headers } = place;
    return new sdk.StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { ...headers } },
      fetch: boundedFetch,
    });
  }
  const { command, args, env } = place;
  const transport = new sdk.StdioClientTransport({
    command,
    args: [...args],
    env: { ...env },
    stderr: 'pipe',
    maxBufferSize: MAX_MESSAGE_BYTES,
  });
  let tail = '';
  transport.stderr?.on('data', (chunk: Buffer) => {
    tail = (tail + chunk.toString('utf8')).slice(-MAX_STDERR_CHARACTERS);
  });
  transport.stderr?.on('end', () => {
    if (tail !== '') log.info({ tool: name, pii: { stderr: tail } }, 'MCP server said at its end');
  });
  return transport;
}

/** An answer that does not end would fill our memory. */
async function boundedFetch(url: string | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (init?.method !== 'POST' || response.body === null) return response;
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > MAX_MESSAGE_BYTES)
        controller.error(new Error(`the answer is longer than ${MAX_MESSAGE_BYTES} bytes`));
      else controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(counter), { status, statusText, headers });
}

class SdkConnection implements McpConnection {
  readonly #client: Client;
  readonly #sdk: Sdk;

  constructor(client: Client, sdk: Sdk) {
    this.#client = client;
    this.#sdk = sdk;
  }

  async listTools(): Promise<readonly McpToolInfo[]> {
    const tools: McpToolInfo[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES && tools.length < MAX_TOOLS; page++) {
      const request = { method: 'tools/list' as const, params: cursor === undefined ? {} : { cursor } };
      const list = await this.#client.request(request, this.#sdk.ListToolsResultSchema, {
        timeout: CONNECT_TIME_LIMIT_MS,
      });
      for (const { name, description = '', inputSchema } of list.tools) tools.push({ name, description, inputSchema });
      cursor = list.nextCursor;
      if (cursor === undefined) break;
    }
    return tools.slice(0, MAX_TOOLS);
  }

  async call(tool: string, input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<McpAnswer> {
    const request = { method: 'tools/call' as const, params: { name: tool, arguments: { ...input } } };
    const options = { signal, timeout: NO_TIME_LIMIT_MS };
    try {
      const result = await this.#client.request(request, this.#sdk.CallToolResultSchema, options);
      const parts = result.content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`));
      return { ok: result.isError !== true, parts, structured: result.structuredContent ?? null };
    } catch (error) {
      if (signal.aborted) throw signal.reason as Error;
      throw this.#classified(error);
    }
  }

  async ping(): Promise<void> {
    await this.#client.ping({ timeout: PING_TIME_LIMIT_MS });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #classified(error: unknown): Error {
    const { ErrorCode, McpError, StreamableHTTPError } = this.#sdk;
    if (error instanceof McpError && error.code !== (ErrorCode.ConnectionClosed as number)) {
      // The SDK puts its own words before the server's.
      return new McpRefusal(error.message.replace(/^MCP error -?\d+: /, ''));
    }
    // A server that was started anew does not know our session, and has not looked at what was asked.
    const unknownSession = error instanceof StreamableHTTPError && error.code === 404;
    return new McpLost(unknownSession ? 'no' : 'unknown', error);
  }
}

/** Never a URL: its query may hold a key. */
function messageOf(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code === 'string') return code;
  const cause = error instanceof Error ? (error.cause as { readonly code?: unknown } | undefined) : undefined;
  if (typeof cause?.code === 'string') return cause.code;
  return String(message)
    .replaceAll(/https?:\/\/\S+/g, '(its URL)')
    .slice(0, 200);
}
