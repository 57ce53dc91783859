import { isIP } from 'node:net';
import { LinecardError } from '../../core/errors.js';

/** Chromium's offer is 3 KB; candidates of a machine with many networks make it 10. */
const MAX_DESCRIPTION_BYTES = 64 * 1024;
/** A browser offers one audio and one data section; each further one costs a transport. */
const MAX_SECTIONS = 8;
const MAX_CANDIDATES = 64;

/**
 * What we ask the browser to send: forward error correction, nothing while its user is silent, mono, and no more bits than wideband speech needs
 * (RFC 7587 §6.1).
 */
const OPUS_PARAMETERS = 'minptime=10;useinbandfec=1;usedtx=1;stereo=0;sprop-stereo=0;maxaveragebitrate=40000';

/** A host candidate by a name instead of an address (RFC 8828 §3.3, mDNS): from afar nobody can look it up, and trying to takes ten seconds. */
const HIDDEN_CANDIDATE = /^a=candidate:(?:\S+ ){4}\S+\.local /i;

/** One m-line of a description with the lines under it. */
type Section = readonly string[];

/** Throws REQUEST_INVALID with what is missing: an offer must have one Opus section that both can send on, ICE and DTLS. */
export function checkOffer(sdp: string): void {
  if (sdp.length > MAX_DESCRIPTION_BYTES) throw invalid(`it is longer than ${MAX_DESCRIPTION_BYTES} bytes`);
  if (!/^v=0\r?\n/.test(sdp)) throw invalid('it does not begin with v=0');
  const sections = sectionsOf(sdp);
  if (sections.length > MAX_SECTIONS) throw invalid(`it has more than ${MAX_SECTIONS} m-lines`);
  const audio = sections.filter(([line]) => line?.startsWith('m=audio ') === true);
  const [first] = audio;
  if (first === undefined || audio.length > 1) throw invalid('it must have one m=audio section');
  if (!first.some((line) => /^a=rtpmap:\d+ opus\/48000\/2$/i.test(line))) throw invalid('it has no opus/48000/2');
  if (first.some((line) => /^a=(sendonly|recvonly|inactive)$/.test(line))) throw invalid('its audio must be sendrecv');
  if (sections.some(([line]) => line?.startsWith('m=video ') === true)) throw invalid('there is no video here');
  if (!/^a=ice-ufrag:\S{1,256}$/m.test(plain(sdp)) || !/^a=ice-pwd:\S{1,256}$/m.test(plain(sdp))) {
    throw invalid('it has no ICE credentials');
  }
  if (!/^a=fingerprint:\S+ \S+$/m.test(plain(sdp))) throw invalid('it has no DTLS fingerprint');
  if (candidatesOf(linesOf(sdp)).length > MAX_CANDIDATES)
    throw invalid(`it has more than ${MAX_CANDIDATES} candidates`);
}

/** The offer without candidates that hide their address: that browser finds us, and its checks tell where it is. */
export function withoutHiddenCandidates(offer: string): string {
  return `${linesOf(offer)
    .filter((line) => !HIDDEN_CANDIDATE.test(line))
    .join('\r\n')}\r\n`;
}

/**
 * Our answer as the browser gets it: the Opus parameters we want, and instead of our own addresses the announced one.
 * @param announce the address under which our UDP ports are reached from outside; null: our own are reached
 */
