import { describe, expect, it } from 'vitest';
import type { LinecardError } from '../../../src/core/errors.js';
import {
  answerFragment,
  checkOffer,
  credentialsOf,
  readFragment,
  renewOffer,
  tuneAnswer,
  withoutHiddenCandidates,
} from '../../../src/transports/webrtc/sdp.js';
import { BROWSER_OFFER } from '../../support/browser-offer.js';

const ANSWER = [
  'v=0',
  'o=- 1 0 IN IP4 0.0.0.0',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0 1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=candidate:1 1 udp 2116026367 192.0.2.2 52758 typ host generation 0 ufrag ffd6',
  'a=candidate:2 1 udp 2116026366 192.0.2.2 52758 typ host generation 0 ufrag ffd6',
  'a=candidate:1 1 udp 2116026367 192.0.2.2 52758 typ host generation 0 ufrag ffd6',
  'a=end-of-candidates',
  'a=ice-ufrag:ffd6',
  'a=ice-pwd:c4859d36111051e1b757fa',
  'a=mid:0',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'a=candidate:1 1 udp 2116026367 192.0.2.2 52758 typ host generation 0 ufrag ffd6',
  'a=ice-ufrag:ffd6',
  'a=ice-pwd:c4859d36111051e1b757fa',
  'a=mid:1',
  '',
].join('\r\n');

describe('an offer', () => {
  it('of a browser is taken', () => {
    expect(() => checkOffer(BROWSER_OFFER)).not.toThrow();
  });

  it.each([
    ['is no description', 'hello', 'v=0'],
    ['has no audio', BROWSER_OFFER.replace('m=audio', 'm=text'), 'one m=audio'],
    ['has two audio sections', BROWSER_OFFER + BROWSER_OFFER.slice(BROWSER_OFFER.indexOf('m=audio')), 'one m=audio'],
    ['has no Opus', BROWSER_OFFER.replace('opus/48000/2', 'speex/8000'), 'opus/48000/2'],
    ['only listens', BROWSER_OFFER.replace('a=sendrecv', 'a=recvonly'), 'sendrecv'],
    ['brings video', `${BROWSER_OFFER}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`, 'no video'],
    ['has no ICE credentials', BROWSER_OFFER.replaceAll('a=ice-pwd', 'a=nothing'), 'ICE credentials'],
    ['is not encrypted', BROWSER_OFFER.replaceAll('a=fingerprint', 'a=nothing'), 'fingerprint'],
    [
      'has a thousand candidates',
      BROWSER_OFFER + 'a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n'.repeat(1000),
      'candidates',
    ],
    ['is endless', BROWSER_OFFER + 'a=x\r\n'.repeat(20_000), 'bytes'],
  ])('that %s is refused in words', (_what, sdp, words) => {
    expect(() => checkOffer(sdp)).toThrow(words);
    try {
      checkOffer(sdp);
    } catch (error) {
      expect((error as LinecardError).code).toBe('REQUEST_INVALID');
    }
  });
});

describe('an answer', () => {
  it('asks for forward error correction, mono and silence that is not sent, once', () => {
    const tuned = tuneAnswer(ANSWER, null);
    expect(tuned.match(/a=fmtp:111 .*/g)).toHaveLength(1);
    expect(tuned).toMatch(/a=rtpmap:111 opus\/48000\/2\r\na=fmtp:111 .*useinbandfec=1.*usedtx=1/);
    expect(tuned).toContain('192.0.2.2');
  });

  it('shows the announced address and not ours, each candidate once a section', () => {
    const tuned = tuneAnswer(ANSWER, '203.0.113.7');
    expect(tuned).not.toContain('192.0.2.2');
    expect(tuned.match(/a=candidate:1 1 udp 2116026367 203.0.113.7 52758 typ host/g)).toHaveLength(2);
    expect(tuned.match(/a=candidate:/g)).toHaveLength(3);
  });

  it('leaves relays as they are', () => {
    const relayed = ANSWER.replaceAll('typ host', 'typ relay');
    expect(tuneAnswer(relayed, '203.0.113.7')).not.toContain('203.0.113.7');
  });

  it('becomes a fragment for an ICE restart', () => {
    const fragment = readFragment(answerFragment(ANSWER));
    expect(fragment).toMatchObject({ ufrag: 'ffd6', password: 'c4859d36111051e1b757fa', ended: 'yes' });
    expect(fragment.candidates).toHaveLength(3);
    expect(fragment.candidates[0]?.mid).toBe('0');
  });
});

const HIDDEN = 'a=candidate:0 1 UDP 2122252543 2a1f7a5c-6f5b-4b8e-9d1c-1f0e7a0f9d11.local 58065 typ host';

describe('a browser that hides its addresses', () => {
  it('offers none, and is not looked up', () => {
    const offer = withoutHiddenCandidates(
      `${BROWSER_OFFER}${HIDDEN}\r\na=candidate:1 1 UDP 1 192.0.2.9 4 typ host\r\n`,
    );
    expect(offer.match(/^a=candidate:.*$/gm)).toEqual(['a=candidate:1 1 UDP 1 192.0.2.9 4 typ host']);
    expect(withoutHiddenCandidates(BROWSER_OFFER)).toBe(BROWSER_OFFER);
  });

  it('sends them later to no effect', () => {
    expect(readFragment(`a=ice-ufrag:x\r\n${HIDDEN}\r\n`).candidates).toEqual([]);
    expect(readFragment(`${HIDDEN}\r\n`).candidates).toEqual([]);
  });
});

describe('a fragment', () => {
  it('brings candidates with their section', () => {
    const text =
      'a=ice-ufrag:do5L\r\na=ice-pwd:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.9 4 typ host\r\n';
    expect(readFragment(text)).toEqual({
      ufrag: 'do5L',
      password: 'x',
      candidates: [{ line: 'candidate:1 1 udp 1 192.0.2.9 4 typ host', mid: '0' }],
      ended: 'no',
    });
  });

  it.each([
    ['says nothing', 'm=audio 9 RTP/AVP 0\r\n'],
    ['is prose', 'please connect'],
    ['floods', 'a=candidate:1 1 udp 1 192.0.2.9 4 typ host\r\n'.repeat(100)],
  ])('that %s is refused', (_what, text) => {
    expect(() => readFragment(text)).toThrow('cannot be used');
  });

  it('with new credentials makes the offer anew, and drops the old candidates', () => {
    const offer = BROWSER_OFFER.replace('a=mid:0', 'a=candidate:9 1 udp 1 192.0.2.1 9 typ host\r\na=mid:0');
    const fragment = readFragment(
      'a=ice-ufrag:new1\r\na=ice-pwd:newnewnewnewnewnewnew\r\na=candidate:1 1 udp 1 192.0.2.9 4 typ host\r\n',
    );
    const renewed = renewOffer(offer, fragment);
    expect(credentialsOf(renewed)).toEqual({ ufrag: 'new1', password: 'newnewnewnewnewnewnew' });
    expect(renewed).not.toContain('192.0.2.1');
    expect(renewed.match(/a=candidate:/g)).toHaveLength(1);
    expect(() => checkOffer(renewed)).not.toThrow();
  });
});
