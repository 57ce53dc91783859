import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EslFraming } from '../../../src/pbx/freeswitch/esl-framing.js';

function cut(...chunks: readonly Buffer[]): { messages: string[]; dropped: number } {
  const messages: string[] = [];
  const framing = new EslFraming((message) => messages.push(message.toString()));
  for (const chunk of chunks) framing.push(chunk);
  return { messages, dropped: framing.dropped };
}

function eventMessage(body: string): string {
  return `Content-Length: ${Buffer.byteLength(body)}\nContent-Type: text/event-json\n\n${body}`;
}

const REPLY = 'Content-Type: command/reply\nReply-Text: +OK accepted\n\n';

describe('the framing of an event socket', () => {
  it('gives the same messages however the stream is split', () => {
    const message = fc.oneof(
      fc.constant(REPLY),
      fc
        .record({ 'Event-Name': fc.constant('CHANNEL_PARK'), name: fc.string({ unit: 'grapheme' }) })
        .map((event) => eventMessage(JSON.stringify(event))),
      fc
        .string({ unit: 'grapheme' })
        .map((body) => `Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`),
    );
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 10 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        (all, sizes) => {
          const stream = Buffer.from(all.join(''));
          const pieces: Buffer[] = [];
          for (let at = 0; at < stream.length;) {
            const end = at + (sizes.next().value as number);
            pieces.push(stream.subarray(at, end));
            at = end;
          }
          expect(cut(...pieces).messages).toEqual(all);
        },
      ),
    );
  });

  it('ends in messages or in one refusal, whatever bytes come', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
      fc
        .array(
          fc.constantFrom('Content-Length: ', 'Content-Type: ', 'text/event-json', '\n', '\n\n', '7', '{', '%', '-1'),
        )
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 20 }), (chunks) => {
        try {
          for (const message of cut(...chunks).messages) {
            const headers = message.slice(0, message.indexOf('\n\n'));
            // What the library does with each of them.
            for (const line of headers.split('\n')) decodeURIComponent(line);
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'PBX_REFUSED' });
        }
      }),
    );
  });

  it('escapes a stray % in a header, and leaves what is encoded', () => {
    const [message = ''] = cut(Buffer.from('Reply-Text: -ERR 100% of calls\nJob: a%20b\n\n')).messages;
    expect(decodeURIComponent(message)).toBe('Reply-Text: -ERR 100% of calls\nJob: a b\n\n');
  });

  it('leaves an event out whose body is no JSON object, and goes on', () => {
    const { messages, dropped } = cut(Buffer.from(eventMessage('{"a":') + eventMessage('[1]') + eventMessage('{}')));
    expect(messages).toEqual([eventMessage('{}')]);
    expect(dropped).toBe(2);
  });

  it('takes 20,000 replies in a chunk', () => {
    expect(cut(Buffer.from(REPLY.repeat(20_000))).messages).toHaveLength(20_000);
  });

  it.each([
    ['headers without an end', Buffer.alloc(65 * 1024, 'x')],
    ['a body of a gigabyte', Buffer.from('Content-Length: 999999999\n\n')],
  ])('refuses %s, with a hint what to look at', (_what, chunk) => {
    expect(() => cut(chunk)).toThrow(/esl\.port/);
  });
});
