import { describe, expect } from 'vitest';
import { LinecardError } from '../../src/core/errors.js';
import { readPageMessage } from '../../src/transports/webrtc/page-message.js';
import {
  answerFragment,
  checkOffer,
  credentialsOf,
  readFragment,
  renewOffer,
  tuneAnswer,
} from '../../src/transports/webrtc/sdp.js';
import { BROWSER_OFFER } from '../support/browser-offer.js';
import { damaged, fuzz } from '../support/fuzz.js';

const OFFER = typeof BROWSER_OFFER === 'string' ? BROWSER_OFFER : String(BROWSER_OFFER);
const FRAGMENT = [
  'a=ice-ufrag:do5L',
  'a=ice-pwd:MQBIvMkkAkNrd4UyZw+zapwp',
  'm=audio 9 RTP/AVP 0',
  'a=mid:0',
  'a=candidate:1 1 udp 2113937151 192.0.2.1 60000 typ host generation 0 ufrag do5L network-cost 999',
  'a=end-of-candidates',
  '',
].join('\r\n');

/** Anybody on the web may send these: what is refused is refused with a code. */
describe('whatever a browser sends', () => {
  fuzz('as an offer is taken or refused', damaged([OFFER]), (sdp) => {
    sane(() => checkOffer(sdp));
    sane(() => credentialsOf(sdp));
    sane(() => tuneAnswer(sdp, '198.51.100.7'));
    sane(() => answerFragment(sdp));
  });
  fuzz('as a fragment is taken or refused', damaged([FRAGMENT]), (sdp) => {
    sane(() => renewOffer(OFFER, readFragment(sdp)));
  });
  fuzz('over its data channel is digits or nothing', damaged(['{"kind":"digits","digits":"12#"}']), (text) => {
    const message = readPageMessage(text);
    if (message !== null) expect(message.digits).toMatch(/^[0-9*#A-D]+$/);
  });
});

function sane(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(LinecardError);
  }
}
