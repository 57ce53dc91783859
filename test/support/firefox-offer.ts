/** What Firefox says otherwise than Chromium in an offer, put upon the offer of a visitor: the fingerprint for all sections, a data section that is bundled only, capitals, codecs. */
export function asFirefox(offer: string): string {
  const lines = offer.split('\r\n').filter((line) => line !== '');
  const data = lines.findIndex((line) => line.startsWith('m=application'));
  const media = lines.findIndex((line) => line.startsWith('m='));
  const fingerprint = lines.find((line) => line.startsWith('a=fingerprint:')) ?? '';
  const isCommon = (line: string): boolean => line.startsWith('a=fingerprint:') || line.startsWith('a=ice-options');
  const session = lines.slice(0, media).filter((line) => !isCommon(line) && !line.startsWith('o='));
  const audio = lines.slice(media, data).filter((line) => !isCommon(line) && !line.startsWith('a=fmtp:'));
  const bundled = lines
    .slice(data)
    .filter((line) => !isCommon(line) && !/^a=(candidate|end-of-candidates|ice-ufrag|ice-pwd)/.test(line));
  return `${[
    session[0],
    'o=mozilla...THIS_IS_SDPARTA-99.0 4334663485117234844 0 IN IP4 0.0.0.0',
    ...session.slice(1, 3),
    'a=sendrecv',
    fingerprint,
    'a=ice-options:trickle',
    ...session.slice(3),
    ...audio.map((line) =>
      line.replace(/^(m=audio .*)$/, '$1 9 0 8 101').replace(/^(a=candidate:\S+ \d) udp/, '$1 UDP'),
    ),
    'a=candidate:0 1 UDP 2122252543 2a1f7a5c-6f5b-4b8e-9d1c-1f0e7a0f9d11.local 58065 typ host',
    'a=candidate:4 1 TCP 2105524479 2a1f7a5c-6f5b-4b8e-9d1c-1f0e7a0f9d11.local 9 typ host tcptype active',
    'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
    'a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level',
    'a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1',
    'a=fmtp:101 0-15',
    'a=rtpmap:9 G722/8000/1',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000/1',
    ...bundled.map((line) => line.replace(/^m=application \d+/, 'm=application 0')),
    'a=bundle-only',
  ].join('\r\n')}\r\n`;
}
