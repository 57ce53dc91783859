import type { CallRecord } from '../core/calls.js';
import type { Instance } from './instance.js';
import { CommandFailure } from './terminal.js';

/** Longer than any request takes; a stream of events has no limit. */
const REQUEST_LIMIT_MS = 15_000;

/** A call as the API gives it. */
export type ApiCall = Omit<CallRecord, 'turns'> & {
  readonly turns: readonly { readonly who: string; readonly text: string; readonly at: string }[];
};

/** An event of a call as the API gives it. */
export type ApiEvent = { readonly kind: string; readonly at: string; readonly [field: string]: unknown };

/** The HTTP API of a running Linecard, with its problems as CommandFailure. */
export class ApiClient {
  readonly #instance: Instance;

  constructor(instance: Instance) {
    this.#instance = instance;
  }

  async calls(): Promise<readonly ApiCall[]> {
    const { calls } = (await this.#json('GET', '/v1/calls')) as { readonly calls: readonly ApiCall[] };
    return calls;
  }

  async call(id: string): Promise<ApiCall> {
    return (await this.#json('GET', `/v1/calls/${encodeURIComponent(id)}`)) as ApiCall;
  }

  async command(id: string, name: string, body?: Readonly<Record<string, unknown>>): Promise<ApiCall> {
    return (await this.#json('POST', `/v1/calls/${encodeURIComponent(id)}/${name}`, body)) as ApiCall;
  }

  /** The call as it happens, from its beginning to its end. */
  async *events(id: string): AsyncGenerator<ApiEvent> {
    const response = await this.#request('GET', `/v1/calls/${encodeURIComponent(id)}/events`, {});
    if (response.body === null) return;
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const data = part.split('\n').find((line) => line.startsWith('data: '));
        if (data !== undefined) yield JSON.parse(data.slice('data: '.length)) as ApiEvent;
      }
    }
  }

  async #json(method: string, path: string, body?: Readonly<Record<string, unknown>>): Promise<unknown> {
    const response = await this.#request(method, path, {
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    return response.json();
  }

  async #request(method: string, path: string, init: RequestInit): Promise<Response> {
    const { url, token } = this.#instance;
    const headers = { ...(init.headers as Record<string, string> | undefined), Authorization: `Bearer ${token}` };
    const response = await fetch(new URL(path, url), { ...init, method, headers }).catch((error: unknown) => {
      throw new CommandFailure(`no Linecard answers at ${url}: is it running? (${reasonOf(error)})`, { cause: error });
    });
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as { readonly detail?: unknown };
    const detail = typeof problem.detail === 'string' ? problem.detail : `${url} answered ${response.status}`;
    throw new CommandFailure(detail);
  }
}

/** fetch hides the reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
