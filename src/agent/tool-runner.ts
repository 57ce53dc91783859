import type { ToolUse } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { CallSecrets } from './call-secrets.js';
import type { AgentCall, CallControl, Tool, ToolDescription, ToolResult, ToolRunner } from './port.js';

/** A model that calls tools in a circle is stopped; people ask for a handful. */
const MAX_RUNNING = 8;
/** Larger results crowd the conversation out of a model's memory. */
const MAX_RESULT_CHARACTERS = 16_000;

/** What the history keeps of an input and of a result. */
const SHOWN_CHARACTERS = 500;

export type CallToolsOptions = {
  readonly tools: readonly Tool[];
  readonly call: AgentCall;
  readonly control: CallControl;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the call, which may go to another agent; absent: nothing is secret. */
  readonly secrets?: CallSecrets;
  readonly onCalled: (use: ToolUse) => void;
};

/** The tools of one call: every run ends, within its time limit, with a result or a sentence. */
export class CallTools implements ToolRunner {
  readonly #options: CallToolsOptions;
  readonly #running = new Set<AbortController>();
  #state: 'open' | 'closed' = 'open';

  constructor(options: CallToolsOptions) {
    this.#options = options;
  }

  get descriptions(): readonly ToolDescription[] {
    return this.#options.tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  }

  get running(): boolean {
    return this.#running.size > 0;
  }

  async run(name: string, input: unknown): Promise<ToolResult> {
    const { tools, clock, log, secrets = new CallSecrets(), onCalled } = this.#options;
    const tool = tools.find((candidate) => candidate.name === name);
    if (tool === undefined) {
      return {
        ok: false,
        message: `there is no tool "${name}"; allowed: ${tools.map((known) => known.name).join(', ')}`,
      };
    }
    if (this.#state === 'closed') return { ok: false, message: 'the call has ended' };
    if (this.#running.size >= MAX_RUNNING) return { ok: false, message: 'too many tools are running' };
    const startedAtMs = clock.nowMs();
    const result = secrets.hideIn(
      await this.#runWithin(tool, tool.secrets === 'resolved' ? secrets.resolve(input) : input),
    );
    const tookMs = Math.round(clock.nowMs() - startedAtMs);
    if (this.#isClosed()) return result; // nobody waits for it any more
    if (!result.ok) log.warn({ tool: name, reason: result.message, tookMs }, 'tool failed');
    const said = result.ok ? result.value : result.message;
    onCalled({ tool: name, ok: result.ok, tookMs, input: shown(input), result: shown(said) });
    return result;
  }

  /** Aborts what is running. Idempotent. */
  close(): void {
    this.#state = 'closed';
    for (const controller of this.#running) controller.abort(new LinecardError('CHANNEL_GONE', 'the call has ended'));
  }

  async #runWithin(tool: Tool, input: unknown): Promise<ToolResult> {
    const { call, control, clock, log } = this.#options;
    const controller = new AbortController();
    this.#running.add(controller);
    const alarm = clock.setAlarm(tool.timeLimitMs, () => {
      controller.abort(new LinecardError('TOOL_TIMEOUT', `${tool.name} took longer than ${tool.timeLimitMs} ms`));
    });
    const aborted = new Promise<never>((_resolve, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason as Error), { once: true });
    });
    try {
      const value = await Promise.race([tool.run(input, { call, control, signal: controller.signal, log }), aborted]);
      const size = JSON.stringify(value ?? null).length;
      if (size > MAX_RESULT_CHARACTERS) {
        return { ok: false, message: `the answer of ${tool.name} is too long (${size} characters)` };
      }
      return { ok: true, value };
    } catch (error) {
      // What a tool says on purpose may be spoken; a foreign error may hold addresses and secrets.
      if (error instanceof LinecardError) return { ok: false, message: error.message };
      log.error({ err: error, tool: tool.name }, 'tool threw');
      return { ok: false, message: `${tool.name} did not work` };
    } finally {
      alarm.cancel();
      this.#running.delete(controller);
    }
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

/** JSON for the history; a recording is no text. */
function shown(value: unknown): string {
  const text = JSON.stringify(value ?? null, (_, item: unknown) => (ArrayBuffer.isView(item) ? '(sound)' : item));
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
