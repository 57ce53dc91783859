import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChannelFacts } from '../../../src/pbx/freeswitch/channel-facts.js';
import { afterDeafness, applyEvent, unicastRefusal } from '../../../src/pbx/freeswitch/channel-facts.js';
import type { EslEvent } from '../../../src/pbx/freeswitch/esl-connection.js';

/** An event of a caller on PCMU; a field that is undefined is not in it. */
function event(name: string, fields: EslEvent = {}): EslEvent {
  return {
    'Event-Name': name,
    'Unique-ID': '24a91646-177b-4296-8120-b83794933b69',
    'Call-Direction': 'inbound',
    'Answer-State': 'answered',
    'Channel-Read-Codec-Name': 'PCMU',
    'Channel-Read-Codec-Rate': '8000',
    'Caller-Destination-Number': '7000',
    'Caller-Context': 'default',
    'Caller-Caller-ID-Number': '1001',
    'Caller-Caller-ID-Name': 'Alice',
    variable_linecard_app: 'linecard',
    variable_rtp_use_codec_ptime: '20',
    ...fields,
  };
}

function after(...events: readonly EslEvent[]): ChannelFacts | undefined {
  return events.reduce<ChannelFacts | undefined>(applyEvent, undefined);
}

const UNANSWERED: EslEvent = { 'Answer-State': 'ringing', 'Channel-Read-Codec-Rate': undefined };
const OUTBOUND: EslEvent = { 'Call-Direction': 'outbound' };

describe('the guard of unicast', () => {
  it('lets it pass for a caller who was answered when the park began', () => {
    expect(unicastRefusal(after(event('CHANNEL_ANSWER'), event('CHANNEL_PARK')))).toBeNull();
  });

  it('lets it pass for a caller in early media, and not for an outbound leg in early media', () => {
    const early: EslEvent = { 'Answer-State': 'early' };
    expect(unicastRefusal(after(event('CHANNEL_PARK', early)))).toBeNull();
    expect(unicastRefusal(after(event('CHANNEL_PARK', { ...early, ...OUTBOUND })))).toContain('early');
    expect(unicastRefusal(after(event('CHANNEL_PARK', OUTBOUND)))).toBeNull();
  });

  it.each<[string, readonly EslEvent[], string]>([
    ['a channel nobody told of', [], 'not known'],
    ['a caller who is parked and not answered', [event('CHANNEL_PARK', UNANSWERED)], 'ringing'],
    ['an answer in mid-park', [event('CHANNEL_PARK', UNANSWERED), event('CHANNEL_ANSWER')], 'ringing'],
    ['a ringing outbound leg', [event('CHANNEL_PARK', { ...UNANSWERED, ...OUTBOUND })], 'ringing'],
    ['a state that this version does not know', [event('CHANNEL_PARK', { 'Answer-State': 'odd' })], 'unknown'],
    ['a caller who is not parked yet', [event('CHANNEL_ANSWER')], 'not parked'],
    ['a caller who was parked', [event('CHANNEL_PARK'), event('CHANNEL_UNPARK')], 'not parked'],
    ['a caller who talks to somebody else', [event('CHANNEL_PARK'), event('CHANNEL_BRIDGE')], 'not parked'],
    ['a caller who hung up', [event('CHANNEL_PARK'), event('CHANNEL_HANGUP', { 'Answer-State': 'hangup' })], 'hung up'],
    ['a park that began without a codec', [event('CHANNEL_PARK', { 'Channel-Read-Codec-Rate': undefined })], 'codec'],
    [
      'a codec that came in mid-park',
      [event('CHANNEL_PARK', { 'Channel-Read-Codec-Rate': '0' }), event('CHANNEL_HOLD')],
      'codec',
    ],
    ['a caller who hears a file', [event('CHANNEL_PARK'), event('PLAYBACK_START')], 'playing'],
  ])('refuses %s', (_name, events, reason) => {
    expect(unicastRefusal(after(...events))).toContain(reason);
  });

  it('refuses a second one on the same park, and lets it pass on the next', () => {
    const parked = after(event('CHANNEL_PARK'));
    const active: ChannelFacts = { ...parked!, unicast: 'active' };
    expect(unicastRefusal(active)).toContain('active');
    expect(unicastRefusal(applyEvent(active, event('CHANNEL_PARK')))).toBeNull();
  });

  it('refuses what it knew before it was deaf for a while', () => {
    expect(unicastRefusal(afterDeafness(after(event('CHANNEL_PARK'))!))).toContain('not parked');
  });

  it('never lets it pass after any events but a park that began with media', () => {
    const names = fc.constantFrom(
      'CHANNEL_PARK',
      'CHANNEL_UNPARK',
      'CHANNEL_ANSWER',
      'CHANNEL_BRIDGE',
      'CHANNEL_HANGUP',
      'CHANNEL_HOLD',
      'PLAYBACK_START',
      'PLAYBACK_STOP',
      'DTMF',
    );
    const states = fc.constantFrom('ringing', 'early', 'answered', 'hangup', undefined);
    const rates = fc.constantFrom('8000', '48000', '0', '', undefined);
    const directions = fc.constantFrom('inbound', 'outbound', undefined);
    const events = fc.array(fc.tuple(names, states, rates, directions), { maxLength: 12 });
    fc.assert(
      fc.property(events, (list) => {
        const made = list.map(([name, state, rate, direction]) =>
          event(name, { 'Answer-State': state, 'Channel-Read-Codec-Rate': rate, 'Call-Direction': direction }),
        );
        if (unicastRefusal(after(...made)) !== null) return;
        const begun = made.findLastIndex((each) => each['Event-Name'] === 'CHANNEL_PARK');
        expect(begun).toBeGreaterThanOrEqual(0);
        expect(['answered', 'early']).toContain(made[begun]?.['Answer-State']);
        const ended = made.slice(begun).map((each) => each['Event-Name']);
        expect(ended.some((name) => /UNPARK|BRIDGE|HANGUP/.test(name ?? ''))).toBe(false);
      }),
    );
  });
});

