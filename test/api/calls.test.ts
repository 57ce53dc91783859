import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinecardError } from '../../src/core/errors.js';
import { callRecord, COMPLETED, endOf, startOf } from '../support/calls.js';
import { TestApi } from '../support/http.js';

const LIVE = callRecord({
  id: 'live',
  turns: [{ who: 'agent', text: 'Hello.', atMs: Date.parse('2026-01-05T09:00:01Z'), heardMs: 500, interrupted: false }],
});
const ENDED = callRecord({ id: 'ended' });

let api: TestApi;

beforeEach(async () => {
  api = await new TestApi().start();
  api.live.push(LIVE);
  api.history.observe(startOf(ENDED));
  api.history.observe(endOf(ENDED));
});

afterEach(() => api.stopNow());

describe('the list of calls', () => {
  it('has live calls first, then those of late', async () => {
    const { calls } = (await api.json('GET', '/v1/calls')) as { calls: { id: string; state: string }[] };
    expect(calls.map((call) => [call.id, call.state])).toEqual([
      ['live', 'talking'],
      ['ended', 'ended'],
    ]);
  });

  it('has as many ended calls as are wanted', async () => {
    expect(((await api.json('GET', '/v1/calls?limit=0')) as { calls: unknown[] }).calls).toHaveLength(1);
    expect((await api.fetch('GET', '/v1/calls?limit=many')).status).toBe(400);
    expect((await api.fetch('GET', '/v1/calls?limit=1001')).status).toBe(400);
  });
});

describe('one call', () => {
  it('shows what was said with its date, and nothing of a leg it does not have', async () => {
    const call = await api.json('GET', '/v1/calls/live');
    expect(call).toMatchObject({
      transport: 'audiosocket',
      codec: 'slin16',
      sampleRateHz: 16_000,
      caller: { number: '6001', name: 'Alice' },
      turns: [{ who: 'agent', text: 'Hello.', at: '2026-01-05T09:00:01.000Z', heardMs: 500 }],
      leg: null,
    });
  });

  it('shows its outcome when it has ended', async () => {
    expect(await api.json('GET', '/v1/calls/ended')).toMatchObject({ state: 'ended', outcome: COMPLETED });
  });
});

describe('what is done to a call', () => {
  it.each([
    ['transfer', { to: 'sales' }, 'transfer live to sales: default '],
    ['transfer', { to: 'sales', mode: 'warm', summary: 'wants a quote' }, 'transfer live to sales: warm wants a quote'],
    ['supervise', { endpoint: '6002', mode: 'join' }, 'supervise live from 6002: join '],
    ['supervise', { mode: 'whisper', text: 'Offer 10 %.' }, 'supervise live from null: whisper Offer 10 %.'],
    ['hold', undefined, 'hold live'],
    ['resume', {}, 'resume live'],
    ['hangup', undefined, 'hang up live'],
    ['dtmf', { digits: '12#a' }, 'digits live 12#A'],
    ['say', { text: 'One moment.' }, 'say live One moment.'],
  ])('%s %o', async (command, body, done) => {
    const answer = await api.fetch('POST', `/v1/calls/live/${command}`, body);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ id: 'live' });
    expect(api.done).toEqual([done]);
  });

  it.each([
    ['transfer', {}, '"to" is missing; it must be a text of 1 to 100 characters'],
    ['transfer', { to: 7 }, '"to" must be a text of 1 to 100 characters'],
    [
      'transfer',
      { to: 'x', mode: 'fast', at: 1 },
      '"at" is not known here, only to, mode, summary; "mode" must be one of blind, warm, conference, default',
    ],
    ['dtmf', { digits: '12x' }, '"digits" must be 1 to 64 digits of 0-9 * # A-D'],
    ['say', { text: ' ' }, '"text" must be a text of 1 to 2000 characters'],
    ['say', [], 'the body must be a JSON object'],
    ['supervise', { mode: 'listen' }, '"endpoint" is missing; it must be the extension of a phone'],
    ['supervise', { endpoint: '6002', text: 'x' }, '"text" is for the agent alone: it goes with "mode": "whisper"'],
    [
      'supervise',
      { endpoint: 'PJSIP/6002' },
      '"endpoint" must be the extension of a phone: 1 to 64 of digits, letters and * # + _ . -',
    ],
    ['hold', { now: true }, '"now" is not known here, only an empty object'],
  ])('refuses %s %o', async (command, body, detail) => {
    const answer = await api.fetch('POST', `/v1/calls/live/${command}`, body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'REQUEST_INVALID', detail });
    expect(api.done).toEqual([]);
  });

  it('needs JSON where it needs something', async () => {
    const answer = await api.fetch('POST', '/v1/calls/live/say', 'text=hello', { 'Content-Type': 'text/plain' });
    expect(answer.status).toBe(415);
    expect(await answer.json()).toMatchObject({ code: 'BODY_NOT_JSON' });
  });

  it('is not possible after its end', async () => {
    const answer = await api.fetch('POST', '/v1/calls/ended/hangup');
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'CALL_STATE' });
  });

  it.each([
    [new LinecardError('DESTINATION_UNKNOWN', 'no destination "moon"'), 400, 'no destination "moon"'],
    [new LinecardError('CHANNEL_GONE', 'the caller has hung up'), 409, 'the caller has hung up'],
    [new LinecardError('PBX_UNSUPPORTED', 'no PBX holds this call'), 501, 'no PBX holds this call'],
    [new LinecardError('PBX_TIMEOUT', 'no answer in 5 s'), 504, 'no answer in 5 s'],
    [new LinecardError('INVARIANT', 'secret inside'), 500, 'this is a defect of Linecard; its log says more'],
    [new Error('secret inside'), 500, 'this is a defect of Linecard; its log says more'],
  ])('tells a failure: %s', async (failure, status, detail) => {
    api.failure = failure;
    const answer = await api.fetch('POST', '/v1/calls/live/transfer', { to: 'moon' });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ status, detail });
  });
});
