import { describe, expect, it } from 'vitest';
import type { ChannelFacts } from '../../../src/pbx/freeswitch/channel-facts.js';
import { applyEvent } from '../../../src/pbx/freeswitch/channel-facts.js';
import { wayToPark } from '../../../src/pbx/freeswitch/parking.js';

function caller(variables: Readonly<Record<string, string>>): ChannelFacts {
  const facts = applyEvent(undefined, {
    'Event-Name': 'CHANNEL_PARK',
    'Unique-ID': '24a91646-177b-4296-8120-b83794933b69',
    'Caller-Context': 'default',
    ...variables,
  });
  if (facts === undefined) throw new Error('the event ends the channel');
  return facts;
}

const SOCKET = {
  variable_current_application: 'socket',
  variable_current_application_data: '127.0.0.1:8084 async full',
};

const PLAIN = 'm:^:set:linecard_park=p1^park';

describe('the way back into a park', () => {
  it('goes through socket with the fallback behind it, where the call came so', () => {
    expect(wayToPark(caller({ ...SOCKET, variable_linecard_fallback: '1001' }), 'p1')).toBe(
      'm:^:set:linecard_park=p1^socket:127.0.0.1:8084 async full^set:linecard_app=none^stop_displace_session:${linecard_music}^transfer:1001 XML default',
    );
  });

  it('is a plain park for a call that came by park, or names no fallback', () => {
    const byPark = caller({ variable_current_application: 'park', variable_linecard_fallback: '1001' });
    expect(wayToPark(byPark, 'p1')).toBe(PLAIN);
    expect(wayToPark(caller(SOCKET), 'p1')).toBe(PLAIN);
  });

  it('is remembered when a later event tells of another application', () => {
    const first = caller({ ...SOCKET, variable_linecard_fallback: '1001' });
    const later = applyEvent(first, { 'Event-Name': 'CHANNEL_HOLD', 'Unique-ID': first.channelId });
    expect(later === undefined ? '' : wayToPark(later, 'p1')).toContain('socket:127.0.0.1:8084');
  });

  it('takes no actions from what a variable holds', () => {
    const odd = { ...SOCKET, variable_current_application_data: "127.0.0.1:8084 async full^system:reboot'" };
    expect(wayToPark(caller({ ...odd, variable_linecard_fallback: '1001' }), 'p1')).toBe(PLAIN);
    expect(wayToPark(caller({ ...SOCKET, variable_linecard_fallback: "1001^system:reboot'\n" }), 'p1')).toContain(
      'transfer:1001systemreboot XML',
    );
  });
});