export function tuneAnswer(sdp: string, announce: string | null): string {
  const lines = linesOf(sdp);
  const opus = lines.map((line) => /^a=rtpmap:(\d+) opus\//i.exec(line)?.[1]).find((type) => type !== undefined);
  const seen = new Set<string>();
  const tuned = lines.flatMap((line) => {
    if (opus !== undefined && line.startsWith(`a=fmtp:${opus} `)) return [];
    if (opus !== undefined && line.startsWith(`a=rtpmap:${opus} `)) return [line, `a=fmtp:${opus} ${OPUS_PARAMETERS}`];
    if (line.startsWith('m=')) seen.clear();
    if (!line.startsWith('a=candidate:') || announce === null) return [line];
    const announced = announcedCandidate(line, announce);
    if (seen.has(announced)) return [];
    seen.add(announced);
    return [announced];
  });
  return `${tuned.join('\r\n')}\r\n`;
}

/** An SDP fragment of a trickling browser (RFC 8840 §9, RFC 9725 §4.3). */
export type Fragment = {
  readonly ufrag: string | null;
  readonly password: string | null;
  /** Candidate lines without `a=`, each with the section it came for; those that hide their address are left out. */
  readonly candidates: readonly { readonly line: string; readonly mid: string | null }[];
  readonly ended: 'yes' | 'no';
};

/** Throws REQUEST_INVALID for what is none. */
export function readFragment(sdp: string): Fragment {
  if (sdp.length > MAX_DESCRIPTION_BYTES) throw invalid(`it is longer than ${MAX_DESCRIPTION_BYTES} bytes`);
  const candidates: { line: string; mid: string | null }[] = [];
  let ufrag: string | null = null;
  let password: string | null = null;
  let mid: string | null = null;
  let ended: 'yes' | 'no' = 'no';
  for (const line of linesOf(sdp)) {
    if (line.startsWith('m=')) mid = null;
    else if (line.startsWith('a=mid:')) mid = line.slice('a=mid:'.length);
    else if (line.startsWith('a=ice-ufrag:')) ufrag = line.slice('a=ice-ufrag:'.length);
    else if (line.startsWith('a=ice-pwd:')) password = line.slice('a=ice-pwd:'.length);
    else if (line.startsWith('a=candidate:')) candidates.push({ line: line.slice('a='.length), mid });
    else if (line === 'a=end-of-candidates') ended = 'yes';
    else if (!/^[a-z]=/.test(line)) throw invalid('a fragment has lines of SDP only');
  }
  if (candidates.length > MAX_CANDIDATES) throw invalid(`it has more than ${MAX_CANDIDATES} candidates`);
  if (ufrag === null && candidates.length === 0 && ended === 'no')
    throw invalid('it has neither candidates nor credentials');
  return { ufrag, password, candidates: candidates.filter(({ line }) => !HIDDEN_CANDIDATE.test(`a=${line}`)), ended };
}

/** ICE credentials of a description. */
export function credentialsOf(sdp: string): { readonly ufrag: string | null; readonly password: string | null } {
  const text = plain(sdp);
  return {
    ufrag: /^a=ice-ufrag:(\S+)$/m.exec(text)?.[1] ?? null,
    password: /^a=ice-pwd:(\S+)$/m.exec(text)?.[1] ?? null,
  };
}

/** The offer once more with the credentials and candidates of an ICE restart: WHIP sends only those. */
export function renewOffer(offer: string, fragment: Fragment): string {
  const { ufrag, password, candidates } = fragment;
  if (ufrag === null || password === null) throw invalid('an ICE restart needs a=ice-ufrag and a=ice-pwd');
  const fresh = candidates.map(({ line }) => `a=${line}`);
  let sections = 0;
  const lines = linesOf(offer).flatMap((line) => {
    if (line.startsWith('m=')) sections += 1;
    if (line.startsWith('a=candidate:') || line === 'a=end-of-candidates') return [];
    if (line.startsWith('a=ice-pwd:')) return [`a=ice-pwd:${password}`];
    // Under the first section: all are bundled.
    if (line.startsWith('a=ice-ufrag:')) return [`a=ice-ufrag:${ufrag}`, ...(sections === 1 ? fresh : [])];
    return [line];
  });
  return `${lines.join('\r\n')}\r\n`;
}

/** What the browser is told after an ICE restart: our new credentials and candidates (RFC 9725 §4.3.3). */
export function answerFragment(answer: string): string {
  const { ufrag, password } = credentialsOf(answer);
  const [first = []] = sectionsOf(answer);
  const lines = [`a=ice-ufrag:${ufrag ?? ''}`, `a=ice-pwd:${password ?? ''}`, first[0] ?? 'm=audio 9 RTP/AVP 0'];
  const mids = first.filter((line) => line.startsWith('a=mid:'));
  const kept = [...mids, ...first.filter((line) => /^a=(candidate:|end-of-candidates$)/.test(line))];
  return `${[...lines, ...kept].join('\r\n')}\r\n`;
}

/** RFC 8839 §5.1: foundation, component, transport, priority, address, port, "typ", type. */
function announcedCandidate(line: string, announce: string): string {
  const parts = line.split(' ');
  if (parts[7] !== 'host' || isIP(announce) === 0) return line;
  parts[4] = announce;
  return parts.join(' ');
}

function candidatesOf(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith('a=candidate:'));
}

function sectionsOf(sdp: string): Section[] {
  const sections: string[][] = [];
  for (const line of linesOf(sdp)) {
    if (line.startsWith('m=')) sections.push([]);
    sections.at(-1)?.push(line);
  }
  return sections;
}

function linesOf(sdp: string): string[] {
  return sdp.split(/\r?\n/).filter((line) => line !== '');
}

function plain(sdp: string): string {
  return sdp.replaceAll('\r', '');
}

function invalid(why: string): LinecardError {
  return new LinecardError('REQUEST_INVALID', `this session description cannot be used: ${why}`);
}
