import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { ServerEvent } from '../../../src/agent/providers/openai-realtime/protocol.js';
import { readServerEvent, serverEvent } from '../../../src/agent/providers/openai-realtime/protocol.js';

/** What the official client says of an event. */
type Official<Type extends ServerEvent['type']> = Extract<RealtimeServerEvent, { readonly type: Type }>;
/** The part of it that we read. Fields of the official type that are wider than ours make this `false`. */
type Reads<Type extends ServerEvent['type']> =
  Official<Type> extends never ? false : Official<Type> extends Ours<Type> ? true : false;
type Ours<Type extends ServerEvent['type']> = Loose<Extract<ServerEvent, { readonly type: Type }>>;
/** `session.expires_at` is sent by every server and is in no official type of the request that the event shows. */
type Loose<Event> = Event extends { readonly type: 'session.created' } ? { readonly type: 'session.created' } : Event;

describe('the events we read', () => {
  it('are as the official client describes them', () => {
    type Results = { [Type in ServerEvent['type']]: Reads<Type> };
    type Expected = { [Type in ServerEvent['type']]: true };
    expectTypeOf<Results>().toEqualTypeOf<Expected>();
    expect(serverEvent.options).toHaveLength(14);
  });

  it('are told from others and from nonsense', () => {
    expect(readServerEvent('{"type":"session.updated","event_id":"e"}')).toEqual({ type: 'session.updated' });
    expect(readServerEvent('{"type":"rate_limits.updated"}')).toBe('other');
    for (const text of ['', '[]', 'null', '7', '{"type":7}', '{"type":"response.created"}']) {
      expect(readServerEvent(text)).toBe('nonsense');
    }
  });
});
