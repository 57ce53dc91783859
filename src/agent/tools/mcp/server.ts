import type { Alarm, Clock } from '../../../core/clock.js';
import { LinecardError, toLinecardError } from '../../../core/errors.js';
import type { Logger } from '../../../core/logger.js';
import type { ThreadService, Tool } from '../../port.js';
import type { McpAnswer, McpConnection, McpListener, McpToolInfo } from './connection.js';
import { McpLost, McpRefusal } from './connection.js';

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
/** One that dies sooner is not started again at once. */
const GOOD_LIFE_MS = 30_000;
/** Longer answers crowd the conversation out of a model's memory. */
const MAX_ANSWER_CHARACTERS = 8000;
const MAX_COMPLAINT_CHARACTERS = 300;
const MAX_DESCRIPTION_CHARACTERS = 1000;
const MAX_SCHEMA_CHARACTERS = 16_000;
/** What models' providers take for the name of a tool. */
const MAX_NAME_CHARACTERS = 64;

export type McpServerOptions = {
  /** Of the configuration; its tools are called `<name>_<tool>`. */
  readonly name: string;
  readonly connect: (listener: McpListener) => Promise<McpConnection>;
  /** Null: all of the server's. */
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
  readonly timeLimitMs: number;
  readonly clock: Clock;
  readonly log: Logger;
};

/**
 * A server of tools, one connection for all calls of the thread. One that dies or hangs is connected again, with longer and longer pauses; what is
 * asked for meanwhile waits within its tool's time limit. The tools it had are offered all the while.
 */
export class McpServer implements ThreadService {
  readonly #options: McpServerOptions;
  #connection: McpConnection | null = null;
  #connectedAtMs = 0;
  #tools: readonly Tool[] = [];
  #problem: string | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #alarm: Alarm | null = null;
  readonly #waiting = new Set<(connection: McpConnection) => void>();
  #state: 'open' | 'closed' = 'open';

  constructor(options: McpServerOptions) {
    this.#options = options;
  }

  /** As the server described them last; empty until it was reached. */
  get tools(): readonly Tool[] {
    return this.#tools;
  }

  /** The first attempt; a server that is away now may be there when somebody calls. Never rejects. */
  async prepare(): Promise<void> {
    await this.#connect();
  }

  limitations(): readonly string[] {
    return this.#problem === null ? [] : [`tools of "${this.#options.name}" are not there: ${this.#problem}`];
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#alarm?.cancel();
    await this.#connection?.close();
  }

