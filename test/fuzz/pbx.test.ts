import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { LinecardError } from '../../src/core/errors.js';
import { readBridges, readChannels, readEvent } from '../../src/pbx/asterisk/ari-events.js';
import { EslFraming } from '../../src/pbx/freeswitch/esl-framing.js';
import { readDump, readRows } from '../../src/pbx/freeswitch/snapshot.js';
import { alteredJson, damaged, fuzz } from '../support/fuzz.js';

const CHANNEL = {
  id: '1700000000.1',
  name: 'PJSIP/6001-00000001',
  state: 'Ring',
  caller: { name: 'Ada', number: '6001' },
  connected: { name: '', number: '' },
  dialplan: { context: 'phones', exten: '7000', priority: 1, app_name: 'Stasis', app_data: 'linecard' },
  channelvars: { LINECARD_CALL: 'x' },
};
const EVENTS = [
  { type: 'StasisStart', application: 'linecard', args: ['7000'], channel: CHANNEL },
  { type: 'ChannelDtmfReceived', digit: '5', duration_ms: 100, channel: CHANNEL, timestamp: '2026-01-01T00:00:00Z' },
  { type: 'ChannelDestroyed', cause: 17, cause_txt: 'User busy', channel: CHANNEL },
  { type: 'ChannelHangupRequest', cause: 16, soft: true, channel: CHANNEL },
  { type: 'Dial', dialstatus: 'BUSY', peer: CHANNEL },
  { type: 'ApplicationReplaced', application: 'linecard' },
];
const ESL = [
  'Content-Type: auth/request\n\n',
  'Content-Type: command/reply\nReply-Text: +OK accepted\n\n',
  'Content-Length: 27\nContent-Type: text/event-json\n\n{"Event-Name":"HEARTBEAT"}\n',
  'Content-Length: 9\nContent-Type: api/response\n\n{"a": 1}\n',
  'Content-Type: text/disconnect-notice\nContent-Length: 5\n\nbye\n\n',
];

describe('whatever Asterisk sends', () => {
  fuzz('is an event or none', alteredJson(EVENTS), (raw) => {
    const event = readEvent(raw);
    if (event?.kind === 'digit') expect(event.digit).toMatch(/^[0-9*#A-D]$/);
  });
  fuzz(
    'is a list or an empty one',
    alteredJson([[CHANNEL, CHANNEL], [{ id: 'b', name: '', channels: ['1'] }]]),
    (raw) => {
      for (const { id } of readChannels(raw)) expect(typeof id).toBe('string');
      for (const { channels } of readBridges(raw)) expect(Array.isArray(channels)).toBe(true);
    },
  );
});

describe('whatever FreeSWITCH sends', () => {
  const cuts = fc.array(fc.nat(400), { maxLength: 8 });
  const stream = fc.array(damaged(ESL), { maxLength: 4 }).map((parts) => Buffer.from(parts.join('')));
  fuzz('is cut into the same messages, however it was split', fc.tuple(stream, cuts), ([bytes, places]) => {
    expect(frame(split(bytes, places))).toEqual(frame([bytes]));
  });
  fuzz(
    'is a table, or says that it is none',
    damaged(['{"row_count":1,"rows":[{"uuid":"a","state":"x"}]}']),
    (text) => {
      sane(() => readRows(text));
      sane(() => readDump(text));
    },
  );
});

/** The messages of a stream; where it cannot be one, that it said so. */
function frame(chunks: readonly Buffer[]): string[] {
  const messages: string[] = [];
  const framing = new EslFraming((message) => messages.push(message.toString('latin1')));
  sane(() => {
    for (const chunk of chunks) framing.push(chunk);
  });
  return messages;
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(places[i - 1] ?? 0, end));
}

/** The only thing that may be thrown is an error that says whose fault it is. */
function sane(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(LinecardError);
  }
}
