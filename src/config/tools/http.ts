import { z } from 'zod';
import { field, keyLike, list, named, network, oneOf, section, text, wholeNumber } from '../fields.js';
import { toolInput } from './input.js';

/** RFC 9110 §5.6.2. */
export const headerKey = keyLike(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'the name of an HTTP header');

const urlTemplate = field({
  what: 'a URL such as https://erp.example.com/orders/{order}, without user and password, with placeholders behind the host only',
  read: (value) => {
    if (!URL.canParse(value)) return null;
    const { protocol, username, password } = new URL(value);
    const isHttp = protocol === 'http:' || protocol === 'https:';
    const hostPart = /^[a-z]+:\/\/[^/?#]*/i.exec(value)?.[0] ?? '{';
    return isHttp && username === '' && password === '' && !hostPart.includes('{') ? value : null;
  },
});

const jsonTemplate = field({
  what: 'JSON, such as {"order": "{order}"}',
  read: (value) => (value.length <= 20_000 && isJson(value) ? value : null),
});

/** A request to a server of the admin's. Placeholders are `{name}` for a value of the input, `{call.id}`, `{caller.number}` and the like. */
export const httpToolConfig = section({
  kind: z.literal('http'),
  /** What the model is told it is good for. */
  description: text(1000),
  input: toolInput.prefault({}),
  method: oneOf(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  url: urlTemplate,
  headers: named(headerKey, text(4000, 'secret'), 'headers, such as Authorization: "Bearer …"').default({}),
  body: jsonTemplate.optional(),
  timeLimitMs: wholeNumber(100, 60_000, 'milliseconds').default(5000),
  /** Private networks that may be reached all the same. */
  allowNetworks: list(network, { max: 100, example: '[192.168.1.0/24]' }).default([]),
});

export type HttpToolConfig = z.output<typeof httpToolConfig>;

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
