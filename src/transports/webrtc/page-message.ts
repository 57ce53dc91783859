/** What a page may say over its data channel. */
export type PageMessage = { readonly kind: 'digits'; readonly digits: string };

/** Reads `{"kind":"digits","digits":"12#"}`; null for everything else. */
export function readPageMessage(text: string): PageMessage | null {
  const value = parse(text);
  if (typeof value !== 'object' || value === null) return null;
  const { kind, digits } = value as { readonly kind?: unknown; readonly digits?: unknown };
  if (kind !== 'digits' || typeof digits !== 'string') return null;
  const upper = digits.toUpperCase();
  return /^[0-9*#A-D]{1,32}$/.test(upper) ? { kind, digits: upper } : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
