/**
 * The fragment for a PATCH (RFC 8840 §9): ICE credentials of a description, and candidates.
 * @param {string} sdp
 * @param {readonly RTCIceCandidate[]} candidates
 */
export function fragmentOf(sdp, candidates) {
  const line = (/** @type {RegExp} */ pattern) => pattern.exec(sdp)?.[0] ?? '';
  const lines = [
    line(/^a=ice-ufrag:.*$/m),
    line(/^a=ice-pwd:.*$/m),
    line(/^m=audio .*$/m),
    line(/^a=mid:.*$/m),
    ...candidates.map(({ candidate }) => `a=${candidate}`),
  ];
  return `${lines
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .join('\r\n')}\r\n`;
}

/**
 * The bridge's answer with the credentials and candidates of a restart in the place of the old ones.
 * @param {string} answer
 * @param {string} fragment
 */
export function renewAnswer(answer, fragment) {
  const ufrag = /^a=ice-ufrag:(.*)$/m.exec(fragment)?.[1]?.trim();
  const password = /^a=ice-pwd:(.*)$/m.exec(fragment)?.[1]?.trim();
  if (ufrag === undefined || password === undefined) return null;
  const candidates = fragment.match(/^a=candidate:.*$/gm) ?? [];
  let sections = 0;
  const lines = answer.split(/\r?\n/).flatMap((line) => {
    if (line === '' || line.startsWith('a=candidate:') || line === 'a=end-of-candidates') return [];
    if (line.startsWith('m=')) sections += 1;
    if (line.startsWith('a=ice-pwd:')) return [`a=ice-pwd:${password}`];
    // All sections are bundled with the first.
    if (line.startsWith('a=ice-ufrag:')) {
      return [`a=ice-ufrag:${ufrag}`, ...(sections === 1 ? candidates.map((text) => text.trim()) : [])];
    }
    return [line];
  });
  return `${lines.join('\r\n')}\r\n`;
}
