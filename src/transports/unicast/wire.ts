import type { SampleRateHz } from '../../core/units.js';

/** Rates that FreeSWITCH's codecs have on a call (Opus may be negotiated below 48 kHz). */
const RATES_HZ: readonly number[] = [8000, 12_000, 16_000, 24_000, 32_000, 48_000];
const MIN_PTIME_MS = 10;
const MAX_PTIME_MS = 60;
const SILENCE_BYTE = 0xff;

/**
 * What is in a datagram: L16 little endian, mono, exactly one ptime, no header (switch_ivr.c, switch_ivr_park). Both sides have to
 * know it beforehand.
 */
export type DatagramFormat = { readonly rateHz: SampleRateHz; readonly ptimeMs: number; readonly bytes: number };

/** The format of a rate and a ptime; null when no codec of FreeSWITCH has it. */
export function datagramFormat(rateHz: number, ptimeMs: number): DatagramFormat | null {
  if (!RATES_HZ.includes(rateHz) || !(ptimeMs >= MIN_PTIME_MS && ptimeMs <= MAX_PTIME_MS)) return null;
  const samples = (rateHz * ptimeMs) / 1000;
  return Number.isInteger(samples) ? { rateHz: rateHz as SampleRateHz, ptimeMs, bytes: samples * 2 } : null;
}

/** Whether FreeSWITCH made this up for a party that sends nothing: it fills the frame with 0xFF. */
export function isMadeUpSilence(datagram: Uint8Array): boolean {
  for (let i = 0; i < datagram.length; i++) if (datagram[i] !== SILENCE_BYTE) return false;
  return true;
}
