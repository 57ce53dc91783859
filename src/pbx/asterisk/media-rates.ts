/** The version of each major from which AudioSocket frames say their rate on the wire; before, everything is labelled 8 kHz. */
const WIDEBAND_SINCE: Readonly<Record<number, number>> = { 20: 17, 21: 12, 22: 7, 23: 1 };
const NEWEST_MAJOR = 23;

/**
 * Rates of an AudioSocket leg by the PBX's version (`22.10.1~dfsg`, `certified-20.7-cert5`, `GIT-master-…`), best first. An older one takes
 * slin16 as well and then mislabels it, so that asking does not tell.
 */
export function mediaRatesOf(version: string): readonly (8000 | 16_000)[] {
  const match = /(\d+)\.(\d+)/.exec(version);
  // Built from a branch: such are recent.
  if (match === null) return [16_000, 8000];
  const major = Number(match[1]);
  const minor = Number(match[2]);
  if (major > NEWEST_MAJOR) return [16_000, 8000];
  const since = WIDEBAND_SINCE[major];
  return since !== undefined && minor >= since ? [16_000, 8000] : [8000];
}
