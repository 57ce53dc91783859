import type { Floor, ThreadService, Tool } from './agent/port.js';
import { callBackTool } from './agent/tools/call-back.js';
import { collectDigitsTool } from './agent/tools/collect-digits.js';
import { handoverTool } from './agent/tools/handover.js';
import { hangUpTool } from './agent/tools/hang-up.js';
import { holdTool } from './agent/tools/hold.js';
import { hoursTool } from './agent/tools/hours.js';
import { AddressRules } from './agent/tools/http/addresses.js';
import { httpTool } from './agent/tools/http/http-tool.js';
import { HttpSender } from './agent/tools/http/request.js';
import type { McpPlace } from './agent/tools/mcp/connection.js';
import { connectMcp } from './agent/tools/mcp/connection.js';
import { McpServer } from './agent/tools/mcp/server.js';
import { noteTool } from './agent/tools/note.js';
import { sendDigitsTool } from './agent/tools/send-digits.js';
import { takeMessageTool } from './agent/tools/take-message.js';
import { transferTool } from './agent/tools/transfer.js';
import type { MediaConfig } from './compose-media.js';
import type { AgentConfig, HttpToolConfig, McpToolConfig, ToolName } from './config/index.js';
import { assertNever } from './core/assert-never.js';
import type { Clock } from './core/clock.js';
import type { Logger } from './core/logger.js';

/** The tools of a media thread: those that every agent may have, the admin's requests, and those of servers. */
export class Toolbox {
  readonly #config: MediaConfig;
  readonly #requests = new Map<string, Tool>();
  readonly #servers = new Map<string, McpServer>();

  constructor(config: MediaConfig, { clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#config = config;
    const wanted = new Set(Object.values(config.agents).flatMap(({ tools }) => tools));
    for (const [name, tool] of Object.entries(config.tools)) {
      if (tool.kind === 'http') this.#requests.set(name, openRequest(name, tool));
      // A server that no agent uses is not started.
      else if (wanted.has(name)) this.#servers.set(name, openServer(name, tool, clock, log));
    }
  }

  /** What has to be started and ended with the thread. */
  get services(): readonly ThreadService[] {
    return [...this.#servers.values()];
  }

  /** The tools of one agent in one call, as they are now: servers may change theirs. */
  toolsOf(agent: AgentConfig, floor: Floor): readonly Tool[] {
    const handover = agent.handover.length === 0 ? [] : [handoverTool(agent.handover, floor)];
    const listed = agent.tools.flatMap((name) => {
      const server = this.#servers.get(name);
      if (server !== undefined) return server.tools;
      return [this.#requests.get(name) ?? openTool(name as ToolName, this.#config, floor)];
    });
    return [...listed, ...handover];
  }
}

function openTool(name: ToolName, config: MediaConfig, floor: Floor): Tool {
  switch (name) {
    case 'transfer':
      return transferTool(new Map(Object.entries(config.destinations)));
    case 'take_message':
      return takeMessageTool;
    case 'hours':
      return hoursTool;
    case 'hangup':
      return hangUpTool(floor);
    case 'hold':
      return holdTool(floor);
    case 'send_digits':
      return sendDigitsTool;
    case 'collect_digits':
      return collectDigitsTool(floor);
    case 'call_back':
      return callBackTool;
    case 'note':
      return noteTool;
    default:
      return assertNever(name);
  }
}

/** Shared by all calls of the thread. */
function openRequest(name: string, config: HttpToolConfig): Tool {
  const { description, input, method, url, headers, body = null, timeLimitMs, allowNetworks } = config;
  const sender = new HttpSender(new AddressRules(allowNetworks));
  // A name that is not known is a mistake of the model's, and it should learn so.
  const inputSchema = { additionalProperties: false, ...input };
  return httpTool({ name, description, inputSchema, method, url, headers, body, timeLimitMs, sender });
}

function openServer(name: string, config: McpToolConfig, clock: Clock, log: Logger): McpServer {
  const { command, args, env, url = '', headers, allow = null, deny, timeLimitMs } = config;
  const place: McpPlace =
    command === undefined ? { kind: 'http', url, headers } : { kind: 'stdio', command, args, env };
  const connect: ConstructorParameters<typeof McpServer>[0]['connect'] = (listener) =>
    connectMcp(name, place, listener, log);
  return new McpServer({ name, connect, allow, deny, timeLimitMs, clock, log });
}
