import { z } from 'zod';
import { LinecardError } from '../../../core/errors.js';
import { fillTemplate, solePlaceholder } from '../../../core/template.js';
import type { AgentCall, Tool, ToolContext } from '../../port.js';
import { parseInput } from '../input.js';
import { ForbiddenAddress } from './addresses.js';
import type { HttpResponse, HttpSender } from './request.js';

/** Of an answer in words; longer ones crowd the conversation out of a model's memory. */
const MAX_ANSWER_CHARACTERS = 8000;
/** Of what a server says about its own failure. */
const MAX_COMPLAINT_CHARACTERS = 300;

export type HttpToolOptions = {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of an object. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for a value of the input and `{call.id}` and the like for the call's. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON whose texts may have placeholders; null: the input as it is, for methods that have a body. */
  readonly body: string | null;
  readonly timeLimitMs: number;
  readonly sender: HttpSender;
};

/** A request to a server of the admin's, as a tool. The model sees the answer, or a sentence; never the URL, a header or an address. */
export function httpTool(options: HttpToolOptions): Tool {
  const { name, description, inputSchema, timeLimitMs, sender, method, headers } = options;
  // The cast: zod names every form that a JSON Schema can have, the configuration only those it lets through.
  const schema = z.fromJSONSchema(inputSchema);
  return {
    name,
    description,
    inputSchema,
    timeLimitMs,
    secrets: 'resolved',
    async run(input, { call, signal, log }: ToolContext) {
      const values = new Values(parseInput(schema, input), call);
      const url = new URL(fillTemplate(options.url, (key) => values.inUrl(key)));
      const body = bodyOf(options, values);
      const filled = Object.entries(headers).map(([key, value]) => [
        key,
        fillTemplate(value, (k) => values.inHeader(k)),
      ]);
      const request = {
        method,
        url,
        headers: {
          Accept: 'application/json, text/*;q=0.9',
          'User-Agent': 'Linecard',
          ...(body === null
            ? {}
            : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }),
          ...(Object.fromEntries(filled) as Record<string, string>),
        },
        body,
        signal,
      };
      try {
        return answerOf(name, await sender.send(request));
      } catch (error) {
        if (error instanceof LinecardError) throw error;
        if (signal.aborted) throw signal.reason as Error;
        log.warn({ tool: name, err: error }, 'HTTP tool could not reach its server');
        const why =
          error instanceof ForbiddenAddress ? 'it must not be reached from here' : 'its server cannot be reached';
        throw new LinecardError('TOOL_FAILED', `${name} does not work: ${why}`, { cause: error });
      }
    },
  };
}

/** What placeholders stand for in one run. */
class Values {
  readonly #input: Readonly<Record<string, unknown>>;
  readonly #call: ReadonlyMap<string, string>;

  constructor(input: unknown, call: AgentCall) {
    this.#input = input as Readonly<Record<string, unknown>>;
    this.#call = new Map([
      ['call.id', call.callId],
      ['call.extension', call.extension ?? ''],
      ['caller.number', call.caller.number],
      ['caller.name', call.caller.name],
    ]);
  }

  get input(): Readonly<Record<string, unknown>> {
    return this.#input;
  }

  get(name: string): unknown {
    return this.#call.get(name) ?? (Object.hasOwn(this.#input, name) ? this.#input[name] : undefined);
  }

  text(name: string): string {
    const value = this.get(name);
    if (value === undefined || value === null) return '';
    return typeof value === 'string' ? value : JSON.stringify(value);
  }

  inUrl(name: string): string {
    const text = this.text(name);
    // A URL takes both for a way up its path, written plainly or encoded.
    if (text === '.' || text === '..') throw new LinecardError('TOOL_FAILED', `${name}: "${text}" is not allowed`);
    return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\uFFFD'));
  }

  inHeader(name: string): string {
    return this.text(name).replaceAll(/[^\x20-\x7e]/g, ' ');
  }
}

function bodyOf({ method, body }: HttpToolOptions, values: Values): string | null {
  if (body !== null) return JSON.stringify(fillBody(JSON.parse(body), values) ?? null);
  return method === 'GET' || method === 'DELETE' ? null : JSON.stringify(values.input);
}

/** A text that is one placeholder becomes its value, of whatever type; what was not given is left out. */
function fillBody(template: unknown, values: Values): unknown {
  if (typeof template === 'string') {
    const sole = solePlaceholder(template);
    return sole === null ? fillTemplate(template, (name) => values.text(name)) : values.get(sole);
  }
  if (Array.isArray(template)) return template.map((item: unknown) => fillBody(item, values));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([key, item]) => [key, fillBody(item, values)]));
}

function answerOf(name: string, { status, contentType, text, length }: HttpResponse): unknown {
  if (status < 200 || status > 299) {
    const said = text.trim().slice(0, MAX_COMPLAINT_CHARACTERS);
    throw new LinecardError('TOOL_FAILED', `${name} answered ${status}${said === '' ? '' : `: ${said}`}`);
  }
  if (length === 'whole' && text.length <= MAX_ANSWER_CHARACTERS && /[/+]json\b/.test(contentType)) {
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new LinecardError('TOOL_FAILED', `${name} gave an answer that is no valid JSON`, { cause: error });
    }
  }
  const cut = length === 'cut' || text.length > MAX_ANSWER_CHARACTERS;
  return cut ? { beginning: text.slice(0, MAX_ANSWER_CHARACTERS), note: 'the answer is longer than this' } : text;
}
