import type { ServerResponse } from 'node:http';
import type { ChatCompletionChunk, ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import { z } from 'zod';
import type { FakeRequest } from './fake-http-server.js';
import { FakeHttpServer, json } from './fake-http-server.js';

const toolCall = z.strictObject({
  id: z.string(),
  type: z.literal('function'),
  function: z.strictObject({ name: z.string(), arguments: z.string() }),
});

/** What a client of ours may send to `/chat/completions`. */
const chatRequest = z.strictObject({
  model: z.literal('llm-test'),
  stream: z.literal(true),
  stream_options: z.strictObject({ include_usage: z.literal(true) }),
  max_tokens: z.number().int(),
  temperature: z.number().exactOptional(),
  messages: z.array(
    z.discriminatedUnion('role', [
      z.strictObject({ role: z.literal('system'), content: z.string() }),
      z.strictObject({ role: z.literal('user'), content: z.string() }),
      z.strictObject({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        tool_calls: z.array(toolCall).exactOptional(),
      }),
      z.strictObject({ role: z.literal('tool'), tool_call_id: z.string(), content: z.string() }),
    ]),
  ),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function'),
        function: z.strictObject({
          name: z.string(),
          description: z.string(),
          parameters: z.record(z.string(), z.unknown()),
        }),
      }),
    )
    .exactOptional(),
}) satisfies z.ZodType<ChatCompletionCreateParamsStreaming>;

const speechRequest = z.strictObject({
  model: z.literal('tts-test'),
  voice: z.literal('nova'),
  input: z.string().min(1),
  response_format: z.literal('pcm'),
});

export type ChatRequest = z.output<typeof chatRequest>;

/** Nothing (more) comes. */
export const HANG = Symbol('hang');
/** The line breaks. */
export const CUT = Symbol('cut');
/** It breaks in the middle. */
export const HALF = Symbol('half');

/** A piece of what the model answers. */
export type Piece =
  | string
  | { readonly tool: string; readonly input: string }
  | { readonly status: number; readonly message: string }
  | typeof HANG
  | typeof CUT;

/** Milliseconds of audio that the voice makes of a character. */
export const MS_PER_CHARACTER = 20;

/**
 * A server with the parts of OpenAI's API that an agent made of parts needs: it understands what the test says was said, answers what the
 * test says, and speaks at a rate a test can count. Checks what it is sent.
 */
export class FakeOpenAiParts {
  readonly server = new FakeHttpServer((request, response) => {
    void this.#serve(request, response);
  });
  readonly mistakes: string[] = [];
  /** What is understood of the utterances to come; a number is a failure with that status. */
  readonly transcripts: (string | number | typeof HANG)[] = [];
  /** Milliseconds of each utterance that came. */
  readonly utterancesMs: number[] = [];
  readonly answers: Piece[][] = [];
  readonly chats: ChatRequest[] = [];
  readonly spoken: string[] = [];
  /** Failures of the voice to come. */
  readonly voiceFailures: (number | typeof HANG | typeof HALF)[] = [];
  /** A status that every request is answered with; null: each on its merits. */
  refusesWith: number | null = null;
  /** What it says sounds like; null: one level. */
  toneHz: number | null = null;
  /** Delays, for benchmarks. */
  readonly delaysMs = { stt: 0, llm: 0, tts: 0 };

  get baseUrl(): string {
    return `http://${this.server.host}/v1`;
  }

  /** The messages of the last request, as `role: text` lines. */
  get lastDialog(): string[] {
    return (this.chats.at(-1)?.messages ?? []).map((message) => {
      const calls = 'tool_calls' in message ? (message.tool_calls ?? []).map((call) => call.function.name) : [];
      return [`${message.role}: ${message.content ?? ''}`, ...calls].join(' +');
    });
  }

