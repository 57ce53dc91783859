import type { LanguageModel, ModelPart, ModelRequest } from './port.js';

/**
 * An answer that is begun before it is sure that it will be wanted: nothing of it is said and no tool of it is run until then. Ends with its
 * signal.
 */
export class HeadStart {
  /** What the model was asked, to be compared with what it would be asked now. */
  readonly question: string;
  readonly #controller = new AbortController();
  readonly #parts: ModelPart[] = [];
  #state: 'coming' | 'complete' | { readonly failed: unknown } = 'coming';
  #wake: () => void = () => undefined;

  constructor(llm: LanguageModel, request: Omit<ModelRequest, 'signal'>) {
    this.question = questionOf(request.messages);
    void this.#read(llm.answer({ ...request, signal: this.#controller.signal }));
  }

  /** The answer from its beginning, as `LanguageModel.answer` gives it. May be called once. */
  async *take(signal: AbortSignal): AsyncIterable<ModelPart> {
    signal.addEventListener('abort', () => this.drop(), { once: true });
    for (let next = 0; ; next++) {
      while (next >= this.#parts.length) {
        if (this.#state === 'complete') return;
        if (this.#state !== 'coming') throw this.#state.failed;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      yield this.#parts[next] as ModelPart;
    }
  }

  /** It is not wanted. Idempotent. */
  drop(): void {
    this.#controller.abort();
  }

  async #read(answer: AsyncIterable<ModelPart>): Promise<void> {
    try {
      for await (const part of answer) {
        this.#parts.push(part);
        this.#wake();
      }
      this.#state = 'complete';
    } catch (error) {
      this.#state = { failed: error };
    }
    this.#wake();
  }
}

/** A conversation as a key. */
export function questionOf(messages: ModelRequest['messages']): string {
  return JSON.stringify(messages);
}
