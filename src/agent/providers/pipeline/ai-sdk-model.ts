import type {
  LanguageModelV3,
  LanguageModelV3FunctionTool,
  LanguageModelV3Prompt,
  SharedV3ProviderOptions,
} from '@ai-sdk/provider';
import type { Clock } from '../../../core/clock.js';
import { LinecardError } from '../../../core/errors.js';
import type { ToolDescription } from '../../port.js';
import type { DialogMessage, LanguageModel, ModelPart, ModelRequest, ModelToolCall } from './port.js';
import { Patience, serverError, statusError } from './timed.js';

/** Between two pieces of an answer; the first included. */
const ANSWER_LIMIT_MS = 10_000;
const WHAT = 'the model';

export type AiSdkModelOptions = {
  readonly provider: 'openai-compatible' | 'openai' | 'anthropic' | 'google';
  /** Null: the provider's own. */
  readonly baseUrl: string | null;
  readonly apiKey: string | null;
  readonly model: string;
  readonly temperature: number | null;
  readonly maxOutputTokens: number;
  readonly clock: Clock;
};

/** A language model by the AI SDK's provider packages, which know each vendor's protocol. */
export class AiSdkModel implements LanguageModel {
  readonly #options: AiSdkModelOptions;
  #model: LanguageModelV3 | null = null;

  constructor(options: AiSdkModelOptions) {
    this.#options = options;
  }

  async prepare(): Promise<void> {
    this.#model ??= await load(this.#options);
  }

  async *answer({ instructions, messages, tools, signal }: ModelRequest): AsyncIterable<ModelPart> {
    if (this.#model === null) throw new LinecardError('INVARIANT', 'the model was not prepared');
    const { temperature, maxOutputTokens, clock } = this.#options;
    const patience = new Patience({ clock, limitMs: ANSWER_LIMIT_MS, what: WHAT, signal });
    try {
      const { stream } = await this.#model.doStream({
        prompt: promptOf(instructions, messages),
        ...(tools.length === 0 ? {} : { tools: tools.map(toolOf) }),
        maxOutputTokens,
        ...(temperature === null ? {} : { temperature }),
        abortSignal: patience.signal,
      });
      for await (const part of stream) {
        patience.renew();
        switch (part.type) {
          case 'text-delta':
            yield { kind: 'text', text: part.delta };
            break;
          case 'tool-call':
            yield {
              kind: 'toolCall',
              call: { id: part.toolCallId, name: part.toolName, input: part.input, hint: part.providerMetadata },
            };
            break;
          case 'finish': {
            const { inputTokens, outputTokens } = part.usage;
            yield { kind: 'usage', inputTokens: inputTokens.total ?? 0, outputTokens: outputTokens.total ?? 0 };
            break;
          }
          case 'error':
            throw part.error;
          default:
            break;
        }
      }
    } catch (error) {
      throw modelError(patience.signal.aborted ? patience.signal.reason : error);
    } finally {
      patience.end();
    }
  }
}

/** Loaded at the start and only what is used: together they are megabytes. */
async function load(options: AiSdkModelOptions): Promise<LanguageModelV3> {
  const { provider, model } = options;
  const apiKey = options.apiKey ?? '';
  const baseURL = options.baseUrl === null ? {} : { baseURL: options.baseUrl };
  switch (provider) {
    case 'openai':
      return (await import('@ai-sdk/openai')).createOpenAI({ apiKey, ...baseURL }).chat(model);
    case 'anthropic':
      return (await import('@ai-sdk/anthropic')).createAnthropic({ apiKey, ...baseURL })(model);
    case 'google':
      return (await import('@ai-sdk/google')).createGoogleGenerativeAI({ apiKey, ...baseURL })(model);
    case 'openai-compatible': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
      const key = options.apiKey === null ? {} : { apiKey };
      return createOpenAICompatible({ name: 'llm', baseURL: options.baseUrl ?? '', includeUsage: true, ...key })(model);
    }
  }
}

function toolOf({ name, description, inputSchema }: ToolDescription): LanguageModelV3FunctionTool {
  return { type: 'function', name, description, inputSchema: inputSchema };
}

function promptOf(instructions: string, messages: readonly DialogMessage[]): LanguageModelV3Prompt {
  const prompt: LanguageModelV3Prompt = instructions === '' ? [] : [{ role: 'system', content: instructions }];
  for (const message of messages) {
    switch (message.who) {
      case 'caller':
        prompt.push({ role: 'user', content: [{ type: 'text', text: message.text }] });
        break;
      case 'agent':
        prompt.push({
          role: 'assistant',
          content: [
            ...(message.text === '' ? [] : [{ type: 'text' as const, text: message.text }]),
            ...message.calls.map(callPart),
          ],
        });
        break;
      case 'tools':
        prompt.push({
          role: 'tool',
          content: message.results.map(({ call, result }) => ({
            type: 'tool-result' as const,
            toolCallId: call.id,
            toolName: call.name,
            output: result.ok
              ? { type: 'text' as const, value: JSON.stringify(result.value ?? null) }
              : { type: 'error-text' as const, value: result.message },
          })),
        });
        break;
    }
  }
  return prompt;
}

function callPart({ id, name, input, hint }: ModelToolCall) {
  return {
    type: 'tool-call' as const,
    toolCallId: id,
    toolName: name,
    input: parsed(input),
    ...(hint === undefined ? {} : { providerOptions: hint as SharedV3ProviderOptions }),
  };
}

/** Broken JSON is kept as it was: the model is told of its mistake by the result. */
function parsed(input: string): unknown {
  try {
    return input === '' ? {} : (JSON.parse(input) as unknown);
  } catch {
    return { broken: input };
  }
}

/** The SDK's errors carry the whole request, conversation and all: only status and message are ours to tell. */
function modelError(thrown: unknown): LinecardError {
  const { statusCode, message } = thrown as { readonly statusCode?: unknown; readonly message?: unknown };
  if (typeof statusCode === 'number') return statusError(WHAT, statusCode, typeof message === 'string' ? message : '');
  return serverError(WHAT, thrown);
}
