import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type { ClientMessage, serverMessage } from '../../../src/agent/providers/deepgram-agent/protocol.js';
import { deepgramProtocol } from '../../../src/agent/providers/deepgram-agent/protocol.js';
import type { DeepgramClientMessage, DeepgramServerMessage } from '../../support/fake-deepgram-agent.js';

type Read = z.input<typeof serverMessage>;
/** Of each type that we read: whether what the official client says of it is what we read. */
type Reads = {
  [Type in Read['type']]: Extract<DeepgramServerMessage, { readonly type: Type }> extends Extract<
    Read,
    { readonly type: Type }
  >
    ? true
    : false;
};

describe("the messages of Deepgram's agents", () => {
  it('are as the official client describes them', () => {
    expectTypeOf<Mutable<ClientMessage>>().toExtend<DeepgramClientMessage>();
    expectTypeOf<Reads>().toEqualTypeOf<{ [Type in Read['type']]: true }>();
    expect(deepgramProtocol.read('{"type":"SettingsApplied"}')).toEqual({ type: 'SettingsApplied' });
  });

  it('are told from others, from sound and from nonsense', () => {
    expect(deepgramProtocol.read('{"type":"AgentThinking","content":""}')).toEqual({ type: 'other' });
    expect(deepgramProtocol.read(Buffer.from([1, 2]))).toEqual({ type: 'Audio', bytes: Buffer.from([1, 2]) });
    for (const nonsense of ['', '7', 'null', '[]', '{"type":7}', '{"type":"ConversationText"}']) {
      expect(deepgramProtocol.read(nonsense)).toBeNull();
    }
  });
});

/** The official types do not promise to leave lists alone. */
type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T;