  async #serve(request: FakeRequest, response: ServerResponse): Promise<void> {
    if (request.headers.authorization !== 'Bearer sk-test') this.mistakes.push(`authorization of ${request.url}`);
    if (this.refusesWith !== null) {
      json(response, { error: { message: 'not today' } }, this.refusesWith);
      return;
    }
    switch (request.url) {
      case '/v1/audio/transcriptions':
        await this.#transcribe(request, response);
        break;
      case '/v1/chat/completions':
        await this.#chat(request, response);
        break;
      case '/v1/audio/speech':
        await this.#speak(request, response);
        break;
      default:
        this.mistakes.push(`path ${request.url}`);
        response.writeHead(404).end();
    }
  }

  async #transcribe(request: FakeRequest, response: ServerResponse): Promise<void> {
    const text = request.body.toString('latin1');
    const boundary = /boundary=(\S+)/.exec(request.headers['content-type'] ?? '')?.[1] ?? 'none';
    // RFC 7578: each part has its headers, an empty line and its content.
    const parts = new Map(
      text.split(`--${boundary}`).flatMap((part): [string, string][] => {
        const at = part.indexOf('\r\n\r\n');
        const name = / name="(\w+)"/.exec(part.slice(0, at))?.[1];
        return name === undefined ? [] : [[name, part.slice(at + 4, -2)]];
      }),
    );
    const wav = Buffer.from(parts.get('file') ?? '', 'latin1');
    if (parts.get('model') !== 'stt-test') this.mistakes.push('model of a transcription');
    if (wav.toString('ascii', 0, 4) !== 'RIFF' || wav.readUInt32LE(24) !== 16_000)
      this.mistakes.push('no WAV at 16 kHz');
    if (wav.readUInt32LE(40) !== wav.length - 44) this.mistakes.push('length of a WAV');
    this.utterancesMs.push((wav.length - 44) / 32);
    const transcript = this.transcripts.shift() ?? '';
    if (transcript === HANG) return;
    await pause(this.delaysMs.stt);
    if (typeof transcript === 'number') json(response, { error: { message: 'not today' } }, transcript);
    else json(response, { text: ` ${transcript}\n` });
  }

  async #chat(request: FakeRequest, response: ServerResponse): Promise<void> {
    const result = chatRequest.safeParse(JSON.parse(request.body.toString()));
    if (!result.success) {
      this.mistakes.push(z.prettifyError(result.error));
      response.writeHead(400).end();
      return;
    }
    this.chats.push(result.data);
    const pieces = this.answers.shift() ?? ['Very well.'];
    await pause(this.delaysMs.llm);
    const write = (chunk: Partial<ChatCompletionChunk>): void => {
      const whole = { id: 'chat', object: 'chat.completion.chunk', created: 1, model: 'llm-test', ...chunk };
      response.write(`data: ${JSON.stringify(whole)}\n\n`);
    };
    for (const [index, piece] of pieces.entries()) {
      if (typeof piece === 'object' && 'status' in piece) {
        json(response, { error: { message: piece.message } }, piece.status);
        return;
      }
      if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      if (piece === HANG) return;
      if (piece === CUT) {
        response.destroy();
        return;
      }
      const delta: ChatCompletionChunk.Choice.Delta =
        typeof piece === 'string'
          ? { role: 'assistant', content: piece }
          : {
              tool_calls: [
                {
                  index,
                  id: `call_${index}`,
                  type: 'function',
                  function: { name: piece.tool, arguments: piece.input },
                },
              ],
            };
      write({ choices: [{ index: 0, delta, finish_reason: null, logprobs: null }] });
      await pause(0);
    }
    write({ choices: [{ index: 0, delta: {}, finish_reason: 'stop', logprobs: null }] });
    write({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } });
    response.end('data: [DONE]\n\n');
  }

  async #speak(request: FakeRequest, response: ServerResponse): Promise<void> {
    const result = speechRequest.safeParse(JSON.parse(request.body.toString()));
    if (!result.success) {
      this.mistakes.push(z.prettifyError(result.error));
      response.writeHead(400).end();
      return;
    }
    const { input } = result.data;
    const failure = this.voiceFailures.shift();
    if (failure === HANG) return;
    if (typeof failure === 'number') {
      json(response, { error: { message: 'no voice' } }, failure);
      return;
    }
    this.spoken.push(input);
    await pause(this.delaysMs.tts);
    const bytes = Buffer.alloc(input.length * MS_PER_CHARACTER * 48);
    const { toneHz } = this;
    for (let at = 0; at < bytes.length; at += 2) {
      const wave = toneHz === null ? 1 : Math.sin((2 * Math.PI * toneHz * at) / 48_000);
      bytes.writeInt16LE(Math.round(6000 * wave), at);
    }
    response.writeHead(200, { 'Content-Type': 'audio/pcm' });
    // An odd number: samples are cut in two.
    for (let at = 0; at < bytes.length; at += 4801) {
      if (failure === HALF && at > bytes.length / 2) {
        response.destroy();
        return;
      }
      response.write(bytes.subarray(at, at + 4801));
      await pause(0);
    }
    response.end();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}