describe('the facts of a channel', () => {
  it('hold what FreeSWITCH says of a caller', () => {
    expect(
      after(event('CHANNEL_PARK', { 'Channel-Read-Codec-Rate': '48000', variable_rtp_use_codec_ptime: '60' })),
    ).toMatchObject({
      caller: { number: '1001', name: 'Alice' },
      extension: '7000',
      context: 'default',
      app: 'linecard',
      readRateHz: 48_000,
      ptimeMs: 60,
    });
  });

  it('keep the app over events that carry no variables, and lose it with one that does', () => {
    const bare = { variable_linecard_app: undefined };
    const parked = after(event('CHANNEL_PARK'));
    expect(applyEvent(parked, event('DTMF', bare))?.app).toBe('linecard');
    expect(applyEvent(parked, event('CHANNEL_UNPARK', bare))?.app).toBeNull();
  });

  it('name the extension of the hand-over before the dialled one', () => {
    expect(after(event('CHANNEL_PARK', { variable_linecard_extension: '7009' }))?.extension).toBe('7009');
  });

  it('end with the channel', () => {
    expect(after(event('CHANNEL_PARK'), event('CHANNEL_HANGUP_COMPLETE'))).toBeUndefined();
    expect(after({ 'Event-Name': 'BACKGROUND_JOB' })).toBeUndefined();
  });
});

describe('what the dialplan tells by variables', () => {
  const told: EslEvent = {
    variable_linecard_agent: 'billing',
    variable_linecard_var_customer: '42',
    variable_linecard_var_note: 'wants %d, "now"',
    variable_linecard_variant: 'none of ours',
    variable_sip_h_linecard_var_tenant: 'a header that a caller sent',
  };

  it('the agent, and variables for prompts', () => {
    expect(after(event('CHANNEL_PARK', told))?.variables).toEqual({
      agent: 'billing',
      customer: '42',
      note: 'wants %d, "now"',
    });
  });

  it('stays known where an event has no variables, and changes where one has others', () => {
    const digit: EslEvent = { 'Event-Name': 'DTMF', 'Unique-ID': event('DTMF')['Unique-ID'], 'DTMF-Digit': '1' };
    expect(after(event('CHANNEL_PARK', told), digit)?.variables['customer']).toBe('42');
    const later = event('CHANNEL_PARK', { variable_linecard_var_customer: '43' });
    expect(after(event('CHANNEL_PARK', told), later)?.variables).toEqual({ customer: '43' });
    expect(after(event('CHANNEL_PARK'))?.variables).toEqual({});
  });

  it('an agent without a name is none', () => {
    expect(after(event('CHANNEL_PARK', { variable_linecard_agent: '' }))?.variables).toEqual({});
  });
});
