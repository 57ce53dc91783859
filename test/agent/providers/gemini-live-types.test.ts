import type { LiveClientMessage } from '@google/genai';
import type { z } from 'zod';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { ClientMessage, serverMessage } from '../../../src/agent/providers/gemini-live/protocol.js';
import { durationMs, geminiSchema, readServerMessage } from '../../../src/agent/providers/gemini-live/protocol.js';
import type { GeminiServerMessage } from '../../support/fake-gemini-live.js';
import type { Plain } from '../../support/plain-types.js';

/** What the official client says a server may send is read by us, field by field. */
type Reads = { [Key in keyof z.input<typeof serverMessage>]: Key extends keyof GeminiServerMessage ? true : false };

describe('the messages of Gemini Live', () => {
  it('are as the official client describes them', () => {
    expectTypeOf<ClientMessage>().toExtend<Plain<LiveClientMessage>>();
    expectTypeOf<GeminiServerMessage>().toExtend<Loose<z.input<typeof serverMessage>>>();
    expectTypeOf<Required<Reads>>().toEqualTypeOf<{ [Key in keyof Required<Reads>]: true }>();
    expect(readServerMessage('{"setupComplete":{}}')).toEqual({ setupComplete: {} });
  });

  it('are told from nonsense, and read in spite of what is new in them', () => {
    const text = '{"serverContent":{"turnComplete":true,"waitingForInput":true},"somethingNew":1}';
    expect(readServerMessage(text)).toEqual({ serverContent: { turnComplete: true } });
    for (const nonsense of ['', '7', 'null', '[]', '{"serverContent":1}', '{"goAway":{"timeLeft":5}}']) {
      expect(readServerMessage(nonsense)).toBeNull();
    }
  });

  it('have durations as protobuf writes them', () => {
    expect(durationMs('9.500s', 1)).toBe(9500);
    expect(durationMs('60s', 1)).toBe(60_000);
    expect(durationMs(undefined, 1)).toBe(1);
    expect(durationMs('soon', 1)).toBe(1);
  });
});

describe("a tool's schema for Gemini", () => {
  it('keeps what the interface knows and nothing else', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      additionalProperties: false,
      required: ['to'],
      properties: {
        to: { type: 'string', enum: ['sales', 'fallback'], description: 'where to', minLength: 1 },
        count: { type: ['integer', 'null'], minimum: 0, default: 1 },
        tags: { type: 'array', items: { type: 'string' } },
        either: { anyOf: [{ type: 'string' }, { type: 'number' }] },
        only: { type: 'string', const: 'this' },
      },
    };
    expect(geminiSchema(schema)).toEqual({
      type: 'OBJECT',
      required: ['to'],
      properties: {
        to: { type: 'STRING', enum: ['sales', 'fallback'], description: 'where to' },
        count: { type: 'INTEGER', nullable: true },
        tags: { type: 'ARRAY', items: { type: 'STRING' } },
        either: { anyOf: [{ type: 'STRING' }, { type: 'NUMBER' }] },
        only: { type: 'STRING', enum: ['this'] },
      },
    });
  });

  it('is open where it cannot be read', () => {
    expect(geminiSchema(true)).toEqual({});
    expect(geminiSchema({ type: 7 })).toEqual({});
  });
});

/** Optional as JSON is: a key is there or it is not. */
type Loose<T> = T extends readonly (infer Item)[]
  ? readonly Loose<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Loose<T[Key]> | undefined }
    : T;
