import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AiSdkModelOptions } from '../../../../src/agent/providers/pipeline/ai-sdk-model.js';
import { AiSdkModel } from '../../../../src/agent/providers/pipeline/ai-sdk-model.js';
import type { DialogMessage, ModelPart, ModelToolCall } from '../../../../src/agent/providers/pipeline/port.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { FakeHttpServer } from '../../../support/fake-http-server.js';

/** What a vendor streams for "Let me see." and a call of the tool `hours`, by its published protocol. */
type Vendor = {
  readonly provider: AiSdkModelOptions['provider'];
  readonly path: string;
  readonly keyHeader: string;
  readonly events: readonly unknown[];
  /** Where the tool's result must be in the second request. */
  readonly resultIn: (body: string) => unknown;
};

const VENDORS: readonly Vendor[] = [
  {
    // Anthropic, "Streaming Messages", API version 2023-06-01.
    provider: 'anthropic',
    path: '/v1/messages',
    keyHeader: 'x-api-key',
    events: [
      {
        type: 'message_start',
        message: {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model: 'm',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 20, output_tokens: 1 },
        },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Let me ' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'see.' } },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'content_block_start',
        index: 1,
        content_block: { type: 'tool_use', id: 'tu_1', name: 'hours', input: {} },
      },
      { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"day":' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '"mon"}' } },
      { type: 'content_block_stop', index: 1 },
      { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 9 } },
      { type: 'message_stop' },
    ],
    resultIn: (body) => (JSON.parse(body) as { messages: { content: unknown[] }[] }).messages.at(-1)?.content[0],
  },
  {
    // Gemini API, `models.streamGenerateContent` with `alt=sse`.
    provider: 'google',
    path: '/v1/models/m:streamGenerateContent?alt=sse',
    keyHeader: 'x-goog-api-key',
    events: [
      { candidates: [{ content: { role: 'model', parts: [{ text: 'Let me ' }] } }] },
      { candidates: [{ content: { role: 'model', parts: [{ text: 'see.' }] } }] },
      {
        candidates: [
          {
            content: {
              role: 'model',
              parts: [{ functionCall: { name: 'hours', args: { day: 'mon' } }, thoughtSignature: 'c2lnbmVk' }],
            },
            finishReason: 'STOP',
          },
        ],
        usageMetadata: { promptTokenCount: 20, candidatesTokenCount: 9, totalTokenCount: 29 },
      },
    ],
    resultIn: (body) => (JSON.parse(body) as { contents: { parts: unknown[] }[] }).contents.at(-1)?.parts[0],
  },
  {
    // OpenAI, "Chat Completions", streaming.
    provider: 'openai',
    path: '/v1/chat/completions',
    keyHeader: 'authorization',
    events: [
      chunk({ role: 'assistant', content: 'Let me ' }),
      chunk({ content: 'see.' }),
      chunk({ tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'hours', arguments: '' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"day":"mon"}' } }] }),
      chunk({}, 'tool_calls'),
      { ...chunk({}), choices: [], usage: { prompt_tokens: 20, completion_tokens: 9, total_tokens: 29 } },
    ],
    resultIn: (body) => (JSON.parse(body) as { messages: unknown[] }).messages.at(-1),
  },
];

let server: FakeHttpServer;

beforeEach(async () => {
  server = new FakeHttpServer((_, response) => response.writeHead(500).end());
  await server.start();
});

afterEach(() => server.stop());

describe.each(VENDORS)('a model of $provider', ({ provider, path, keyHeader, events, resultIn }) => {
  it('speaks, calls a tool, and is given its result with all that belongs to the call', async () => {
    server.answer = (_, response) => stream(response, events);
    const model = await open(provider);
    const parts = await answer(model, [{ who: 'caller', text: 'Are you open?' }]);
    expect(parts.flatMap((part) => (part.kind === 'text' ? [part.text] : [])).join('')).toBe('Let me see.');
    const calls = parts.flatMap((part) => (part.kind === 'toolCall' ? [part.call] : []));
    expect(calls).toHaveLength(1);
    const call = calls[0] as ModelToolCall;
    expect([call.name, JSON.parse(call.input)]).toEqual(['hours', { day: 'mon' }]);
    expect(parts.at(-1)).toEqual({ kind: 'usage', inputTokens: 20, outputTokens: 9 });
    expect(server.requests[0]?.url).toBe(path);
    expect(server.requests[0]?.headers[keyHeader]).toContain('sk-test');
    expect(server.requests[0]?.body.toString()).toContain('You are Clara.');

    await answer(model, [
      { who: 'caller', text: 'Are you open?' },
      { who: 'agent', text: 'Let me see.', calls },
      { who: 'tools', results: [{ call, result: { ok: true, value: { open: 'always' } } }] },
    ]);
    const body = server.requests[1]?.body.toString() ?? '';
    expect(JSON.stringify(resultIn(body))).toContain('always');
    expect(body).toContain('Let me see.');
    if (provider === 'google') expect(body).toContain('c2lnbmVk');
  });

  it.each([
    [401, 'AGENT_UNAVAILABLE'],
    [429, 'AGENT_UNAVAILABLE'],
    [529, 'AGENT_FAILED'],
  ])('that answers %i fails with %s, and the key is not told', async (status, code) => {
    server.answer = (_, response) =>
      response.writeHead(status, { 'Content-Type': 'application/json' }).end('{"error":{"message":"no"}}');
    const failure = await answer(await open(provider), [{ who: 'caller', text: 'Hi' }]).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code });
    expect(String(failure)).toContain(`the model answered ${status}`);
    expect(String(failure)).not.toContain('sk-test');
  });
});

async function open(provider: AiSdkModelOptions['provider']): Promise<AiSdkModel> {
  const baseUrl = `http://${server.host}/v1`;
  const rest = { model: 'm', temperature: null, maxOutputTokens: 100, clock: new FakeClock() };
  const model = new AiSdkModel({ provider, baseUrl, apiKey: 'sk-test', ...rest });
  await model.prepare();
  return model;
}

async function answer(model: AiSdkModel, messages: readonly DialogMessage[]): Promise<ModelPart[]> {
  const inputSchema = { type: 'object', properties: { day: { type: 'string' } } };
  const tools = [{ name: 'hours', description: 'Tells the hours.', inputSchema }];
  const parts: ModelPart[] = [];
  const { signal } = new AbortController();
  for await (const part of model.answer({ instructions: 'You are Clara.', messages, tools, signal })) parts.push(part);
  return parts;
}

function stream(response: ServerResponse, events: readonly unknown[]): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  for (const event of events) {
    const { type } = event as { readonly type?: string };
    response.write(`${type === undefined ? '' : `event: ${type}\n`}data: ${JSON.stringify(event)}\n\n`);
  }
  response.end();
}

function chunk(delta: object, finishReason: string | null = null) {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  return { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices };
}