  async #connect(): Promise<void> {
    const { connect, clock, log, name } = this.#options;
    let connection: McpConnection | null = null;
    // Between the two an end may be told of before the beginning has been.
    let ended = false;
    const hasEnded = (): boolean => ended;
    try {
      const opened = await connect({
        closed: () => {
          ended = true;
          if (connection !== null) this.#lost(connection);
        },
        toolsChanged: () => {
          if (connection !== null) void this.#refresh(connection);
        },
      });
      connection = opened;
      this.#tools = this.#made(await opened.listTools());
      if (hasEnded()) throw new LinecardError('TOOL_FAILED', 'it ended at once');
      if (this.#isClosed()) {
        await opened.close();
        return;
      }
      this.#problem = null;
      this.#connection = opened;
      this.#connectedAtMs = clock.nowMs();
      log.info({ tool: name, tools: this.#tools.map((tool) => tool.name) }, 'MCP server connected');
      for (const go of this.#waiting) go(opened);
      this.#waiting.clear();
    } catch (error) {
      this.#problem = toLinecardError(error, 'TOOL_FAILED').message;
      log.warn({ err: error, tool: name, againInMs: this.#pauseMs }, 'MCP server cannot be used');
      connection
        ?.close()
        .catch((thrown: unknown) => log.debug({ err: thrown, tool: name }, 'MCP server did not close'));
      this.#connectLater();
    }
  }

  #connectLater(): void {
    if (this.#isClosed()) return;
    this.#alarm?.cancel();
    this.#alarm = this.#options.clock.setAlarm(this.#pauseMs, () => void this.#connect());
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
  }

  /** Idempotent for one connection. */
  #lost(connection: McpConnection): void {
    if (this.#connection !== connection || this.#isClosed()) return;
    const { clock, log, name } = this.#options;
    this.#connection = null;
    this.#problem = 'the connection was lost';
    const livedMs = clock.nowMs() - this.#connectedAtMs;
    if (livedMs >= GOOD_LIFE_MS) this.#pauseMs = FIRST_PAUSE_MS;
    log.warn({ tool: name, livedMs: Math.round(livedMs) }, 'MCP server lost, connecting again');
    connection.close().catch((error: unknown) => log.debug({ err: error, tool: name }, 'MCP server did not close'));
    this.#connectLater();
  }

  async #refresh(connection: McpConnection): Promise<void> {
    const { log, name } = this.#options;
    try {
      this.#tools = this.#made(await connection.listTools());
      log.info({ tool: name, tools: this.#tools.map((tool) => tool.name) }, 'MCP server changed its tools');
    } catch (error) {
      log.warn({ err: error, tool: name }, 'MCP server does not tell its tools');
    }
  }

  #made(infos: readonly McpToolInfo[]): readonly Tool[] {
    const { name, allow, deny, log } = this.#options;
    const tools = new Map<string, Tool>();
    for (const info of infos) {
      if (deny.includes(info.name) || (allow !== null && !allow.includes(info.name))) continue;
      const full = `${name}_${info.name}`.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, MAX_NAME_CHARACTERS);
      if (tools.has(full) || JSON.stringify(info.inputSchema).length > MAX_SCHEMA_CHARACTERS) {
        log.warn(
          { tool: full },
          'tool of an MCP server left out: its name is taken, or its input is described at too great length',
        );
        continue;
      }
      tools.set(full, this.#tool(full, info));
    }
    for (const wanted of allow ?? []) {
      if (!infos.some((info) => info.name === wanted)) log.warn({ tool: name, wanted }, 'MCP server has no such tool');
    }
    return [...tools.values()];
  }

  #tool(name: string, info: McpToolInfo): Tool {
    const { timeLimitMs } = this.#options;
    return {
      name,
      description: info.description.slice(0, MAX_DESCRIPTION_CHARACTERS),
      inputSchema: info.inputSchema,
      timeLimitMs,
      secrets: 'resolved',
      run: async (input, { signal }) => {
        if (typeof input !== 'object' || input === null || Array.isArray(input)) {
          throw new LinecardError('TOOL_FAILED', 'the input must be an object');
        }
        return answerOf(name, await this.#call(info.name, input as Readonly<Record<string, unknown>>, signal));
      },
    };
  }

  /** Once more where the server has certainly not done it. */
  async #call(
    tool: string,
    input: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    attempt: 'first' | 'second' = 'first',
  ): Promise<McpAnswer> {
    const connection = this.#connection ?? (await this.#connected(signal));
    try {
      return await connection.call(tool, input, signal);
    } catch (error) {
      if (error instanceof McpRefusal) throw new LinecardError('TOOL_FAILED', complaint(tool, error.message));
      if (error instanceof McpLost) {
        this.#lost(connection);
        if (error.done === 'no' && attempt === 'first') return this.#call(tool, input, signal, 'second');
        throw new LinecardError('TOOL_FAILED', `${tool} did not work: its server is gone`, { cause: error });
      }
      if (signal.aborted) void this.#look(connection);
      throw error;
    }
  }

  /** A server that let a time limit pass: slow, or does it hang? */
  async #look(connection: McpConnection): Promise<void> {
    try {
      await connection.ping();
    } catch (error) {
      this.#options.log.warn({ err: error, tool: this.#options.name }, 'MCP server hangs');
      this.#lost(connection);
    }
  }

  #connected(signal: AbortSignal): Promise<McpConnection> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      const onAbort = (): void => {
        this.#waiting.delete(resolve);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

function answerOf(name: string, { ok, parts, structured }: McpAnswer): unknown {
  const text = parts.join('\n');
  if (!ok) throw new LinecardError('TOOL_FAILED', complaint(name, text));
  const value = text === '' ? structured : text;
  const length = typeof value === 'string' ? value.length : JSON.stringify(value).length;
  if (length <= MAX_ANSWER_CHARACTERS) return value;
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return { beginning: shown.slice(0, MAX_ANSWER_CHARACTERS), note: 'the answer is longer than this' };
}

function complaint(name: string, text: string): string {
  const said = text.trim().slice(0, MAX_COMPLAINT_CHARACTERS);
  return `${name} did not work${said === '' ? '' : `: ${said}`}`;
}
