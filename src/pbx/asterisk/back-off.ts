const FIRST_MS = 100;
const LONGEST_MS = 5000;

/** The pause before attempt `attempt + 1`: doubling from 100 ms to 5 s; `random` (0 to 1) spreads it over its upper half, so that many do not come at once. */
export function backOffMs(attempt: number, random: number): number {
  const fullMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return fullMs * (0.5 + random / 2);
}
