import type { ToolResult } from './port.js';

/** Shorter ones would be found in every date and number. */
const MIN_HIDDEN_CHARACTERS = 3;
const REFERENCE = /\bsecret_(\d{1,3})\b/g;

/**
 * What a caller entered in secret, a PIN for one. Models, history and logs know it as `secret_1`; tools that reach the admin's own servers are
 * given the digits in the place of it. Gone with the call.
 */
export class CallSecrets {
  readonly #values: string[] = [];

  /** @returns the reference that stands for it */
  keep(value: string): string {
    this.#values.push(value);
    return `secret_${this.#values.length}`;
  }

  /** The input of a tool with the digits in the place of references; what refers to nothing stays. */
  resolve(input: unknown): unknown {
    if (this.#values.length === 0) return input;
    if (typeof input === 'string') {
      return input.replaceAll(REFERENCE, (reference, number: string) => this.#values[Number(number) - 1] ?? reference);
    }
    if (Array.isArray(input)) return input.map((item: unknown) => this.resolve(item));
    if (typeof input !== 'object' || input === null || ArrayBuffer.isView(input)) return input;
    return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, this.resolve(value)]));
  }

  /** A result with references in the place of the digits, should a server repeat them. */
  hideIn(result: ToolResult): ToolResult {
    if (this.#values.length === 0) return result;
    if (!result.ok) return { ok: false, message: this.#hide(result.message) };
    const text = JSON.stringify(result.value ?? null);
    const hidden = this.#hide(text);
    if (hidden === text) return result;
    try {
      return { ok: true, value: JSON.parse(hidden) as unknown };
    } catch {
      // It stood where a number was.
      return { ok: true, value: hidden };
    }
  }

  #hide(text: string): string {
    return this.#values.reduce((shown, value, index) => {
      return value.length < MIN_HIDDEN_CHARACTERS ? shown : shown.replaceAll(value, `secret_${index + 1}`);
    }, text);
  }
}
